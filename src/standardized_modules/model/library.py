"""What the library holds: patterns, parameters, rules, capabilities, clouds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

Scalar = bool | int | float | str
ParameterType = Literal["integer", "number", "boolean", "string", "enum"]
Environment = Literal["dev", "staging", "prod"]
ENVIRONMENTS: tuple[Environment, ...] = ("dev", "staging", "prod")
BASE = "base"
"""The group of parameters that every service has, whatever its capabilities."""
REGION, ENVIRONMENT = "service.region", "service.environment"
FACTS = frozenset({REGION, ENVIRONMENT})
"""What rules may read beside parameters and derived values. Tables may be by region."""

Identifier = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]*$")]
ParameterPath = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]*\\.[a-z][a-z0-9_]*$")]
RuleName = Annotated[str, Meta(pattern="^[a-z][a-z0-9-]*$")]
Sentence = Annotated[str, Meta(min_length=1, pattern="^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
"""One printable line: it stands in tables, help texts and generated files, and on terminals."""


class Definition(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of everything that is written in YAML: immutable, and a typo in a key is an error."""


class EnvironmentDefaults(Definition, frozen=True):
    """Defaults that differ by environment; an absent one takes the parameter's `default`."""

    dev: Annotated[Scalar | None, Meta(description="Default in dev.")] = None
    staging: Annotated[Scalar | None, Meta(description="Default in staging.")] = None
    prod: Annotated[Scalar | None, Meta(description="Default in prod.")] = None


class Parameter(Definition, frozen=True):
    """One knob: its type, its bounds and the reason for its default."""

    type: Annotated[ParameterType, Meta(description="Type of the value.")]
    default: Annotated[Scalar, Meta(description="Value when nobody sets one.")]
    doc: Annotated[Sentence, Meta(description="What the value does, in one sentence.")]
    reason: Annotated[Sentence, Meta(description="Why this default, in one line.")]
    unit: Annotated[str, Meta(description="Unit, spelt out: seconds, bytes.")] = ""
    minimum: Annotated[float | None, Meta(description="Smallest value allowed.")] = None
    maximum: Annotated[float | None, Meta(description="Largest value allowed.")] = None
    choices: Annotated[tuple[Scalar, ...], Meta(description="The only values allowed.")] = ()
    pattern: Annotated[str, Meta(description="Regular expression for a string.")] = ""
    environments: Annotated[EnvironmentDefaults, Meta(description="Defaults that differ by environment.")] = (
        EnvironmentDefaults()
    )
    source: Annotated[str, Meta(description="Where the bound or the default comes from.")] = ""

    def default_in(self, environment: str) -> Scalar:
        """The default for one environment."""
        own: Scalar | None = getattr(self.environments, environment)
        return self.default if own is None else own

    def refined(self, refinement: ParameterRefinement) -> Parameter:
        """The parameter as a pattern wants it; a new default alone holds in every environment."""
        fields = ("reason", "default", "environments", "minimum", "maximum")
        changes = {field: value for field in fields if (value := getattr(refinement, field)) is not UNSET}
        if "default" in changes:
            changes.setdefault("environments", EnvironmentDefaults())
        return replace(self, **changes)


class ParameterRefinement(Definition, frozen=True):
    """What a pattern changes of a parameter that a capability reads. Bounds may only get tighter."""

    reason: Annotated[Sentence, Meta(description="Why the pattern wants another default.")]
    default: Scalar | UnsetType = UNSET
    environments: EnvironmentDefaults | UnsetType = UNSET
    minimum: float | UnsetType = UNSET
    maximum: float | UnsetType = UNSET

    @property
    def wants_default(self) -> bool:
        """Whether it changes a default, and not only bounds."""
        return self.default is not UNSET or self.environments is not UNSET


class Rule(Definition, frozen=True):
    """A relation between parameters that must hold in every environment.

    It may also read `service.environment` (dev, staging or prod) and `service.region`.
    """

    require: Annotated[Sentence, Meta(description="Expression over parameters that must be true.")]
    because: Annotated[Sentence, Meta(description="What breaks when it is false.")]
    instead: Annotated[Sentence, Meta(description="The way out.")]
    source: Annotated[str, Meta(description="Where the rule comes from.")] = ""


class Conflict(Definition, frozen=True):
    """A pattern that can't live in the same service."""

    because: Sentence
    instead: Sentence


class Pattern(Definition, frozen=True):
    """A kind of service: which capabilities it needs, and in whose words."""

    title: Sentence
    version: Annotated[str, Meta(pattern="^[0-9]+\\.[0-9]+\\.[0-9]+$")]
    summary: Sentence
    use_when: Annotated[tuple[Sentence, ...], Meta(min_length=1)]
    avoid_when: Annotated[tuple[Sentence, ...], Meta(min_length=1)]
    capabilities: Annotated[tuple[Identifier, ...], Meta(min_length=1)]
    parameters: dict[ParameterPath, ParameterRefinement] = {}
    conflicts: dict[Identifier, Conflict] = {}


