"""Patterns put together, before names and numbers."""

from __future__ import annotations

from msgspec import Struct

from standardized_modules.model.library import Capability, Cloud, Lookup, Parameter, Rule
from standardized_modules.model.spec import ServiceSpec


class Finding(Struct, frozen=True):
    """Something about the request that is wrong, with the reason and the way out."""

    rule: str
    message: str
    hint: str
    where: str | None = None


class Composition(Struct, frozen=True):
    """The capabilities and parameters of one service, in a stable order."""

    spec: ServiceSpec
    patterns: dict[str, str]
    """Pattern name → version, in the order in which the user named them."""
    capabilities: tuple[Capability, ...]
    """Required ones first, otherwise in the order in which the patterns list them."""
    parameters: dict[str, Parameter]
    rules: dict[str, Rule]
    cloud: Cloud
    lookups: dict[str, tuple[str, Lookup]] = {}
    """Derived value → the parameter that chooses it, and the cloud's table."""
    findings: tuple[Finding, ...] = ()

    @property
    def capability_names(self) -> tuple[str, ...]:
        """Names of the capabilities, in order."""
        return tuple(capability.name for capability in self.capabilities)
