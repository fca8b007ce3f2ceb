"""A composition with every value decided."""

from __future__ import annotations

from msgspec import Struct

from standardized_modules.model.composition import Composition, Finding
from standardized_modules.model.library import Scalar, Versions
from standardized_modules.model.spec import ServiceSpec


class ResolvedEnvironment(Struct, frozen=True):
    """One environment's values."""

    name: str
    title: str
    namespace: str
    host: str
    parameters: dict[str, Scalar]
    derived: dict[str, Scalar]


class PythonLock(Struct, frozen=True):
    """The Python side: ranges for pyproject.toml and the locked closure with hashes."""

    runtime: tuple[str, ...]
    dev: tuple[str, ...]
    runtime_lock: str
    dev_lock: str


class ResolvedService(Struct, frozen=True):
    """Everything that the templates may print. Dumpable as JSON."""

    composition: Composition
    common: ResolvedEnvironment
    environments: tuple[ResolvedEnvironment, ...]
    known_capabilities: tuple[str, ...]
    python: PythonLock
    versions: Versions
    findings: tuple[Finding, ...] = ()
    """Everything wrong with the request, of the composition and of its rules."""

    @property
    def spec(self) -> ServiceSpec:
        """The service asked for."""
        return self.composition.spec