class PatternFile(Definition, frozen=True):
    """`infrastructure-patterns.yaml`, ours or an organisation's."""

    version: Literal[1]
    patterns: dict[Identifier, Pattern]
    parameters: dict[Identifier, dict[ParameterPath, Parameter]] = {}
    rules: dict[RuleName, Rule] = {}


class Derived(Definition, frozen=True):
    """A value computed from parameters."""

    value: Annotated[Sentence, Meta(description="Expression over parameters and derived values.")]
    doc: Sentence
    unit: str = ""


class PythonPackages(Definition, frozen=True):
    """Distributions that the generated service installs, by name in the locked set."""

    runtime: tuple[str, ...] = ()
    dev: tuple[str, ...] = ()


EngineName = Literal["postgresql", "servicebus", "sqs", "tables", "valkey"]
"""What `sm dev` can start in place of a cloud's service: a module or package below `engines/`."""
VariableName = Annotated[str, Meta(pattern="^[A-Z][A-Z0-9_]*$")]


class Port(Definition, frozen=True):
    """A port that a process listens on, as `sm dev` needs to know it."""

    setting: VariableName
    title: Sentence
    default: Annotated[Sentence, Meta(description="Expression over parameters, when the settings do not say.")]
    path: Annotated[str, Meta(pattern="^(/[^ ]*)?$", description="What people open there.")] = ""
    ready: Annotated[str, Meta(pattern="^(/[^ ]*)?$", description="Answers 200 when the process is ready.")] = ""
    fixed: bool = False
    """Clients know it, so it is an error when it is taken. The others move to the next free one."""


class Example(Definition, frozen=True):
    """A command of the service to try once it runs."""

    title: Sentence
    arguments: Annotated[tuple[str, ...], Meta(min_length=1)]
    when: Annotated[str, Meta(description="Expression over parameters; shown where it is true.")] = ""
    of: Annotated[str, Meta(description="Text of code; shown while a file below src/ has it.")] = ""


class Process(Definition, frozen=True):
    """One process of a service: `python -m <package> <arguments>`."""

    name: Annotated[str, Meta(pattern="^[a-z][a-z0-9-]*$")]
    arguments: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()
    settings: dict[VariableName, str] = {}
    """For a local run, where neither .env nor the shell gives them."""
    examples: tuple[Example, ...] = ()


class Preparation(Definition, frozen=True):
    """A command of the service that ends by itself, and that its processes wait for."""

    name: Annotated[str, Meta(pattern="^[a-z][a-z0-9-]*$")]
    arguments: Annotated[tuple[str, ...], Meta(min_length=1)]
    watched: Annotated[
        str, Meta(pattern="^([a-z][a-z0-9_]*)?$", description="Folder of the package to run it for.")
    ] = ""
    """When something changes there, it runs again; without one it runs once."""


class Capability(Definition, frozen=True):
    """Something a service can do, with the code and manifests that do it on every cloud."""

    name: Identifier
    title: Sentence
    summary: Sentence
    purpose: Sentence
    requires: tuple[Identifier, ...] = ()
    python: PythonPackages = PythonPackages()
    derived: dict[ParameterPath, Derived] = {}
    preparations: tuple[Preparation, ...] = ()
    processes: tuple[Process, ...] = ()


class Lookup(Definition, frozen=True):
    """A value that follows from the choice made for a parameter: an instance class from a size.

    Or from the region, of which a table names those that differ, and says what holds `otherwise`.
    """

    doc: Sentence
    values: Annotated[dict[str, Scalar], Meta(min_length=1, description="The value for each choice, as text.")]
    otherwise: Annotated[Scalar | None, Meta(description="The value for every other region.")] = None
    unit: str = ""
    source: Annotated[str, Meta(description="Where the values come from.")] = ""


class Implementation(Definition, frozen=True):
    """What a cloud adds to a capability beside files: `clouds/<cloud>/capabilities/<name>/capability.yaml`."""

    python: PythonPackages = PythonPackages()
    parameters: dict[ParameterPath, Parameter] = {}
    """Parameters that exist on this cloud only."""
    refinements: dict[ParameterPath, ParameterRefinement] = {}
    """Bounds and defaults of the capability's parameters that differ on this cloud."""
    lookups: dict[ParameterPath, dict[ParameterPath, Lookup]] = {}
    """By the parameter that chooses, or by region: derived values, looked up in a table of this cloud."""
    rules: dict[RuleName, Rule] = {}
    """Rules that hold on this cloud only."""
    engines: tuple[EngineName, ...] = ()
    """What `sm dev` starts on this machine in its place."""


