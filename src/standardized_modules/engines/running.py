"""What an engine is told about the service, and what it says about itself once it runs."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from standardized_modules.errors import SmError, UsageError
from standardized_modules.model.library import Scalar

LOOPBACK = "127.0.0.1"
INSTALL = "pip install 'standardized-modules-framework[local]'"
START_SECONDS = 30.0
"""Until an engine must answer; they take about one second, and a laptop on battery some more."""


class EngineError(SmError):
    """An engine does not start, or does not do what the service needs."""

    kind = "engine"


class Facts(Struct, frozen=True):
    """What engines need to know about a service."""

    service: str
    region: str
    values: Mapping[str, Scalar]
    """Parameters and derived values, by dotted path."""


class Ends(Protocol):
    """A process, to those who wait for its end."""

    @property
    def pid(self) -> int:
        """Its id."""

    @property
    def code(self) -> int | None:
        """The exit code, negative after a signal; None while it runs."""

    def wait(self) -> int:
        """Wait for its end."""


class Running(Struct, frozen=True):
    """An engine that answers, with everything in it that the service needs."""

    name: str
    title: str
    address: str
    resources: Mapping[str, str]
    """What was made in it, by a name for people."""
    settings: Mapping[str, str]
    """Variables that make the service use it."""
    removed: tuple[str, ...]
    """Variables that must not reach the service, because they would lead it elsewhere."""
    notes: tuple[str, ...]
    """Where it differs from the real one, for these parameters."""
    child: Ends
    log: Path


def missing(package: str, engine: str) -> UsageError:
    """The package of an engine is not installed."""
    return UsageError(f"the engine {engine!r} needs the package {package}, which is not installed", hint=INSTALL)


def failed(engine: str, what: str, log: Path) -> EngineError:
    """An engine did not come up; its own last words say why."""
    said = last_lines(log)
    return EngineError(
        f"the engine {engine!r} {what}" + (f"; it said:\n{said}" if said else ""),
        hint="start it again; when that fails the same way, report it with what the engine said",
    )


def last_lines(log: Path, number: int = 10) -> str:
    """The end of a log."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    return "\n".join(text.rstrip().splitlines()[-number:])


def free_port() -> int:
    """A port that nothing on this machine listens on now."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Different ones: asked for one after the other, the same may come twice."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        return [int(probe.getsockname()[1]) for probe in probes]
