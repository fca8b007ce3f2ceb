"""Takes the library's files and a spec's text. Returns `Library` and `ServiceSpec`.

Every error names file and line. Never writes, never decides a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from standardized_modules.documents import Document, parse
from standardized_modules.errors import LibraryError, SpecError
from standardized_modules.expressions import names_in
from standardized_modules.model.library import (
    ENVIRONMENTS,
    Capability,
    Cloud,
    Library,
    NameLimit,
    Parameter,
    ParameterRefinement,
    Pattern,
    Rule,
    Scalar,
    Versions,
)
from standardized_modules.model.spec import ServiceSpec
from standardized_modules.stages.names import (
    check_description,
    check_owner,
    check_region,
    check_service_name,
    default_owner,
)
from standardized_modules.stages.values import check_definition, check_value

PATTERN_FILE_KEYS = frozenset({"version", "patterns", "parameters", "rules"})
SPEC_KEYS = (
    "version", "name", "owner", "description", "cloud", "region", "patterns", "parameters",
    "environments",
)  # fmt: skip


def load_library(root: Path, catalogs: Iterable[Path] = ()) -> Library:
    """Read the whole library.

    Args:
        root: The package's folder, which holds `library/` and `clouds/`.
        catalogs: Pattern files of the organisation; they may add patterns, parameters of
            capabilities and rules, and may not redefine one that exists.

    Raises:
        LibraryError: with file and line.
    """
    patterns: dict[str, Pattern] = {}
    parameters: dict[str, Parameter] = {}
    owners: dict[str, str] = {}
    rules: dict[str, Rule] = {}
    for document in _pattern_documents(root, catalogs):
        for group, found in _parameters(document):
            _merge(parameters, found, document, ("parameters", group))
            owners.update(dict.fromkeys(found, group))
        _merge(rules, document.entries(Rule, LibraryError, ("rules",)), document, ("rules",))
        _merge(patterns, _patterns(document), document, ("patterns",))
        _check_references(document, patterns, parameters, rules)
    names = _document(root / "library" / "names.yaml")
    library = Library(
        patterns=patterns,
        parameters=parameters,
        parameter_owner=owners,
        rules=rules,
        base=_document(root / "library" / "base" / "capability.yaml").convert(Capability, LibraryError),
        capabilities=_load_capabilities(root),
        clouds=_load_clouds(root),
        versions=_document(root / "library" / "versions.yaml").convert(Versions, LibraryError),
        names=tuple(names.convert(list[NameLimit], LibraryError, ("names",))),
        root=root,
    )
    _check_library(library)
    return library


def _pattern_documents(root: Path, catalogs: Iterable[Path]) -> Iterator[Document]:
    for path in (root / "library" / "infrastructure-patterns.yaml", *catalogs):
        document = _document(path)
        if not isinstance(document.data, dict) or document.at(("version",)) != 1:
            raise LibraryError(
                "not a pattern file of version 1",
                hint="begin it with 'version: 1' and a 'patterns:' mapping",
                where=document.where(("version",)),
            )
        for key in document.data:
            if key not in PATTERN_FILE_KEYS:
                raise LibraryError(
                    f"unknown key {key!r}",
                    hint=f"allowed: {', '.join(sorted(PATTERN_FILE_KEYS))}",
                    where=document.where((key,)),
                )
        yield document


def _document(path: Path) -> Document:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or "it is not UTF-8 text"
        raise LibraryError(
            f"can't be read: {reason}", hint="check the path and its permissions", where=str(path)
        ) from None
    return parse(text, path.name, LibraryError)


def _parameters(document: Document) -> Iterator[tuple[str, dict[str, Parameter]]]:
    groups = document.entries(dict[str, Any], LibraryError, ("parameters",))
    for group in groups:
        found = document.entries(Parameter, LibraryError, ("parameters", group))
        for path, parameter in found.items():
            check_definition(path, parameter, document.where(("parameters", group, path)))
        yield group, found


def _patterns(document: Document) -> dict[str, Pattern]:
    for name in document.entries(dict[str, Any], LibraryError, ("patterns",)):
        path = ("patterns", name, "parameters")
        document.entries(ParameterRefinement, LibraryError, path)
    return document.entries(Pattern, LibraryError, ("patterns",))


def _merge(known: dict[str, Any], found: dict[str, Any], document: Document, path: tuple[str, ...]) -> None:
    for name in found:
        if name in known:
            raise LibraryError(
                f"{name!r} is defined already",
                hint="choose another name; an existing definition can't be replaced",
                where=document.where((*path, name)),
            )
    known.update(found)


def _check_references(
    document: Document,
    patterns: dict[str, Pattern],
    parameters: dict[str, Parameter],
    rules: dict[str, Rule],
) -> None:
    for name in document.at(("patterns",)) or {}:
        pattern = patterns[name]
        for path in pattern.parameters:
            place = document.where(("patterns", name, "parameters", path))
            if path not in parameters:
                raise LibraryError(
                    f"pattern {name!r} refines {path!r}, which is not a parameter",
                    hint=near(path, parameters, "see 'sm explain' for the parameters"),
                    where=place,
                )
        for rule in pattern.rules:
            if rule not in rules:
                raise LibraryError(
                    f"pattern {name!r} names the rule {rule!r}, which does not exist",
                    hint=near(rule, rules, "define it below 'rules:'"),
                    where=document.where(("patterns", name, "rules")),
                )
    for name in document.at(("rules",)) or {}:
        place = document.where(("rules", name, "require"))
        for used in sorted(names_in(rules[name].require, place) - parameters.keys()):
            raise LibraryError(
                f"rule {name!r} reads {used!r}, which is not a parameter",
                hint=near(used, parameters, "define it below 'parameters:'"),
                where=place,
            )


def _load_capabilities(root: Path) -> dict[str, Capability]:
    folder = root / "library" / "capabilities"
    found: dict[str, Capability] = {}
    for path in sorted(folder.glob("*/capability.yaml")):
        document = _document(path)
        capability = document.convert(Capability, LibraryError)
        if capability.name != path.parent.name:
            raise LibraryError(
                f"the capability is named {capability.name!r} in a folder named {path.parent.name!r}",
                hint="make the two equal",
                where=f"{path.parent.name}/{document.where(('name',))}",
            )
        found[capability.name] = capability
    return found


def _load_clouds(root: Path) -> dict[str, Cloud]:
    found = {}
    for path in sorted((root / "clouds").glob("*/cloud.yaml")):
        cloud = _document(path).convert(Cloud, LibraryError)
        found[cloud.name] = cloud
    return found


def _check_library(library: Library) -> None:
    """Each cloud implements each capability or says why it can't; capabilities exist."""
    for cloud in library.clouds.values():
        for name in library.capabilities:
            if (name in cloud.implements) == (name in cloud.unsupported):
                raise LibraryError(
                    f"cloud {cloud.name!r} must either implement {name!r} or say why it can't",
                    hint="add it to 'implements' or to 'unsupported', not both",
                    where=f"{cloud.name}/cloud.yaml",
                )
    for name, pattern in library.patterns.items():
        for capability in pattern.capabilities:
            if capability not in library.capabilities:
                raise LibraryError(
                    f"pattern {name!r} needs the capability {capability!r}, which does not exist",
                    hint=near(capability, library.capabilities, "see 'sm explain'"),
                    where="infrastructure-patterns.yaml",
                )
    for each in library.capabilities.values():
        for required in each.requires:
            if required not in library.capabilities:
                raise LibraryError(
                    f"{each.name!r} requires {required!r}, which does not exist",
                    hint=near(required, library.capabilities, "remove it from 'requires'"),
                    where=f"{each.name}/capability.yaml",
                )


