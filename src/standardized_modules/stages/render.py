"""Takes a `ResolvedService` and the library's folder. Returns a `FileTree`, in memory.

The same input gives the same bytes: no clock, no randomness, sorted paths. Never writes.

Sources, in this order: `library/base`, `clouds/<cloud>/base`, then for each capability
`library/capabilities/<name>` and `clouds/<cloud>/capabilities/<name>`; in each of them
`managed/` and `starter/` hold files at their output path, `parts/` contributions to a shared
file, and `with/<capability>/` the same three for when that capability is present too, `without/<capability>/`
for when it is not, `when/<parameter>=<value>/` for when the parameter is that in every environment.
"""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
from jinja2.bccache import Bucket
from msgspec import Struct

from standardized_modules.errors import SpecError, TemplateError
from standardized_modules.model.resolved import ResolvedEnvironment, ResolvedService
from standardized_modules.model.tree import FileTree, Ownership, RenderedFile

TEMPLATE_SUFFIX = ".j2"
OWNERSHIPS: tuple[Ownership, ...] = ("managed", "starter")
KUBERNETES_BASE = "deploy/kubernetes/base/"
LITTER = ("__pycache__", ".DS_Store", "Thumbs.db", "*.pyc", "*.swp", "*.swo", "*.orig", "*.rej", "*~", ".#*", "#*#")
"""What editors and operating systems leave in a folder."""
OPTIONS: dict[str, Any] = {
    "block_start_string": "<%",
    "block_end_string": "%>",
    "variable_start_string": "<{",
    "variable_end_string": "}>",
    "comment_start_string": "<#",
    "comment_end_string": "#>",
    "trim_blocks": True,
    "lstrip_blocks": True,
    "keep_trailing_newline": True,
    "autoescape": False,
    "auto_reload": False,
    "cache_size": -1,
}


def bytecode_version() -> str:
    """Changes with everything that compiled templates depend on but their text."""
    options = hashlib.sha256(repr(sorted(OPTIONS.items())).encode()).hexdigest()[:12]
    return f"jinja2-{jinja2.__version__}-{options}"


def duration(seconds: int) -> str:
    """ "14 days" for 1209600: the largest unit that says it without a rest."""
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        number, rest = divmod(seconds, size)
        if number and not rest:
            return f"{number} {unit}{'s' if number > 1 else ''}"
    return f"{seconds} s"


class Source(Struct, frozen=True):
    """One file of the library that makes one output file."""

    path: str
    template: str
    ownership: Ownership
    executable: bool
    environment: ResolvedEnvironment | None = None

    @property
    def is_template(self) -> bool:
        """Whether it is rendered, rather than copied byte by byte."""
        return self.template.endswith(TEMPLATE_SUFFIX)


