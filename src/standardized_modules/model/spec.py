"""What the user asks for: one service."""

from __future__ import annotations

from msgspec import Struct

from standardized_modules.model.library import Scalar


class ServiceSpec(Struct, frozen=True):
    """A service to generate, checked in itself but not yet against the library's rules.

    `values` are the parameters that the user set, by dotted path; `environment_values` are
    those set for one environment. `origins` says where each was written ("sm.yaml:12",
    "--set"), keyed by the same path, environment ones as "prod:scaling.max_replicas".
    """

    name: str
    patterns: tuple[str, ...]
    cloud: str
    region: str
    owner: str
    description: str = ""
    values: dict[str, Scalar] = {}
    environment_values: dict[str, dict[str, Scalar]] = {}
    origins: dict[str, str] = {}
    text: str | None = None

    @property
    def package(self) -> str:
        """The Python package's name."""
        return self.name.replace("-", "_")

    @property
    def title(self) -> str:
        """The name for people: "order-events" is "Order events"."""
        return self.name.replace("-", " ").capitalize()

    def origin(self, path: str, environment: str | None = None) -> str | None:
        """Where a value was written, the most specific place first."""
        return self.origins.get(f"{environment}:{path}") or self.origins.get(path)
