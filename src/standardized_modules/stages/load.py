"""Takes the library's files. Returns a `Library`, checked as a whole.

Every error names file and line: library files relative to the package, an organisation's catalog
as the user gave its path. Never writes, never decides a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from msgspec import UNSET, Struct

from standardized_modules.documents import Document, parse, read
from standardized_modules.errors import LibraryError, near
from standardized_modules.expressions import names_in
from standardized_modules.model.library import (
    BASE,
    FACTS,
    REGION,
    Capability,
    Cloud,
    Identifier,
    Implementation,
    Library,
    Lookup,
    NameLimit,
    Parameter,
    ParameterPath,
    ParameterRefinement,
    Pattern,
    Rule,
    RuleName,
    Versions,
)
from standardized_modules.stages.values import check_definition

T = TypeVar("T", Capability, Cloud)
PATTERN_FILE = Path("library", "infrastructure-patterns.yaml")
PATTERN_FILE_KEYS = frozenset({"version", "patterns", "parameters", "rules"})
PATTERN_FILE_SHAPE = "compare with sm's library/schemas/infrastructure-patterns.schema.json"


class _PatternFile(Struct, frozen=True):
    """What one pattern file adds, and where each thing stands."""

    document: Document
    patterns: dict[str, Pattern]
    parameters: dict[str, dict[str, Parameter]]
    rules: dict[str, Rule]

    def where(self, *path: str) -> str:
        return self.document.where(path)


def load_library(root: Path, catalogs: Iterable[Path] = ()) -> Library:
    """Read the whole library.

    Args:
        root: The package's folder, which holds `library/` and `clouds/`.
        catalogs: Pattern files of the organisation; they may add patterns, parameters of
            capabilities and rules, and may not redefine one that exists.

    Raises:
        LibraryError: with file and line.
    """
    files = [_pattern_file(_document(root, PATTERN_FILE, PATTERN_FILE_SHAPE))]
    files += [_pattern_file(_document(Path(), each, PATTERN_FILE_SHAPE)) for each in catalogs]
    capabilities = _definitions(root, "library/capabilities/*/capability.yaml", Capability)
    clouds = _definitions(root, "clouds/*/cloud.yaml", Cloud)
    implementations = _implementations(root)
    names = _document(root, Path("library", "names.yaml"))
    versions = _document(root, Path("library", "versions.yaml"))
    base = _document(root, Path("library", "base", "capability.yaml"))
    library = Library(
        patterns=_merged((file.document, "patterns", file.patterns) for file in files),
        parameters=_merged(
            [
                *(
                    (file.document, f"parameters/{group}", found)
                    for file in files
                    for group, found in file.parameters.items()
                ),
                *((document, "parameters", each.parameters) for document, _, _, each in implementations),
            ]
        ),
        parameter_owner={
            **{path: group for file in files for group, found in file.parameters.items() for path in found},
            **{path: capability for _, _, capability, each in implementations for path in each.parameters},
        },
        rules=_merged((file.document, "rules", file.rules) for file in files),
        base=base.convert(Capability, LibraryError),
        capabilities={name: capability for name, (_, capability) in capabilities.items()},
        clouds={name: cloud for name, (_, cloud) in clouds.items()},
        implementations={
            cloud: {capability: each for _, place, capability, each in implementations if place == cloud}
            for cloud in clouds
        },
        versions=versions.convert(Versions, LibraryError),
        names=tuple(names.convert(list[NameLimit], LibraryError, ("names",))),
        root=root,
    )
    for document, capability in capabilities.values():
        _check_requirements(document, capability, library)
    for document, capability in capabilities.values():
        _check_derived(document, capability, library)
        _check_processes(document, capability, library)
    for document, cloud in clouds.values():
        _check_cloud(document, cloud, library)
    for file in files:
        _check_pattern_file(file, library)
    for document, cloud_name, capability_name, implementation in implementations:
        _check_implementation(document, library.clouds[cloud_name], capability_name, implementation, library)
    return library


def _document(root: Path, path: Path, shape: str = "compare with another file of its kind") -> Document:
    return parse(read_library_file(root, path), str(path), LibraryError, shape)


def read_library_file(root: Path, path: Path) -> str:
    """The text of a file, with errors that name it as `path` and not below `root`."""
    try:
        return read(root / path, LibraryError)
    except LibraryError as problem:
        raise LibraryError(problem.message, hint=problem.hint, where=str(path)) from None


def _pattern_file(document: Document) -> _PatternFile:
    if not isinstance(document.data, dict) or document.data.get("version") != 1 or document.data["version"] is True:
        raise LibraryError(
            "not a pattern file of version 1",
            hint="begin it with 'version: 1' and a 'patterns:' mapping",
            where=document.where(("version",)),
        )
    for key in document.data:
        if key not in PATTERN_FILE_KEYS:
            raise LibraryError(
                f"unknown key {key!r}",
                hint=near(key, PATTERN_FILE_KEYS, f"allowed: {', '.join(sorted(PATTERN_FILE_KEYS))}"),
                where=document.where((key,)),
            )
    for name in document.entries(dict[str, Any], LibraryError, ("patterns",), Identifier):
        refinements = ("patterns", name, "parameters")
        document.entries(ParameterRefinement, LibraryError, refinements, ParameterPath)
    groups = document.entries(dict[str, Any], LibraryError, ("parameters",), Identifier)
    return _PatternFile(
        document=document,
        patterns=document.entries(Pattern, LibraryError, ("patterns",), Identifier),
        parameters={
            group: document.entries(Parameter, LibraryError, ("parameters", group), ParameterPath) for group in groups
        },
        rules=document.entries(Rule, LibraryError, ("rules",), RuleName),
    )


def _definitions(root: Path, pattern: str, kind: type[T]) -> dict[str, tuple[Document, T]]:
    found: dict[str, tuple[Document, T]] = {}
    for path in sorted(root.glob(pattern)):
        document = _document(root, path.relative_to(root))
        definition = document.convert(kind, LibraryError)
        if definition.name != path.parent.name:
            raise LibraryError(
                f"it is named {definition.name!r} in a folder named {path.parent.name!r}",
                hint="make the two equal",
                where=document.where(("name",)),
            )
        found[definition.name] = (document, definition)
    return found


def _implementations(root: Path) -> list[tuple[Document, str, str, Implementation]]:
    """What clouds add to capabilities, with the names of both."""
    found = []
    for path in sorted(root.glob("clouds/*/capabilities/*/capability.yaml")):
        document = _document(root, path.relative_to(root))
        *_, cloud, _, capability, _ = path.parts
        found.append((document, cloud, capability, document.convert(Implementation, LibraryError)))
    return found


def _merged(sources: Iterable[tuple[Document, str, Mapping[str, Any]]]) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for document, place, found in sources:
        for name, definition in found.items():
            if name in known:
                raise LibraryError(
                    f"{name!r} is defined already",
                    hint="choose another name; an existing definition can't be replaced",
                    where=document.where((*place.split("/"), name)),
                )
            known[name] = definition
    return known


def _check_requirements(document: Document, capability: Capability, library: Library) -> None:
    for index, required in enumerate(capability.requires):
        if required not in library.capabilities:
            raise LibraryError(
                f"{capability.name!r} requires {required!r}, which does not exist",
                hint=near(required, library.capabilities, "remove it from 'requires'"),
                where=document.where(("requires", index)),
            )


def _check_derived(document: Document, capability: Capability, library: Library) -> None:
    """A derived value reads what is certainly there: its own capability's and required ones'."""
    closure = library.closure([capability.name])
    known = set(library.parameters_of(each.name for each in closure))
    known |= {path for each in closure if each is not capability for path in each.derived}
    known |= library.derived_names(each.name for each in closure) - capability.derived.keys()
    for path, derived in capability.derived.items():
        place = document.where(("derived", path, "value"))
        if path in library.parameters:
            raise LibraryError(f"{path!r} is a parameter already", hint="choose another name", where=place)
        for used in sorted(names_in(derived.value, place) - known):
            raise LibraryError(
                f"{path!r} reads {used!r}, which {capability.name!r} does not have",
                hint=near(used, known, "require the capability that has it"),
                where=place,
            )
        known.add(path)


def _check_processes(document: Document, capability: Capability, library: Library) -> None:
    """A process has one name in the library, and its ports read what is certainly there."""
    known = library.parameters_of(each.name for each in library.closure([capability.name]))
    processes = [process for each in library.capabilities.values() for process in each.processes]
    for index, process in enumerate(capability.processes):
        if process is not next(each for each in processes if each.name == process.name):
            raise LibraryError(
                f"there is another process named {process.name!r}",
                hint="rename one of the two",
                where=document.where(("processes", index, "name")),
            )
        expressions = [("ports", number, "default", port.default) for number, port in enumerate(process.ports)]
        expressions += [
            ("examples", number, "when", each.when) for number, each in enumerate(process.examples) if each.when
        ]
        for part, number, key, expression in expressions:
            place = document.where(("processes", index, part, number, key))
            for used in sorted(names_in(expression, place) - known.keys()):
                raise LibraryError(
                    f"process {process.name!r} reads {used!r}, which {capability.name!r} does not have",
                    hint=near(used, known, "write a value"),
                    where=place,
                )


def _check_cloud(document: Document, cloud: Cloud, library: Library) -> None:
    """A cloud implements each capability or says why it can't."""
    for key, names in (("implements", cloud.implements), ("unsupported", cloud.unsupported)):
        for name in names:
            if name not in library.capabilities:
                raise LibraryError(
                    f"there is no capability {name!r}",
                    hint=near(name, library.capabilities, "remove it"),
                    where=document.where((key, name)),
                )
    for name in library.capabilities:
        if (name in cloud.implements) == (name in cloud.unsupported):
            raise LibraryError(
                f"cloud {cloud.name!r} must either implement {name!r} or say why it can't",
                hint="add it to 'implements' or to 'unsupported', not both",
                where=document.where(("implements",)),
            )


