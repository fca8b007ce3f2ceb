"""`InfrastructurePatternEngine` wires the stages and holds no logic of its own."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from standardized_modules import __version__, workspace
from standardized_modules.documents import read
from standardized_modules.errors import RefusedError, WorkspaceError
from standardized_modules.model.changes import ChangeSet
from standardized_modules.model.composition import Composition
from standardized_modules.model.library import Library, Pattern, Scalar
from standardized_modules.model.resolved import ResolvedService
from standardized_modules.model.spec import ServiceSpec
from standardized_modules.model.tree import FileTree
from standardized_modules.python_packages import PackageLock, parse_lock
from standardized_modules.stages import compose as compose_stage
from standardized_modules.stages import dropped as dropped_stage
from standardized_modules.stages import load as load_stage
from standardized_modules.stages import plan as plan_stage
from standardized_modules.stages import record as record_stage
from standardized_modules.stages import resolve as resolve_stage
from standardized_modules.stages import specs as spec_stage
from standardized_modules.stages.render import Renderer, bytecode_version

ROOT = Path(__file__).parent
SPEC = "sm.yaml"


class InfrastructurePatternEngine:
    """Turns a spec into a service, stage by stage.

    Every stage can be called on its own; each returns a frozen value that the next one takes:

        engine = InfrastructurePatternEngine.load()
        spec = engine.spec("orders", patterns=["web_api"], cloud="aws")
        service = engine.resolve(engine.compose(spec))
        changes = engine.plan(engine.render(service), "orders")
        engine.apply(changes, "orders")

    Create one with `load`; an engine may serve any number of services.
    """

    def __init__(self, library: Library, packages: PackageLock, renderer: Renderer) -> None:
        self.library = library
        self._packages = packages
        self._renderer = renderer

    @classmethod
    def load(cls, catalogs: Iterable[str | os.PathLike[str]] = ()) -> InfrastructurePatternEngine:
        """Read the library.

        Args:
            catalogs: Pattern files of your organisation, added to the shipped ones.

        Raises:
            LibraryError: when a definition is invalid, with file and line.
        """
        library = load_stage.load_library(ROOT, [Path(each) for each in catalogs])
        packages = parse_lock(json.loads((ROOT / "library" / "python-packages.json").read_bytes()))
        return cls(library, packages, Renderer(ROOT, _bytecode_folder()))

    def patterns(self) -> Mapping[str, Pattern]:
        """The patterns by name, in the order of their files."""
        return self.library.patterns

    def spec(
        self,
        name: str,
        *,
        patterns: Sequence[str],
        cloud: str,
        region: str | None = None,
        owner: str | None = None,
        description: str | None = None,
        values: Mapping[str, Scalar] | None = None,
        assignments: Iterable[str] = (),
    ) -> ServiceSpec:
        """A checked spec.

        Args:
            name: RFC 1123 label.
            patterns: Names of patterns; `web-api` and `web_api` are the same.
            cloud: Name of a cloud.
            region: Region of the cloud; the cloud's default when absent.
            owner: Slug of the team; `team-<name>` when absent.
            description: One sentence; made of the name and the patterns when absent.
            values: Parameters by dotted path.
            assignments: "path=value" and "environment.path=value" texts, as of `--set`.

        Raises:
            SpecError: with the reason and the way out.
        """
        common, by_environment = spec_stage.parse_assignments(assignments, self.library)
        given = {"cloud": cloud, "region": region, "owner": owner, "description": description}
        origins = {key: f"--{key} {value}" for key, value in given.items() if value is not None}
        return spec_stage.make_spec(
            self.library,
            name=name,
            patterns=patterns,
            cloud=cloud,
            region=region,
            owner=owner,
            description=description,
            values={**(values or {}), **common},
            environment_values=by_environment,
            origins=origins | spec_stage.assignment_origins(common, by_environment),
        )

    def read_spec(self, path: str | os.PathLike[str]) -> ServiceSpec:
        """The spec in a `sm.yaml`.

        Raises:
            SpecError: with file and line.
            WorkspaceError: when the file can't be read.
        """
        return spec_stage.load_spec(read(Path(path), WorkspaceError), str(path), self.library)

    def override(
        self,
        spec: ServiceSpec,
        *,
        name: str | None = None,
        region: str | None = None,
        owner: str | None = None,
        assignments: Iterable[str] = (),
    ) -> ServiceSpec:
        """A spec with some of its values replaced; its text is then written anew, and what nobody
        wrote (owner, description) takes the default that belongs to the new name.

        Raises:
            SpecError: when a value does not fit.
        """
        common, by_environment = spec_stage.parse_assignments(assignments, self.library)
        written = {"region": spec.region, "owner": spec.owner, "description": spec.description}
        fields = {key: value for key, value in written.items() if key in spec.origins}
        given = {"region": region, "owner": owner}
        fields |= {key: value for key, value in given.items() if value is not None}
        origins = {key: f"--{key} {value}" for key, value in given.items() if value is not None}
        kept = {key: place for key, place in spec.origins.items() if name is None or key != "name"}
        return spec_stage.make_spec(
            self.library,
            name=name or spec.name,
            patterns=spec.patterns,
            cloud=spec.cloud,
            region=fields.get("region"),
            owner=fields.get("owner"),
            description=fields.get("description"),
            values={**spec.values, **common},
            environment_values={
                each: {**spec.environment_values.get(each, {}), **by_environment.get(each, {})}
                for each in (*spec.environment_values, *by_environment)
            },
            origins=kept | origins | spec_stage.assignment_origins(common, by_environment),
        )

    def compose(self, spec: ServiceSpec) -> Composition:
        """The spec's patterns put together; incompatibilities are findings, not exceptions."""
        return compose_stage.compose(spec, self.library)

    def resolve(self, composition: Composition) -> ResolvedService:
        """Every value decided, in common and by environment; broken rules join the findings."""
        return resolve_stage.resolve(composition, self.library, self._packages)

    def render(self, service: ResolvedService) -> FileTree:
        """Every file of the service in memory, with the records of `.sm/`.

        Raises:
            RefusedError: when the service has findings.
        """
        if service.findings:
            raise RefusedError(service.findings)
        tree = self._renderer.render(service)
        records = record_stage.record(service, tree, self.library, __version__)
        return FileTree(dict(sorted({**tree.files, **records}.items())))

    def keep_spec(
        self, spec: ServiceSpec, tree: FileTree, directory: str | os.PathLike[str], *, from_file: bool
    ) -> None:
        """Refuse to replace a service's `sm.yaml` by one that says less. A spec that was read from a file says
        what it is meant to say; one of options names only what somebody typed.

        Args:
            spec: What `tree` was made of.
            tree: From `render`.
            directory: The service's folder; need not exist.
            from_file: Whether it was read from a file, and options changed it.

        Raises:
            SpecError: when the `sm.yaml` that is there can't be read as one.
            WorkspaceError: with what would be lost, and where it stands.
        """
        path = Path(directory, SPEC)
        if spec.text is not None or not path.is_file():
            return
        dropped_stage.refuse_loss(
            str(path),
            self.read_spec(path),
            None if from_file else spec,
            (read(path, WorkspaceError), tree.files[SPEC].content.decode()),
            self.library,
        )

    def plan(self, tree: FileTree, directory: str | os.PathLike[str], *, force: bool = False) -> ChangeSet:
        """What applying the tree to a folder would do. Reads the folder and writes nothing, but
        for finishing an update of an earlier run that was killed in the middle.

        Args:
            tree: From `render`.
            directory: The service's folder; need not exist.
            force: Allow a folder that is not empty. Files that `sm` does not own are kept even
                then, and your edits of files that it owns are merged.

        Raises:
            WorkspaceError: when the folder is not empty, without `force`.
        """
        folder = Path(directory)
        if workspace.is_empty(folder):
            return replace(plan_stage.plan(FileTree({}), {}, tree), fresh=True)
        if not force:
            raise WorkspaceError(
                "the folder is not empty",
                hint="choose another name or --output-dir; with --force files are merged into "
                "it, and none of yours is overwritten",
                where=str(folder),
            )
        previous = workspace.load_previous(folder)
        current = workspace.read_files(folder, sorted(previous.base.files.keys() | tree.files.keys()))
        settled = workspace.settled_conflicts(folder, previous.conflicts)
        changes = plan_stage.plan(previous.base, current, tree, settled)
        open_conflicts = {each.path: tree.files[each.path].content for each in changes.conflicts}
        if open_conflicts:
            tree = record_stage.with_conflicts(tree, previous, open_conflicts)
            changes = plan_stage.plan(previous.base, current, tree, settled)
        return replace(changes, proposed_before=tuple(previous.conflicts))

    def apply(self, changes: ChangeSet, directory: str | os.PathLike[str]) -> None:
        """Carry the changes out, wholly or not at all.

        Raises:
            WorkspaceError: when the folder can't be written or changed since the plan.
        """
        workspace.apply(changes, Path(directory))


def _bytecode_folder() -> Path | None:
    """Where compiled templates are kept between runs, private to the user; None without one.

    Compiling takes most of a run's time. The name holds everything that compiled code depends on
    but the template's own text, whose hash Jinja2 stores with each entry.
    """
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(home, "sm", f"templates-{__version__}-{bytecode_version()}")
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    private = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022
    return folder if private and os.access(folder, os.W_OK) else None
