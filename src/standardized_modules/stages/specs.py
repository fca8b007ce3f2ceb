"""Takes what a user asks for: the text of a `sm.yaml`, or options. Returns a `ServiceSpec`.

Both ways end in `make_spec`, so that both check the same. Every error says where the value was
written. Never writes, never decides between values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar

from standardized_modules.documents import Document, parse, plain
from standardized_modules.errors import Explained, SpecError, SpecErrors, near
from standardized_modules.model.library import ENVIRONMENTS, Cloud, Library, Parameter, Scalar
from standardized_modules.model.spec import ServiceSpec
from standardized_modules.stages.names import (
    check_description,
    check_owner,
    check_region,
    check_service_name,
    default_owner,
)
from standardized_modules.stages.values import check_value, shown, spelled

P = ParamSpec("P")
T = TypeVar("T")
SPEC_KEYS = (
    "version", "name", "owner", "description", "cloud", "region", "patterns", "parameters",
    "environments",
)  # fmt: skip
MODELINE = "# yaml-language-server: $schema=.sm/sm.schema.json\n"
SHAPE = "compare with the JSON Schema .sm/sm.schema.json of a generated service"


class Faults:
    """What is wrong with a spec, collected, so that whoever corrects it does so once."""

    def __init__(self) -> None:
        self._found: list[Explained] = []

    def of(self, check: Callable[P, T], *args: P.args, **options: P.kwargs) -> T | None:
        """What the check returns; None when it refuses, which is noted."""
        try:
            return check(*args, **options)
        except SpecError as problem:
            self._found.extend(problem.reasons)
            return None

    def add(self, message: str, *, hint: str, where: str) -> None:
        """Note something."""
        self._found.append(SpecError(message, hint=hint, where=where))

    def end(self) -> None:
        """Raises a SpecError with all of them, if there are any."""
        if self._found:
            raise SpecErrors(self._found)


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
    faults: Faults | None = None,
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
        faults: What has been found so far.

    Raises:
        SpecError: with everything that is wrong, its places and the ways out.
    """
    faults = faults or Faults()
    named = faults.of(check_service_name, name, origins.get("name"))
    place = faults.of(find_cloud, cloud, library, origins.get("cloud"))
    found = [
        faults.of(find_pattern, each, library, origins.get(f"patterns[{index}]")) for index, each in enumerate(patterns)
    ]
    chosen = tuple(each for each in found if each is not None)
    if len(chosen) == len(found):
        faults.of(check_patterns, chosen, origins)
    if place is not None:
        region = region or place.default_region
        faults.of(check_region, region, place, origins.get("region"))
    if owner or named:  # What is made of a wrong name would be wrong for the same reason.
        owner = owner or default_owner(name)
        faults.of(check_owner, owner, origins.get("owner", origins.get("name")))
    faults.of(check_description, description or "", origins.get("description"))
    checked = _checked(values, library, origins, None, faults)
    own = {each: _checked(mine, library, origins, each, faults) for each, mine in environment_values.items()}
    faults.end()
    assert place is not None
    assert region
    assert owner
    return ServiceSpec(
        name=name,
        patterns=chosen,
        cloud=place.name,
        region=region,
        owner=owner,
        description=description or default_description(name, chosen, library),
        values=checked,
        environment_values=own,
        origins=dict(origins),
        text=text,
    )


def default_description(name: str, patterns: tuple[str, ...], library: Library) -> str:
    """What a service is called that nobody described."""
    titles = " and ".join(library.patterns[each].title for each in patterns)
    text = f"{titles} of the service {name}."
    try:
        return check_description(text)
    except SpecError:
        return f"The service {name}."


