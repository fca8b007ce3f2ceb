"""Takes what a user asks for: the text of a `sm.yaml`, or options. Returns a `ServiceSpec`.

Both ways end in `make_spec`, so that both check the same. Every error says where the value was
written. Never writes, never decides between values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from standardized_modules.documents import Document, parse, plain
from standardized_modules.errors import SpecError, near
from standardized_modules.model.library import ENVIRONMENTS, Cloud, Library, Parameter, Scalar
from standardized_modules.model.spec import ServiceSpec
from standardized_modules.stages.names import (
    check_description,
    check_owner,
    check_region,
    check_service_name,
    default_owner,
)
from standardized_modules.stages.values import check_value

SPEC_KEYS = (
    "version", "name", "owner", "description", "cloud", "region", "patterns", "parameters",
    "environments",
)  # fmt: skip
MODELINE = "# yaml-language-server: $schema=.sm/sm.schema.json\n"
SHAPE = "compare with the JSON Schema .sm/sm.schema.json of a generated service"


def make_spec(
    library: Library,
    *,
    name: str,
    patterns: Iterable[str],
    cloud: str,
    region: str | None = None,
    owner: str | None = None,
    description: str | None = None,
    values: Mapping[str, Scalar],
    environment_values: Mapping[str, Mapping[str, Scalar]],
    origins: Mapping[str, str],
    text: str | None = None,
) -> ServiceSpec:
    """A spec from its fields, each checked; absent ones take their defaults.

    Args:
        library: Patterns, parameters and clouds to check against.
        name: RFC 1123 label.
        patterns: Names of patterns, with dashes or underscores.
        cloud: Name of a cloud.
        region: Region of the cloud.
        owner: Slug of the team.
        description: One sentence.
        values: Parameters by dotted path.
        environment_values: Parameters of single environments.
        origins: Where each field and value was written, as of `ServiceSpec`.
        text: The text of the `sm.yaml`, kept as it is in the service.

    Raises:
        SpecError: with the reason, the place and the way out.
    """
    check_service_name(name, origins.get("name"))
    place = find_cloud(cloud, library, origins.get("cloud"))
    chosen = tuple(
        find_pattern(each, library, origins.get(f"patterns[{index}]")) for index, each in enumerate(patterns)
    )
    check_patterns(chosen, origins)
    region, owner = region or place.default_region, owner or default_owner(name)
    check_region(region, place, origins.get("region"))
    check_owner(owner, origins.get("owner", origins.get("name")))
    check_description(description or "", origins.get("description"))
    return ServiceSpec(
        name=name,
        patterns=chosen,
        cloud=place.name,
        region=region,
        owner=owner,
        description=description or _default_description(name, chosen, library),
        values=_checked(values, library, origins, None),
        environment_values={each: _checked(own, library, origins, each) for each, own in environment_values.items()},
        origins=dict(origins),
        text=text,
    )


def _default_description(name: str, patterns: tuple[str, ...], library: Library) -> str:
    titles = " and ".join(library.patterns[each].title for each in patterns)
    text = f"{titles} of the service {name}."
    try:
        return check_description(text)
    except SpecError:
        return f"The service {name}."


def _checked(
    values: Mapping[str, Scalar], library: Library, origins: Mapping[str, str], environment: str | None
) -> dict[str, Scalar]:
    result = {}
    for path, value in values.items():
        where = origins.get(f"{environment}:{path}" if environment else path)
        result[path] = check_value(path, find_parameter(path, library, where), value, where)
    return result


def load_spec(text: str, name: str, library: Library) -> ServiceSpec:
    """A spec from the text of a sm.yaml.

    Args:
        text: The file's text; the service keeps it, with the line that names its schema.
        name: The file's path, for messages.
        library: Patterns, parameters and clouds to check against.

    Raises:
        SpecError: with file and line.
    """
    document = parse(text, name, SpecError, SHAPE)
    _check_spec_shape(document)
    values, origins = _values(document, ("parameters",), None)
    by_environment: dict[str, dict[str, Scalar]] = {}
    for environment in document.mapping(SpecError, ("environments",)):
        by_environment[environment], places = _values(document, ("environments", environment), environment)
        origins |= places
    patterns = document.convert(list[str], SpecError, ("patterns",))
    origins |= {f"patterns[{index}]": document.where(("patterns", index)) for index in range(len(patterns))}
    origins |= {key: document.where((key,)) for key in SPEC_KEYS if document.at((key,)) is not None}
    # A union is no `type[T]` to mypy, and msgspec converts to it all the same: hence the ignored types.
    return make_spec(
        library,
        name=document.convert(str, SpecError, ("name",)),
        patterns=patterns,
        cloud=document.convert(str, SpecError, ("cloud",)),
        region=document.convert(str | None, SpecError, ("region",)),  # type: ignore[arg-type]
        owner=document.convert(str | None, SpecError, ("owner",)),  # type: ignore[arg-type]
        description=document.convert(str | None, SpecError, ("description",)),  # type: ignore[arg-type]
        values=values,
        environment_values=by_environment,
        origins=origins,
        text=text if "yaml-language-server: $schema=" in text else MODELINE + text.removeprefix("\ufeff"),
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
                hint=f"add '{key}: …'; the file sm.yaml of a generated service is a complete spec",
                where=document.where(()),
            )
    version = document.data["version"]
    if type(version) is not int or version != 1:
        raise SpecError(
            f"version {version!r} is not known",
            hint="write 'version: 1'",
            where=document.where(("version",)),
        )
    for environment in document.mapping(SpecError, ("environments",)):
        if environment not in ENVIRONMENTS:
            raise SpecError(
                f"{environment!r} is not an environment",
                hint=near(environment, ENVIRONMENTS, "use dev, staging or prod"),
                where=document.where(("environments", environment)),
            )


def _values(
    document: Document, path: tuple[str, ...], environment: str | None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Values by dotted path, not yet checked, and where each stands."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for group in document.mapping(SpecError, path):
        for key, value in document.mapping(SpecError, (*path, group)).items():
            dotted = f"{group}.{key}"
            values[dotted] = value
            origins[f"{environment}:{dotted}" if environment else dotted] = document.where((*path, group, key))
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


def assignment_origins(
    common: Mapping[str, Scalar], by_environment: Mapping[str, Mapping[str, Scalar]]
) -> dict[str, str]:
    """Where `--set` values were written, for `ServiceSpec.origins`."""
    origins = {path: f"--set {path}={value}" for path, value in common.items()}
    for environment, values in by_environment.items():
        for path, value in values.items():
            origins[f"{environment}:{path}"] = f"--set {environment}.{path}={value}"
    return origins


def _scalar(raw: str, parameter: Parameter) -> Scalar | None:
    """The text of an assignment as `sm.yaml` would read it, where the parameter is no text."""
    if parameter.type == "string" or any(isinstance(each, str) for each in parameter.choices):
        return raw
    try:
        value = plain(raw)
    except ValueError:
        return raw
    return raw if value is None else value


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


def check_patterns(patterns: tuple[str, ...], origins: Mapping[str, str]) -> None:
    """Refuse none, and the same one twice.

    Raises:
        SpecError: with the reason.
    """
    if not patterns:
        raise SpecError(
            "a service needs at least one pattern",
            hint="name one; 'sm patterns' lists them",
            where=origins.get("patterns"),
        )
    for index, pattern in enumerate(patterns):
        if pattern in patterns[:index]:
            raise SpecError(
                f"the pattern {pattern!r} is named twice", hint="name it once", where=origins.get(f"patterns[{index}]")
            )


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