def _check_implementation(
    document: Document, cloud: Cloud, capability: str, implementation: Implementation, library: Library
) -> None:
    if capability not in cloud.implements:
        raise LibraryError(
            f"cloud {cloud.name!r} does not implement {capability!r}",
            hint=near(capability, cloud.implements, "remove the folder, or add it to 'implements'"),
            where=document.where(()),
        )
    for path, parameter in implementation.parameters.items():
        check_definition(path, parameter, document.where(("parameters", path)))
    _check_lookups(document, cloud, capability, implementation, library)
    for name, rule in implementation.rules.items():
        place = document.where(("rules", name, "require"))
        if name in library.rules:
            raise LibraryError(f"{name!r} is defined already", hint="choose another name", where=place)
        _check_rule(name, rule, place, library)
    own = {path: each for path, each in library.parameters.items() if library.parameter_owner[path] == capability}
    for path, refinement in implementation.refinements.items():
        place = document.where(("refinements", path))
        if path not in own:
            raise LibraryError(
                f"{path!r} is not a parameter of {capability!r}",
                hint=near(path, own, "refine it in the folder of the capability that it belongs to"),
                where=place,
            )
        for problem in _loosened(own[path], refinement):
            raise LibraryError(
                f"{cloud.name!r} refines {path!r}: {problem}", hint="a cloud may only tighten bounds", where=place
            )
        check_definition(path, own[path].refined(refinement), place)