class Renderer:
    """Templates of one library, compiled once for any number of services.

    Args:
        root: The package's folder.
        bytecode: Folder for compiled templates; None compiles in every process.
    """

    def __init__(self, root: Path, bytecode: Path | None = None) -> None:
        self._root = root
        self._listings: dict[str, tuple[tuple[str, bool], ...]] = {}
        self._environment = _RelativeIncludes(
            loader=jinja2.FileSystemLoader(root),
            undefined=jinja2.StrictUndefined,
            bytecode_cache=_CompiledTemplates(bytecode) if bytecode else None,
            **OPTIONS,
        )
        self._environment.filters["duration"] = duration

    def render(self, service: ResolvedService) -> FileTree:
        """Every file of the service, sorted by path.

        Raises:
            TemplateError: when a template fails, or two sources make one path.
            SpecError: when environments differ in a parameter that chooses files of all of them.
        """
        folders = [each for each in self._folders(service) if (self._root / each).is_dir()]
        sources = self._sources(folders, service)
        context = _context(service, sorted(sources), self._parts(folders))
        files = {path: self._file(sources[path], context) for path in sorted(sources)}
        return FileTree(files)

    def _folders(self, service: ResolvedService) -> Iterator[str]:
        for owner in _owners(service):
            yield owner
            for choice in self._choices(owner):
                parameter, _, value = choice.partition("=")
                if _chosen(parameter, service) == value:
                    yield f"{owner}/when/{choice}"

    def _choices(self, owner: str) -> list[str]:
        folder = self._root / owner / "when"
        return sorted(each.name for each in folder.iterdir() if "=" in each.name) if folder.is_dir() else []

    def _sources(self, folders: list[str], service: ResolvedService) -> dict[str, Source]:
        found: dict[str, Source] = {}
        for folder in folders:
            for ownership in OWNERSHIPS:
                for relative, executable in self._list(f"{folder}/{ownership}"):
                    template = f"{folder}/{ownership}/{relative}"
                    for source in _expand(relative, template, ownership, executable, service):
                        if source.path in found:
                            raise TemplateError(
                                f"both {found[source.path].template!r} and {template!r} make {source.path!r}",
                                hint="rename one, or turn one into a part of the other",
                            )
                        found[source.path] = source
        return found

    def _parts(self, folders: list[str]) -> dict[str, list[str]]:
        parts = _Parts()
        for folder in folders:
            for relative, _ in self._list(f"{folder}/parts"):
                slot = relative.removesuffix(TEMPLATE_SUFFIX)
                parts.setdefault(slot, []).append(f"{folder}/parts/{relative}")
        return parts

    def _list(self, folder: str) -> tuple[tuple[str, bool], ...]:
        if folder not in self._listings:
            self._listings[folder] = tuple(sorted(_walk(self._root / folder, "")))
        return self._listings[folder]

    def _file(self, source: Source, context: dict[str, Any]) -> RenderedFile:
        if source.is_template:
            content = self._render_text(source, context).encode()
        else:
            content = (self._root / source.template).read_bytes()
        return RenderedFile(content, source.executable, source.ownership, source.template)

    def _render_text(self, source: Source, context: dict[str, Any]) -> str:
        scope = context
        if source.environment is not None:
            scope = context | _scope(source.environment) | {"environment": source.environment}
        try:
            return self._environment.get_template(source.template).render(scope)
        except Exception as problem:  # whatever a template raises, its author needs file and line
            raise TemplateError(
                f"{type(problem).__name__}: {problem}",
                hint="this is a fault of the library, not of your spec; please report it",
                where=self._place(problem, source.template),
            ) from problem

    def _place(self, problem: Exception, template: str) -> str:
        """The line of the innermost template, from the traceback that Jinja2 rewrites."""
        if isinstance(problem, jinja2.TemplateSyntaxError):
            return f"{problem.name or template}:{problem.lineno}"
        trace, place = problem.__traceback__, template
        while trace is not None:
            path = Path(trace.tb_frame.f_code.co_filename)
            if path.suffix != ".py" and path.is_relative_to(self._root):
                place = f"{path.relative_to(self._root).as_posix()}:{trace.tb_lineno}"
            trace = trace.tb_next
        return place


class _RelativeIncludes(jinja2.Environment):
    """Includes that begin with './' are relative to the template that includes."""

    def join_path(self, template: str, parent: str) -> str:
        if template.startswith("./"):
            return f"{parent.rpartition('/')[0]}/{template[2:]}"
        return template