def load_spec(text: str, name: str, library: Library) -> ServiceSpec:
    """A spec from the text of a sm.yaml.

    Args:
        text: The file's text, kept as it is in the service.
        name: The file's name, for messages.
        library: Patterns, parameters and clouds to check against.

    Raises:
        SpecError: with file and line.
    """
    document = parse(text, name, SpecError)
    _check_spec_shape(document)
    service = _text(document, "name")
    check_service_name(service, document.where(("name",)))
    cloud = find_cloud(_text(document, "cloud"), library, document.where(("cloud",)))
    patterns = tuple(
        find_pattern(each, library, document.where(("patterns", index)))
        for index, each in enumerate(document.convert(list[str], SpecError, ("patterns",)))
    )
    check_patterns(patterns, document.where(("patterns",)))
    values, origins = _values(document, ("parameters",), library, None)
    by_environment: dict[str, dict[str, Scalar]] = {}
    for environment in document.at(("environments",)) or {}:
        found, places = _values(document, ("environments", environment), library, environment)
        by_environment[environment] = found
        origins.update(places)
    region = _text(document, "region", cloud.default_region)
    owner = _text(document, "owner", default_owner(service))
    check_region(region, cloud, document.where(("region",)))
    check_owner(owner, document.where(("owner",)))
    return ServiceSpec(
        name=service,
        patterns=patterns,
        cloud=cloud.name,
        region=region,
        owner=owner,
        description=check_description(_text(document, "description", ""), document.where(("description",))),
        values=values,
        environment_values=by_environment,
        origins=origins,
        text=text,
    )