def _check_lookups(
    document: Document, cloud: Cloud, capability: str, implementation: Implementation, library: Library
) -> None:
    """A table is by region, or by a parameter of the same capability that has choices."""
    for path, lookups in implementation.lookups.items():
        chooser = library.parameters.get(path)
        if path != REGION and (chooser is None or library.parameter_owner[path] != capability or not chooser.choices):
            raise LibraryError(
                f"{path!r} is not an enum of {capability!r}",
                hint=f"look values up by {REGION} or by a parameter with choices, in the folder of its capability",
                where=document.where(("lookups", path)),
            )
        for name, lookup in lookups.items():
            place = document.where(("lookups", path, name))
            if name in library.parameters or name in library.capabilities[capability].derived:
                raise LibraryError(f"{name!r} is defined already", hint="choose another name", where=place)
            _check_table(name, lookup, chooser, cloud, place)


def _check_table(name: str, lookup: Lookup, chooser: Parameter | None, cloud: Cloud, place: str) -> None:
    """Of choices all have a value and nothing else has; of regions some are named, and `otherwise` is said."""
    if chooser is None:
        of, hint = f"regions of {cloud.title}", f"for example: {cloud.default_region}"
        wrong = {each for each in lookup.values if not re.fullmatch(cloud.region_pattern, each)}
    else:
        of, hint = "choices of its parameter", "give every choice a value, and nothing else"
        wrong = {str(choice) for choice in chooser.choices} ^ lookup.values.keys()
    if wrong:
        raise LibraryError(f"{name!r} and the {of} differ: {', '.join(sorted(wrong))}", hint=hint, where=place)
    if (lookup.otherwise is None) != (chooser is not None):
        raise LibraryError(
            f"{name!r} {'says nothing of other regions' if chooser is None else 'has a value for other choices'}",
            hint="a table by region has a value 'otherwise', one by choices has none",
            where=place,
        )


