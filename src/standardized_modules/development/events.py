"""What happens while a service runs. Each is one JSON line of `sm dev --json`."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Event(Struct, frozen=True, tag_field="event"):
    """Base of all."""


class EngineStarting(Event, frozen=True, tag="engine-starting"):
    """An engine was started and does not answer yet."""

    name: str


class EngineReady(Event, frozen=True, tag="engine-ready"):
    """An engine answers and has what the service needs."""

    name: str
    title: str
    address: str
    resources: Mapping[str, str]
    notes: tuple[str, ...]
    seconds: float


class Prepared(Event, frozen=True, tag="prepared"):
    """A command that the processes wait for has done its work."""

    name: str
    seconds: float


class ProcessStarted(Event, frozen=True, tag="process-started"):
    """A process of the service was started."""

    name: str
    pid: int


class ProcessReady(Event, frozen=True, tag="process-ready"):
    """A process says that it is ready."""

    name: str
    seconds: float


class Address(Struct, frozen=True):
    """Something to open."""

    process: str
    title: str
    url: str


class Command(Struct, frozen=True):
    """Something to type."""

    title: str
    line: str


class Running(Event, frozen=True, tag="running"):
    """Everything is ready: what runs where. Comes once."""

    addresses: tuple[Address, ...]
    folder: str
    settings: str
    """File below it with the variables, for another terminal."""
    commands: tuple[Command, ...]
    watched: str
    """The folder whose changes restart the service; empty without reload."""


class Line(Event, frozen=True, tag="line"):
    """A process printed a line."""

    process: str
    text: str


class ProcessEnded(Event, frozen=True, tag="process-ended"):
    """A process ended by itself."""

    name: str
    code: int
    waits: bool
    """Whether the next change starts it again."""


class Changed(Event, frozen=True, tag="changed"):
    """Files changed; the processes are started anew."""

    paths: tuple[str, ...]


class Warned(Event, frozen=True, tag="warning"):
    """Something that the user should know."""

    message: str


class Stopping(Event, frozen=True, tag="stopping"):
    """Somebody wants it all to end."""


class Stopped(Event, frozen=True, tag="stopped"):
    """An engine or a process was ended."""

    name: str
    forced: bool
    """Whether it had to be killed."""