def _check_spec_shape(document: Document) -> None:
    if not isinstance(document.data, dict):
        raise SpecError(
            "a spec is a mapping of keys to values",
            hint="begin with 'version: 1' and 'name: …'",
            where=document.where(()),
        )
    for key in document.data:
        if key not in SPEC_KEYS:
            raise SpecError(
                f"unknown key {key!r}",
                hint=near(key, SPEC_KEYS, f"allowed: {', '.join(SPEC_KEYS)}"),
                where=document.where((key,)),
            )
    for key in ("version", "name", "cloud", "patterns"):
        if key not in document.data:
            raise SpecError(
                f"the key {key!r} is missing",
                hint=f"add '{key}: …'; 'sm create-microservice --dry-run' shows a complete spec",
                where=document.where(()),
            )
    if document.data["version"] != 1:
        raise SpecError(
            f"version {document.data['version']!r} is not known",
            hint="write 'version: 1'",
            where=document.where(("version",)),
        )
    for environment in document.at(("environments",)) or {}:
        if environment not in ENVIRONMENTS:
            raise SpecError(
                f"{environment!r} is not an environment",
                hint=near(environment, ENVIRONMENTS, "use dev, staging or prod"),
                where=document.where(("environments", environment)),
            )


def _text(document: Document, key: str, default: str | None = None) -> str:
    value = document.at((key,))
    if value is None and default is not None:
        return default
    return document.convert(str, SpecError, (key,))


def _values(
    document: Document, path: tuple[str, ...], library: Library, environment: str | None
) -> tuple[dict[str, Scalar], dict[str, str]]:
    values: dict[str, Scalar] = {}
    origins: dict[str, str] = {}
    for group, members in document.entries(dict[str, Any], SpecError, path).items():
        for key, value in members.items():
            dotted, place = f"{group}.{key}", document.where((*path, group, key))
            parameter = find_parameter(dotted, library, place)
            values[dotted] = check_value(dotted, parameter, value, place)
            origins[f"{environment}:{dotted}" if environment else dotted] = place
    return values, origins