def _check_rule(name: str, rule: Rule, place: str, library: Library) -> None:
    known = {*library.parameters, *(path for each in library.capabilities.values() for path in each.derived)}
    known |= {path for cloud in library.clouds for path in library.lookups_on(cloud, library.capabilities)}
    known |= FACTS
    for used in sorted(names_in(rule.require, place) - known):
        raise LibraryError(
            f"rule {name!r} reads {used!r}, which is neither a parameter nor a derived value",
            hint=near(used, known, "define it below 'parameters:'"),
            where=place,
        )


def _check_pattern_file(file: _PatternFile, library: Library) -> None:
    for group, found in file.parameters.items():
        if group != BASE and group not in library.capabilities:
            raise LibraryError(
                f"the parameters of {group!r} have no capability of that name",
                hint=near(group, (BASE, *library.capabilities), f"put them below a capability or below '{BASE}'"),
                where=file.where("parameters", group),
            )
        for path, parameter in found.items():
            check_definition(path, parameter, file.where("parameters", group, path))
    for name, rule in file.rules.items():
        _check_rule(name, rule, file.where("rules", name, "require"), library)
    for name, pattern in file.patterns.items():
        _check_pattern(file, name, pattern, library)


def _check_pattern(file: _PatternFile, name: str, pattern: Pattern, library: Library) -> None:
    for index, capability in enumerate(pattern.capabilities):
        if capability not in library.capabilities:
            raise LibraryError(
                f"pattern {name!r} needs the capability {capability!r}, which does not exist",
                hint=near(capability, library.capabilities, f"choose from: {', '.join(library.capabilities)}"),
                where=file.document.where(("patterns", name, "capabilities", index)),
            )
    for other in pattern.conflicts:
        if other not in library.patterns:
            raise LibraryError(
                f"pattern {name!r} conflicts with {other!r}, which is not a pattern",
                hint=near(other, library.patterns, "remove it from 'conflicts'"),
                where=file.where("patterns", name, "conflicts", other),
            )
    own = library.parameters_of(each.name for each in library.closure(pattern.capabilities))
    for path, refinement in pattern.parameters.items():
        place = file.where("patterns", name, "parameters", path)
        if path not in library.parameters:
            raise LibraryError(
                f"pattern {name!r} refines {path!r}, which is not a parameter",
                hint=near(path, library.parameters, "'sm explain PATTERN' lists the parameters"),
                where=place,
            )
        if path not in own:
            raise LibraryError(
                f"pattern {name!r} refines {path!r}, which none of its capabilities reads",
                hint=f"add the capability {library.parameter_owner[path]!r}, or remove the refinement",
                where=place,
            )
        for problem in _loosened(own[path], refinement):
            raise LibraryError(
                f"pattern {name!r} refines {path!r}: {problem}",
                hint="a pattern may only tighten bounds",
                where=place,
            )
        check_definition(path, own[path].refined(refinement), place)


def _loosened(parameter: Parameter, refinement: ParameterRefinement) -> Iterator[str]:
    low, high = parameter.minimum, parameter.maximum
    if refinement.minimum is not UNSET and low is not None and refinement.minimum < low:
        yield f"its minimum {refinement.minimum:g} is below the parameter's own, {low:g}"
    if refinement.maximum is not UNSET and high is not None and refinement.maximum > high:
        yield f"its maximum {refinement.maximum:g} is above the parameter's own, {high:g}"
