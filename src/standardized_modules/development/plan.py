"""Takes a resolved service and its folder. Returns a `Plan`: what will run, with which settings, on
which ports. Starts nothing."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from standardized_modules.development.settings import read_settings, settings_file
from standardized_modules.engines import Facts
from standardized_modules.engines.running import LOOPBACK, free_port
from standardized_modules.errors import RefusedError, UsageError, WorkspaceError
from standardized_modules.expressions import evaluate
from standardized_modules.model.library import EngineName, Example, Library, Port, Preparation, Process, Scalar
from standardized_modules.model.resolved import ResolvedService

ENVIRONMENT = "dev"
"""Whose parameters hold on this machine."""
LAST_PORT = 65535
PYTHON = ".venv/bin/python"
"""The service's own interpreter."""


class Options(Struct, frozen=True):
    """What the command line may change."""

    port: int | None = None
    reload: bool = True
    engines_only: bool = False


class Opened(Struct, frozen=True):
    """A port with its number."""

    port: Port
    number: int

    def url(self, path: str) -> str:
        """Where a path of it is."""
        return f"http://{LOOPBACK}:{self.number}{path}"


class Planned(Struct, frozen=True):
    """One process to run."""

    process: Process
    command: tuple[str, ...]
    settings: Mapping[str, str]
    """Its own, beside those of the service."""
    ports: tuple[Opened, ...]
    examples: tuple[Example, ...]


class Plan(Struct, frozen=True):
    """Everything that will run, or can."""

    folder: Path
    service: str
    package: str
    facts: Facts
    engines: tuple[EngineName, ...]
    preparations: tuple[Preparation, ...]
    processes: tuple[Planned, ...]
    settings: Mapping[str, str]
    options: Options
    warnings: tuple[str, ...] = ()

    def command(self, arguments: Iterable[str]) -> tuple[str, ...]:
        """A command of the service, by its own interpreter."""
        return (str(self.folder / PYTHON), "-m", self.package, *arguments)

    @property
    def started(self) -> tuple[Planned, ...]:
        """The processes that we start, and not the user."""
        return () if self.options.engines_only else self.processes

    @property
    def reloads(self) -> bool:
        """Whether a change starts them anew."""
        return self.options.reload and bool(self.started)


def plan(service: ResolvedService, library: Library, folder: Path, options: Options) -> Plan:
    """Decide what runs where.

    Args:
        service: The service.
        library: For the engines of its cloud.
        folder: Where it is.
        options: The user's wishes.

    Raises:
        RefusedError: when the service has findings.
        WorkspaceError: when it is not installed, or a port is taken.
        UsageError: when the options don't fit the service.
    """
    if service.findings:
        raise RefusedError(service.findings)
    engines = _engines(service, library)
    processes = [each for capability in service.composition.capabilities for each in capability.processes]
    if options.engines_only and not engines:
        raise UsageError(
            f"{service.spec.name} needs no engine, so there is nothing to start", hint="leave --engines-only out"
        )
    if options.port is not None and not any(port.fixed for each in processes for port in each.ports):
        raise UsageError(
            f"{service.spec.name} has no port that clients use", hint="leave --port out; the others are found"
        )
    _check_installed(folder)
    values = next({**each.parameters, **each.derived} for each in service.environments if each.name == ENVIRONMENT)
    settings = read_settings(folder)
    return Plan(
        folder=folder,
        service=service.spec.name,
        package=service.spec.package,
        facts=Facts(service.spec.name, service.spec.region, values),
        engines=engines,
        preparations=tuple(each for found in service.composition.capabilities for each in found.preparations),
        processes=_processes(service, processes, settings, values, folder, options),
        settings=settings,
        options=options,
        warnings=tuple(_stale(folder)),
    )


def _engines(service: ResolvedService, library: Library) -> tuple[EngineName, ...]:
    own = library.implementations.get(service.spec.cloud, {})
    names = [engine for name in service.composition.capability_names if name in own for engine in own[name].engines]
    return tuple(dict.fromkeys(names))


def _check_installed(folder: Path) -> None:
    if not os.access(folder / PYTHON, os.X_OK):
        raise WorkspaceError(
            f"the service is not installed: it has no {PYTHON}",
            hint=f"make --directory {folder} install",
            where=str(folder),
        )


def _stale(folder: Path) -> Iterator[str]:
    """As the Makefile sees it: the stamp of the last install is older than what it installed."""
    stamp = folder / ".venv" / ".installed"
    sources = [folder / name for name in ("requirements-dev.txt", "pyproject.toml")]
    if stamp.is_file() and any(each.is_file() and each.stat().st_mtime > stamp.stat().st_mtime for each in sources):
        yield "packages changed since the last install; 'make install' brings .venv up to date"


def _processes(
    service: ResolvedService,
    processes: list[Process],
    settings: Mapping[str, str],
    values: Mapping[str, Scalar],
    folder: Path,
    options: Options,
) -> tuple[Planned, ...]:
    python = folder / PYTHON
    taken: set[int] = set()
    planned = []
    for process in processes:
        ports = tuple(_open(port, settings, values, folder, options, taken) for port in process.ports)
        given = {name: value for name, value in process.settings.items() if not settings.get(name)}
        planned.append(
            Planned(
                process=process,
                command=(str(python), "-m", service.spec.package, *process.arguments),
                settings={**given, **{each.port.setting: str(each.number) for each in ports}},
                ports=ports,
                examples=tuple(each for each in process.examples if _is_shown(each, values, folder)),
            )
        )
    return tuple(planned)


def _is_shown(example: Example, values: Mapping[str, Scalar], folder: Path) -> bool:
    """Not what belongs to other services of its kind, nor to code that the team has replaced."""
    if example.when and not evaluate(example.when, values, example.title):
        return False
    code = (folder / "src").rglob("*.py") if example.of else ()
    return not example.of or any(example.of in file.read_text("utf-8", "replace") for file in code)


def _open(
    port: Port,
    settings: Mapping[str, str],
    values: Mapping[str, Scalar],
    folder: Path,
    options: Options,
    taken: set[int],
) -> Opened:
    number = _wanted(port, settings, values, folder, options)
    if number == 0:
        number = free_port()
    elif port.fixed and (number in taken or not _is_free(number)):
        raise WorkspaceError(
            f"port {number} ({port.title}, {port.setting}) is in use",
            hint=f"end what listens there, or choose another: sm dev --port {number + 1}",
        )
    while number in taken or not _is_free(number):
        if number >= LAST_PORT:
            raise WorkspaceError(f"no port from {port.setting} on is free", hint=f"set {port.setting} in .env")
        number += 1
    taken.add(number)
    return Opened(port, number)


def _wanted(
    port: Port, settings: Mapping[str, str], values: Mapping[str, Scalar], folder: Path, options: Options
) -> int:
    if port.fixed and options.port is not None:
        return options.port
    text = settings.get(port.setting) or str(evaluate(port.default, values, port.setting))
    if not text.isdecimal() or int(text) > LAST_PORT:
        name = settings_file(folder)
        raise WorkspaceError(
            f"{port.setting} is {text!r}, which is not a port",
            hint=f"write a number from 1 to {LAST_PORT}, or remove the line",
            where=str(folder / name) if name else None,
        )
    return int(text)


def _is_free(number: int) -> bool:
    """Whether nothing listens there, on this machine's own address or on all of them."""
    for address in (LOOPBACK, ""):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # closed connections linger; they don't matter
            try:
                probe.bind((address, number))
            except OSError as problem:
                if problem.errno == errno.EADDRINUSE:
                    return False
    return True