def parse_assignments(
    assignments: Iterable[str], library: Library
) -> tuple[dict[str, Scalar], dict[str, dict[str, Scalar]]]:
    """`--set path=value` and `--set prod.path=value` as values, common and by environment.

    Raises:
        SpecError: for an unknown path or a value outside its type or bounds.
    """
    common: dict[str, Scalar] = {}
    by_environment: dict[str, dict[str, Scalar]] = {}
    for assignment in assignments:
        path, equals, raw = assignment.partition("=")
        place = f"--set {assignment}"
        if not equals or not path:
            raise SpecError("this is not an assignment", hint="write --set group.name=value", where=place)
        environment, _, rest = path.partition(".")
        scoped = environment in ENVIRONMENTS and "." in rest
        dotted = rest if scoped else path
        parameter = find_parameter(dotted, library, place)
        value = check_value(dotted, parameter, _scalar(raw, parameter), place)
        target = by_environment.setdefault(environment, {}) if scoped else common
        target[dotted] = value
    return common, by_environment


def check_values(values: Mapping[str, Scalar], library: Library) -> dict[str, Scalar]:
    """Values by dotted path, each checked against its parameter.

    Raises:
        SpecError: for an unknown path or a value outside its type or bounds.
    """
    return {path: check_value(path, find_parameter(path, library), value, None) for path, value in values.items()}


def assignment_origins(
    common: Mapping[str, Scalar], by_environment: Mapping[str, Mapping[str, Scalar]]
) -> dict[str, str]:
    """Where `--set` values were written, for `ServiceSpec.origins`."""
    origins = {path: f"--set {path}={value}" for path, value in common.items()}
    for environment, values in by_environment.items():
        for path, value in values.items():
            origins[f"{environment}:{path}"] = f"--set {environment}.{path}={value}"
    return origins


def _scalar(raw: str, parameter: Parameter) -> Scalar:
    """The text of an assignment in the parameter's own type, where it has one."""
    if parameter.type == "boolean":
        return {"true": True, "false": False}.get(raw.lower(), raw)
    texts = parameter.type == "string" or any(isinstance(each, str) for each in parameter.choices)
    if texts:
        return raw
    for kind in (int, float):
        try:
            return kind(raw)
        except ValueError:
            continue
    return raw


def near(word: str, known: Iterable[str], otherwise: str) -> str:
    """ "did you mean 'x'?" when one of `known` is close to `word`, else `otherwise`."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else otherwise


def find_pattern(name: str, library: Library, where: str | None = None) -> str:
    """The pattern's own name; `web-api` finds `web_api`.

    Raises:
        SpecError: when there is none, with the nearest name.
    """
    normal = name.strip().lower().replace("-", "_")
    if normal in library.patterns:
        return normal
    listing = f"choose one of: {', '.join(library.patterns)}"
    raise SpecError(
        f"there is no pattern {name!r}",
        hint=near(normal, library.patterns, listing),
        where=where,
    )


def check_patterns(patterns: tuple[str, ...], where: str | None = None) -> None:
    """Refuse none, and the same one twice.

    Raises:
        SpecError: with the reason.
    """
    if not patterns:
        raise SpecError(
            "a service needs at least one pattern",
            hint="name one; 'sm patterns' lists them",
            where=where,
        )
    for pattern in patterns:
        if patterns.count(pattern) > 1:
            raise SpecError(f"the pattern {pattern!r} is named twice", hint="name it once", where=where)


def find_cloud(name: str, library: Library, where: str | None = None) -> Cloud:
    """The cloud by name.

    Raises:
        SpecError: when there is none.
    """
    if name in library.clouds:
        return library.clouds[name]
    listing = f"choose one of: {', '.join(library.clouds)}"
    raise SpecError(f"there is no cloud {name!r}", hint=near(name, library.clouds, listing), where=where)


def find_parameter(path: str, library: Library, where: str | None = None) -> Parameter:
    """The parameter at a dotted path.

    Raises:
        SpecError: when there is none, with the nearest path.
    """
    if path in library.parameters:
        return library.parameters[path]
    raise SpecError(
        f"there is no parameter {path!r}",
        hint=near(path, library.parameters, "'sm explain PATTERN' lists the parameters"),
        where=where,
    )