class NameLimit(Definition, frozen=True):
    """The names that one kind of resource accepts."""

    resource: Sentence
    template: Annotated[str, Meta(description="How the name is made: {name}, {environment}.")]
    maximum: Annotated[int, Meta(ge=1)]
    source: Sentence
    minimum: Annotated[int, Meta(ge=1, description="The shortest name that is accepted.")] = 1
    reserved: Annotated[str, Meta(description="Regular expression for names that mean something else there.")] = ""
    capability: Annotated[str, Meta(description="Checked only with this capability.")] = ""


class Unsupported(Definition, frozen=True):
    """Why a cloud does not implement a capability, and what to do instead."""

    because: Sentence
    instead: Sentence


class Cloud(Definition, frozen=True):
    """A cloud: its regions, its name limits, the capabilities that it implements."""

    name: Identifier
    title: Sentence
    default_region: str
    region_pattern: Annotated[str, Meta(description="Shape of a region's name.")]
    implements: tuple[Identifier, ...] = ()
    unsupported: dict[Identifier, Unsupported] = {}
    names: tuple[NameLimit, ...] = ()


class Versions(Definition, frozen=True):
    """Pinned versions that templates print: `versions.yaml`."""

    versions: dict[str, str]
    actions: dict[str, str]


class Library(Struct, frozen=True):
    """Everything loaded: what `compose` works on."""

    patterns: dict[str, Pattern]
    parameters: dict[str, Parameter]
    parameter_owner: dict[str, str]
    rules: dict[str, Rule]
    base: Capability
    """What every service has; not a capability that anybody names."""
    capabilities: dict[str, Capability]
    clouds: dict[str, Cloud]
    implementations: dict[str, dict[str, Implementation]]
    """By cloud and capability, where a cloud has something to add."""
    versions: Versions
    names: tuple[NameLimit, ...]
    root: Path

    def closure(self, names: Iterable[str]) -> tuple[Capability, ...]:
        """The capabilities and all that they require, required ones first."""
        found: dict[str, Capability] = {}

        def add(name: str, above: tuple[str, ...]) -> None:
            if name in found or name in above:
                return
            capability = self.capabilities[name]
            for required in capability.requires:
                add(required, (*above, name))
            found[name] = capability

        for name in names:
            add(name, ())
        return tuple(found.values())

    def parameters_of(self, capabilities: Iterable[str], cloud: str | None = None) -> dict[str, Parameter]:
        """Parameters that these capabilities and the base read, in the order of the files.

        With a cloud they are as that cloud refines them, and those of other clouds are left out.
        """
        owners = {BASE, *capabilities}
        refinements = self._refinements_on(cloud) if cloud else {}
        return {
            path: each.refined(refinements[path]) if path in refinements else each
            for path, each in self.parameters.items()
            if self.parameter_owner[path] in owners and (cloud is None or self.clouds_with(path, cloud))
        }

    def clouds_with(self, path: str, *clouds: str) -> list[str]:
        """Of these clouds, or of all, those on which the parameter exists."""
        only = [name for name, each in self.implementations.items() if any(path in i.parameters for i in each.values())]
        return [name for name in clouds or self.clouds if name in only or not only]

    def rules_on(self, cloud: str) -> dict[str, Rule]:
        """The rules for every cloud and those for this one."""
        own = self.implementations.get(cloud, {}).values()
        return self.rules | {name: rule for each in own for name, rule in each.rules.items()}

    def lookups_on(self, cloud: str, capabilities: Iterable[str]) -> dict[str, tuple[str, Lookup]]:
        """Tables of a cloud for these capabilities: derived value → parameter that chooses, and the table."""
        own = self.implementations.get(cloud, {})
        return {
            path: (parameter, lookup)
            for name in capabilities
            if name in own
            for parameter, lookups in own[name].lookups.items()
            for path, lookup in lookups.items()
        }

    def derived_names(self, capabilities: Iterable[str], *clouds: str) -> set[str]:
        """Derived values that these capabilities have on each of these clouds, or of all that implement them."""
        names = list(capabilities)
        own = {path for name in names for path in self.capabilities[name].derived}
        found = [
            self.lookups_on(cloud, names).keys()
            for cloud in clouds or self.clouds
            if clouds or not any(name in self.clouds[cloud].unsupported for name in names)
        ]
        return own | set.intersection(*map(set, found)) if found else own

    def _refinements_on(self, cloud: str) -> dict[str, ParameterRefinement]:
        own = self.implementations.get(cloud, {}).values()
        return {path: refinement for each in own for path, refinement in each.refinements.items()}
