"""`sm dev` on a terminal, and as JSON lines for scripts."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock
from typing import TextIO

import msgspec

from standardized_modules.development.events import (
    Changed,
    EngineReady,
    EngineStarting,
    Event,
    Line,
    Prepared,
    ProcessEnded,
    ProcessReady,
    Running,
    Stopped,
    Stopping,
    Warned,
)

_COLOURS = (36, 35, 34, 32, 33)
"""Cyan, magenta, blue, green, yellow: readable on dark and on light; red is for errors."""


class JsonLines:
    """One JSON object a line for each event, on standard output."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._lock = Lock()

    def __call__(self, event: Event) -> None:
        with self._lock:
            self._output.write(msgspec.json.encode(event).decode() + "\n")
            self._output.flush()


class Terminal:
    """What the service prints goes to one stream, what we say to the other.

    Args:
        service: The service's name.
        processes: Names of its processes, for the width of the column.
        output: For lines of the processes.
        messages: For everything else.
    """

    def __init__(self, service: str, processes: tuple[str, ...], output: TextIO, messages: TextIO) -> None:
        self._service = service
        self._processes = processes
        self._width = max(map(len, processes), default=0)
        self._output = output
        self._messages = messages
        self._engines: list[EngineReady] = []
        self._lock = Lock()

    def __call__(self, event: Event) -> None:
        with self._lock:
            if isinstance(event, Line):
                name = _coloured(f"{event.process:<{self._width}} |", self._colour(event.process), self._output)
                self._output.write(f"{name} {event.text}\n")
                self._output.flush()
            else:
                for line in self._say(event):
                    self._messages.write(line + "\n")
                self._messages.flush()

    def _colour(self, process: str) -> int:
        return _COLOURS[self._processes.index(process) % len(_COLOURS)]

    def _say(self, event: Event) -> list[str]:
        match event:
            case EngineStarting(name):
                return [f"{name}: starting"]
            case EngineReady():
                self._engines.append(event)
                notes = [f"{event.name}: {note}" for note in event.notes]
                return [f"{event.name}: ready after {event.seconds:.1f} s", *notes]
            case Prepared(name, seconds):
                return [f"{name}: done after {seconds:.1f} s"]
            case ProcessReady(name, seconds):
                return [f"{name}: ready after {seconds:.1f} s"]
            case Running():
                return self._table(event)
            case ProcessEnded(name, code, waits):
                reason = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
                problem = _coloured(f"{name} {reason}", 31 if code else 0, self._messages)
                return [f"{problem}; the next change starts it again" if waits else problem]
            case Changed(paths):
                more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
                return [f"changed: {paths[0]}{more}; starting again"]
            case Warned(message):
                return [_coloured("warning: ", 33, self._messages) + message]
            case Stopping():
                return ["stopping; a second Ctrl-C does not wait"]
            case Stopped(name, forced):
                return [f"{name}: killed" if forced else f"{name}: stopped"]
        return []

    def _table(self, event: Running) -> list[str]:
        rows = [(each.process, each.title, each.url) for each in event.addresses]
        for engine in self._engines:
            rows.append((engine.name, engine.title, engine.address))
            rows += [(engine.name, title, where) for title, where in engine.resources.items()]
        first, second = (max((len(row[column]) for row in rows), default=0) for column in (0, 1))
        what = f"{self._service} runs" if event.addresses else f"{self._service} has what it needs"
        lines = ["", f"{what}. Ctrl-C stops it." + _reload(event), ""]
        shown = ""
        for name, title, where in rows:
            lines.append(f"  {name if name != shown else '':<{first}}  {title:<{second}}  {where}")
            shown = name
        if event.commands:
            where = os.path.relpath(event.folder)
            go = "" if where == "." else f", in {where if not where.startswith('..') else Path(event.folder)}"
            lines += ["", f"In another terminal{go}:", f"  set -a; . ./{event.settings}; set +a"]
            width = max((len(each.line) for each in event.commands), default=0)
            lines += [f"  {each.line:<{width}}  # {each.title}" for each in event.commands]
        return [*lines, ""]


def _reload(event: Running) -> str:
    return f" Changes below {event.watched}/ restart it." if event.watched else ""


def _coloured(text: str, colour: int, stream: TextIO) -> str:
    """In colour on a terminal, unless NO_COLOR (no-color.org) asks for none."""
    if not colour or not stream.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{colour}m{text}\x1b[0m"