class _CompiledTemplates(jinja2.BytecodeCache):
    """A cache on disk that a full disk, another process or a damaged entry can't turn into a failure.

    Each entry begins with the hash of its rest: what does not fit it is compiled anew.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load_bytecode(self, bucket: Bucket) -> None:
        try:
            entry = self._path(bucket).read_bytes()
        except OSError:
            return
        digest, code = entry[: hashlib.sha256().digest_size], entry[hashlib.sha256().digest_size :]
        if hashlib.sha256(code).digest() == digest:
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        code = bucket.bytecode_to_string()
        temporary = self._path(bucket).with_suffix(f".{os.getpid()}")
        with contextlib.suppress(OSError):
            try:
                temporary.write_bytes(hashlib.sha256(code).digest() + code)
                temporary.replace(self._path(bucket))
            finally:
                temporary.unlink(missing_ok=True)

    def _path(self, bucket: Bucket) -> Path:
        return self._folder / f"{bucket.key}.cache"


class _Parts(dict[str, list[str]]):
    """Contributions by slot; a slot without any is empty."""

    def __missing__(self, slot: str) -> list[str]:
        return []


def _owners(service: ResolvedService) -> Iterator[str]:
    cloud = service.spec.cloud
    present = service.composition.capability_names
    absent = [name for name in service.known_capabilities if name not in present]
    owners = ["library/base", f"clouds/{cloud}/base"]
    for name in present:
        owners += [f"library/capabilities/{name}", f"clouds/{cloud}/capabilities/{name}"]
    for owner in owners:
        yield owner
        for name in present:
            yield f"{owner}/with/{name}"
        for name in absent:
            yield f"{owner}/without/{name}"


def _chosen(parameter: str, service: ResolvedService) -> str:
    common = service.common.parameters[parameter]
    for each in service.environments:
        if each.parameters[parameter] != common:
            raise SpecError(
                f"{parameter} is {each.parameters[parameter]} in {each.name} and {common} elsewhere; "
                f"on {service.spec.cloud} it chooses files that all environments share",
                hint=f"set {parameter} once, for all environments",
            )
    return str(common)


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, bool]]:
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        if any(fnmatch.fnmatchcase(entry.name, each) for each in LITTER):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), f"{prefix}{entry.name}/")
        elif not _is_partial(entry.name):
            yield f"{prefix}{entry.name}", bool(entry.stat().st_mode & 0o100)


def _is_partial(name: str) -> bool:
    """`_name.j2` is included by a neighbour; `__init__.py` is a file like any other."""
    return name.startswith("_") and not name.startswith("__") and name.endswith(TEMPLATE_SUFFIX)


def _expand(
    relative: str, template: str, ownership: Ownership, executable: bool, service: ResolvedService
) -> Iterator[Source]:
    path = relative.removesuffix(TEMPLATE_SUFFIX).replace("__package__", service.spec.package)
    if "__environment__" not in path:
        yield Source(path, template, ownership, executable)
        return
    for environment in service.environments:
        own = path.replace("__environment__", environment.name)
        yield Source(own, template, ownership, executable, environment)


def _context(service: ResolvedService, paths: list[str], parts: dict[str, list[str]]) -> dict[str, Any]:
    spec, versions = service.spec, service.versions
    present = service.composition.capability_names
    return {
        "service": spec,
        "cloud": service.composition.cloud,
        "region": spec.region,
        "has": {name: name in present for name in service.known_capabilities},
        "patterns": service.composition.patterns,
        "chosen": {
            "common": _nested(spec.values),
            "environments": {name: _nested(values) for name, values in spec.environment_values.items() if values},
        },
        "capabilities": service.composition.capabilities,
        "environments": [_scope(each) | _identity(each) for each in service.environments],
        "versions": versions.versions,
        "actions": {name: f"{name}@{pin.split()[0]} # {pin.split()[1]}" for name, pin in versions.actions.items()},
        "python": service.python,
        "files": paths,
        "kubernetes_resources": _kubernetes_resources(paths),
        "parts": parts,
        **_scope(service.common),
    }


def _kubernetes_resources(paths: list[str]) -> list[str]:
    return [
        name
        for path in paths
        if path.startswith(KUBERNETES_BASE)
        and "/" not in (name := path.removeprefix(KUBERNETES_BASE))
        and name.endswith(".yaml")
        and name != "kustomization.yaml"
    ]


def _identity(environment: ResolvedEnvironment) -> dict[str, Any]:
    return {
        "name": environment.name,
        "title": environment.title,
        "namespace": environment.namespace,
        "host": environment.host,
    }


def _scope(environment: ResolvedEnvironment) -> dict[str, Any]:
    return {"p": _nested(environment.parameters), "d": _nested(environment.derived)}


def _nested(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    nested: dict[str, dict[str, Any]] = {}
    for path, value in values.items():
        group, _, name = path.partition(".")
        nested.setdefault(group, {})[name] = value
    return nested
