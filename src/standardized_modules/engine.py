"""`InfrastructurePatternEngine` wires the stages and holds no logic of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from standardized_modules import __version__, workspace
from standardized_modules.errors import RefusedError, WorkspaceError
from standardized_modules.model.changes import ChangeSet
from standardized_modules.model.composition import Composition, Finding
from standardized_modules.model.library import Library, Pattern, Scalar
from standardized_modules.model.resolved import ResolvedService
from standardized_modules.model.spec import ServiceSpec
from standardized_modules.model.tree import FileTree
from standardized_modules.python_packages import PackageLock, parse_lock
from standardized_modules.stages import compose as compose_stage
from standardized_modules.stages import load as load_stage
from standardized_modules.stages import plan as plan_stage
from standardized_modules.stages import record as record_stage
from standardized_modules.stages import resolve as resolve_stage
from standardized_modules.stages.names import (
    check_description,
    check_owner,
    check_region,
    check_service_name,
    default_owner,
)
from standardized_modules.stages.render import Renderer

ROOT = Path(__file__).parent


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
        check_service_name(name)
        chosen = tuple(load_stage.find_pattern(each, self.library) for each in patterns)
        load_stage.check_patterns(chosen)
        where = load_stage.find_cloud(cloud, self.library)
        region, owner = region or where.default_region, owner or default_owner(name)
        check_region(region, where)
        check_owner(owner)
        common, by_environment = load_stage.parse_assignments(assignments, self.library)
        spec = ServiceSpec(
            name=name,
            patterns=chosen,
            cloud=where.name,
            region=region,
            owner=owner,
            values={**load_stage.check_values(values or {}, self.library), **common},
            environment_values=by_environment,
            origins=load_stage.assignment_origins(common, by_environment),
        )
        text = check_description(description) if description else self._describe(spec)
        return replace(spec, description=text)

    def read_spec(self, path: str | os.PathLike[str]) -> ServiceSpec:
        """The spec in a `sm.yaml`.

        Raises:
            SpecError: with file and line.
            WorkspaceError: when the file can't be read.
        """
        text = workspace.read_text(Path(path))
        spec = load_stage.load_spec(text, Path(path).name, self.library)
        return replace(spec, description=spec.description or self._describe(spec))

    def override(
        self,
        spec: ServiceSpec,
        *,
        name: str | None = None,
        region: str | None = None,
        owner: str | None = None,
        assignments: Iterable[str] = (),
    ) -> ServiceSpec:
        """A spec with some of its values replaced; its text is then written anew.

        Raises:
            SpecError: when a value does not fit.
        """
        common, by_environment = load_stage.parse_assignments(assignments, self.library)
        if name is not None:
            check_service_name(name)
        if region is not None:
            check_region(region, self.library.clouds[spec.cloud])
        if owner is not None:
            check_owner(owner)
        environments = {
            each: {**spec.environment_values.get(each, {}), **by_environment.get(each, {})}
            for each in (*spec.environment_values, *by_environment)
        }
        return replace(
            spec,
            name=name or spec.name,
            region=region or spec.region,
            owner=owner or spec.owner,
            values={**spec.values, **common},
            environment_values=environments,
            origins=spec.origins | load_stage.assignment_origins(common, by_environment),
            text=None,
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
            raise _refusal(service.findings)
        tree = self._renderer.render(service)
        records = record_stage.record(service, tree, self.library, __version__)
        return FileTree(dict(sorted({**tree.files, **records}.items())))

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

    def _describe(self, spec: ServiceSpec) -> str:
        titles = " and ".join(self.library.patterns[each].title for each in spec.patterns)
        return f"{titles} of the service {spec.name}."


def _refusal(findings: Sequence[Finding]) -> RefusedError:
    first, *others = findings
    lines = [f"\n{each.where + ': ' if each.where else ''}{each.message}\nhint: {each.hint}" for each in others]
    return RefusedError(first.message, hint=first.hint + "".join(lines), where=first.where)


def _bytecode_folder() -> Path | None:
    """Where compiled templates are kept between runs, private to the user; None without one.

    Compiling takes most of a run's time. The key that Jinja2 stores with each entry is the
    template's own hash, so that a stale entry is never used.
    """
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(home, "sm", f"templates-{__version__}")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mine = folder.stat().st_uid == os.getuid()
    except OSError:
        return None
    return folder if mine and os.access(folder, os.W_OK) else None