def _checked(
    values: Mapping[str, Scalar],
    library: Library,
    origins: Mapping[str, str],
    environment: str | None,
    faults: Faults,
) -> dict[str, Scalar]:
    result = {}
    for path, value in values.items():
        where = origins.get(f"{environment}:{path}" if environment else path)
        parameter = faults.of(find_parameter, path, library, where)
        checked = None if parameter is None else faults.of(check_value, path, parameter, value, where)
        if checked is not None:
            result[path] = checked
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
    faults = Faults()
    _check_spec_shape(document, faults)
    values, origins = _values(document, ("parameters",), None)
    by_environment: dict[str, dict[str, Scalar]] = {}
    for environment in document.mapping(SpecError, ("environments",)):
        if environment not in ENVIRONMENTS:
            continue
        by_environment[environment], places = _values(document, ("environments", environment), environment)
        origins |= places
    name_, cloud = (faults.of(document.convert, str, SpecError, (key,)) for key in ("name", "cloud"))
    patterns = faults.of(document.convert, list[str], SpecError, ("patterns",))
    # A union is no `type[T]` to mypy, and msgspec converts to it all the same.
    optional: Any = str | None
    region, owner, description = (
        faults.of(document.convert, optional, SpecError, (key,)) for key in ("region", "owner", "description")
    )
    if name_ is None or cloud is None or patterns is None:
        faults.end()
    assert name_ is not None
    assert cloud is not None
    assert patterns is not None
    origins |= {f"patterns[{index}]": document.where(("patterns", index)) for index in range(len(patterns))}
    origins |= {key: document.where((key,)) for key in SPEC_KEYS if document.at((key,)) is not None}
    return make_spec(
        library,
        name=name_,
        patterns=patterns,
        cloud=cloud,
        region=region,
        owner=owner,
        description=description,
        values=values,
        environment_values=by_environment,
        origins=origins,
        text=text if "yaml-language-server: $schema=" in text else MODELINE + text.removeprefix("\ufeff"),
        faults=faults,
    )


def _check_spec_shape(document: Document, faults: Faults) -> None:
    """Raises for what leaves nothing to check; the rest is noted."""
    if not isinstance(document.data, dict):
        raise SpecError(
            "a spec is a mapping of keys to values",
            hint="begin with 'version: 1' and 'name: …'",
            where=document.where(()),
        )
    for key in document.data:
        if key not in SPEC_KEYS:
            faults.add(
                f"unknown key {key!r}",
                hint=near(key, SPEC_KEYS, f"allowed: {', '.join(SPEC_KEYS)}"),
                where=document.where((key,)),
            )
    for key in ("version", "name", "cloud", "patterns"):
        if key not in document.data:
            faults.add(
                f"the key {key!r} is missing",
                hint=f"add '{key}: …'; the file sm.yaml of a generated service is a complete spec",
                where=document.where(()),
            )
    version = document.data.get("version", 1)
    if type(version) is not int or version != 1:
        faults.add(
            f"version {shown(version)} is not known",
            hint="write 'version: 1'",
            where=document.where(("version",)),
        )
    for environment in document.mapping(SpecError, ("environments",)):
        if environment not in ENVIRONMENTS:
            faults.add(
                f"{environment!r} is not an environment",
                hint=near(environment, ENVIRONMENTS, "use dev, staging or prod"),
                where=document.where(("environments", environment)),
            )
    if not {"name", "cloud", "patterns"} <= document.data.keys() or version != 1:
        faults.end()


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
    faults = Faults()
    for assignment in assignments:
        if found := faults.of(_assignment, assignment, library):
            environment, path, value = found
            target = by_environment.setdefault(environment, {}) if environment else common
            target[path] = value
    faults.end()
    return common, by_environment


def _assignment(text: str, library: Library) -> tuple[str, str, Scalar]:
    """Environment, or nothing for all, path and value."""
    path, equals, raw = text.partition("=")
    place = f"--set {text}"
    if not equals or not path:
        raise SpecError("this is not an assignment", hint="write --set group.name=value", where=place)
    first, _, rest = path.partition(".")
    if rest in library.parameters and first not in ENVIRONMENTS:
        hint = near(first, ENVIRONMENTS, "use dev, staging or prod")
        raise SpecError(f"{first!r} is not an environment", hint=hint, where=place)
    scoped = first in ENVIRONMENTS and "." in rest
    dotted = rest if scoped else path
    parameter = find_parameter(dotted, library, place)
    return first if scoped else "", dotted, check_value(dotted, parameter, _scalar(raw, parameter), place)


def assignment_origins(
    common: Mapping[str, Scalar], by_environment: Mapping[str, Mapping[str, Scalar]]
) -> dict[str, str]:
    """Where `--set` values were written, for `ServiceSpec.origins`."""
    origins = {path: f"--set {path}={spelled(value)}" for path, value in common.items()}
    for environment, values in by_environment.items():
        for path, value in values.items():
            origins[f"{environment}:{path}"] = f"--set {environment}.{path}={spelled(value)}"
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
