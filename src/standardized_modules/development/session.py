"""Runs a plan until somebody stops it, an engine ends, or a process ends without reload.

Everything that happens arrives in one queue and is handled in the main thread, one after the
other. Signals only add to the queue, so nothing is ever left half-started; a second one makes us
stop waiting for whoever takes long to end.
"""

from __future__ import annotations

import shlex
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from types import FrameType
from typing import Any

from msgspec import Struct

from standardized_modules.development.events import (
    Address,
    Changed,
    Command,
    EngineReady,
    EngineStarting,
    Event,
    ProcessEnded,
    ProcessReady,
    Running,
    Stopped,
    Stopping,
    Warned,
)
from standardized_modules.development.plan import Plan
from standardized_modules.development.processes import Ended, Ready, Run
from standardized_modules.development.settings import as_shell, overridden, settings_file, with_engines
from standardized_modules.development.state import STATE, state_folder
from standardized_modules.development.watch import watch
from standardized_modules.engines import EngineError, open_engine
from standardized_modules.engines import Running as RunningEngine
from standardized_modules.engines.running import failed
from standardized_modules.model.library import EngineName

WATCHED = "src"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Signalled(Struct, frozen=True):
    """Somebody wants it to end."""


class _EngineEnded(Struct, frozen=True):
    engine: RunningEngine


class _Session:
    def __init__(self, plan: Plan, emit: Callable[[Event], None]) -> None:
        self.plan = plan
        self.emit = emit
        self.queue: SimpleQueue[Any] = SimpleQueue()
        self.signals = 0
        self.engines: list[RunningEngine] = []
        self.runs: list[Run] = []
        self.ready: set[Run] = set()
        self.announced = False
        self.settings: dict[str, str] = {}

    def signalled(self) -> bool:
        return self.signals > 0

    def hurry(self) -> bool:
        return self.signals > 1


def run(plan: Plan, emit: Callable[[Event], None]) -> int:
    """Run it.

    Args:
        plan: What to run.
        emit: Is told each event, from several threads.

    Returns:
        0 when somebody stopped it while it ran, 130 when that was before everything ran, 1 when a
        process failed and nothing would start it again.

    Raises:
        UsageError: when a package is missing.
        WorkspaceError: when the service runs already.
        EngineError: when an engine does not start, or ends.
    """
    session = _Session(plan, emit)
    for warning in plan.warnings:
        emit(Warned(warning))
    with _signals(session), ExitStack() as stack:
        state = stack.enter_context(state_folder(plan.folder))
        try:
            _start_engines(session, state, stack)
        except EngineError:
            if session.signalled():
                return 130
            raise
        session.settings = with_engines(plan.settings, session.engines)
        (state / "env").write_text(_environment_file(session), encoding="utf-8")
        stack.callback(_stop_processes, session)
        if plan.options.reload and plan.processes:
            stack.enter_context(watch(plan.folder / WATCHED, session.queue.put))
        _start_processes(session)
        try:
            return _loop(session)
        finally:
            emit(Stopping())


def _start_engines(session: _Session, state: Path, stack: ExitStack) -> None:
    for name in session.plan.engines:
        session.emit(EngineStarting(name))
        started = monotonic()
        engine = stack.enter_context(_engine(session, name, state / name))
        session.engines.append(engine)
        seconds = round(monotonic() - started, 2)
        session.emit(EngineReady(name, engine.title, engine.address, engine.resources, engine.notes, seconds))
        for variable in overridden(session.plan.settings, engine):
            session.emit(Warned(f"{variable} of {settings_file(session.plan.folder)} is not used: sm dev has its own"))
        Thread(target=_watch_engine, args=(session, engine), daemon=True).start()


@contextmanager
def _engine(session: _Session, name: EngineName, folder: Path) -> Iterator[RunningEngine]:
    started = False
    folder.mkdir()
    try:
        with open_engine(name, session.plan.facts, folder, session.signalled) as engine:
            started = True
            yield engine
    finally:
        if started:
            session.emit(Stopped(name, forced=False))


def _watch_engine(session: _Session, engine: RunningEngine) -> None:
    engine.child.wait()
    session.queue.put(_EngineEnded(engine))


def _start_processes(session: _Session) -> None:
    for planned in session.plan.processes:
        if not session.signalled():
            run = Run(planned, session.settings, session.plan.folder, session.emit, session.queue.put)
            session.runs.append(run)
    if not session.plan.processes:
        _announce(session)


def _stop_processes(session: _Session) -> None:
    while session.runs:
        session.runs.pop().stop(session.hurry)
    session.ready.clear()


def _loop(session: _Session) -> int:
    while True:
        match session.queue.get():
            case _Signalled():
                return 0 if session.announced else 130
            case _EngineEnded(engine):
                raise failed(engine.name, "ended", engine.log)
            case Ready(run, seconds) if run in session.runs:
                session.emit(ProcessReady(run.name, round(seconds, 2)))
                session.ready.add(run)
                if len(session.ready) == len(session.plan.processes):
                    _announce(session)
            case Ended(run, code) if run in session.runs:
                session.emit(ProcessEnded(run.name, code, waits=session.plan.options.reload))
                session.ready.discard(run)
                if not session.plan.options.reload:
                    return int(code != 0)
            case Changed() as changed:
                session.emit(_with_later(session, changed))
                _stop_processes(session)
                _start_processes(session)
            case Warned() as warned:
                session.emit(warned)


def _with_later(session: _Session, changed: Changed) -> Changed:
    """A change together with those that are already known: they need one restart."""
    paths, others = set(changed.paths), []
    while True:
        try:
            event = session.queue.get_nowait()
        except Empty:
            break
        if isinstance(event, Changed):
            paths.update(event.paths)
        else:
            others.append(event)
    for event in others:
        session.queue.put(event)
    return Changed(tuple(sorted(paths)))


def _announce(session: _Session) -> None:
    if session.announced:
        return
    session.announced = True
    plan = session.plan
    session.emit(
        Running(
            addresses=tuple(
                Address(each.process.name, port.port.title, port.url(port.port.path))
                for each in plan.processes
                for port in each.ports
            ),
            folder=str(plan.folder),
            settings=f"{STATE}/env",
            commands=tuple(
                Command(example.title, shlex.join((".venv/bin/python", "-m", plan.package, *example.arguments)))
                for each in plan.processes
                for example in each.process.examples
            ),
            watched=WATCHED if plan.options.reload and plan.processes else "",
        )
    )


def _environment_file(session: _Session) -> str:
    settings = dict(session.settings)
    for planned in reversed(session.plan.processes):
        settings.update(planned.settings)
    return as_shell(settings, session.engines)


@contextmanager
def _signals(session: _Session) -> Iterator[None]:
    """Ctrl-C, SIGTERM and a closed terminal end the session in order, once; again, in a hurry."""

    def note(_number: int, _frame: FrameType | None) -> None:
        session.signals += 1
        session.queue.put(_Signalled())  # SimpleQueue.put may be called by a signal handler

    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
