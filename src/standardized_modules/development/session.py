"""Runs a plan until somebody stops it, an engine ends, or a process ends without reload.

Everything that happens arrives in one queue and is handled in the main thread, one after the
other. Signals only add to the queue, so nothing is ever left half-started; a second one makes us
stop waiting for whoever takes long to end.
"""

from __future__ import annotations

import shlex
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
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
from standardized_modules.development.plan import PYTHON, Plan
from standardized_modules.development.preparations import Preparations
from standardized_modules.development.processes import Ended, Ready, Run
from standardized_modules.development.settings import as_shell, overridden, with_engines
from standardized_modules.development.state import STATE, state_folder
from standardized_modules.development.watch import watch
from standardized_modules.engines import EngineError, open_engine
from standardized_modules.engines import Running as RunningEngine
from standardized_modules.engines.running import failed
from standardized_modules.model.library import EngineName

WATCHED = "src"
INTERRUPTED = 130
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Signalled(Struct, frozen=True):
    """Somebody wants it to end."""


class _NotPrepared(Struct, frozen=True):
    """A preparation failed; it has said why."""


class _EngineEnded(Struct, frozen=True):
    engine: RunningEngine


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
    for warning in plan.warnings:
        emit(Warned(warning))
    session = _Session(plan, emit)
    with session.signals(), ExitStack() as stack:
        state = stack.enter_context(state_folder(plan.folder))
        try:
            engines = [stack.enter_context(session.engine(name, state / name)) for name in plan.engines]
        except EngineError:
            if session.signalled():
                return INTERRUPTED
            raise
        settings = _with_processes(with_engines(plan.settings, engines), plan)
        (state / "env").write_text(as_shell(settings, engines), encoding="utf-8")
        stack.callback(session.stop_processes)
        if plan.reloads:
            stack.enter_context(watch(plan.folder / WATCHED, session.queue.put))
        session.start_processes(settings)
        try:
            return session.loop(settings)
        finally:
            emit(Stopping())


class _Session:
    def __init__(self, plan: Plan, emit: Callable[[Event], None]) -> None:
        self.plan = plan
        self.emit = emit
        self.queue: SimpleQueue[Any] = SimpleQueue()
        self._signals = 0
        self._preparations = Preparations(plan, emit, self.signalled)
        self._runs: list[Run] = []
        self._ready: set[Run] = set()
        self._announced = False

    def signalled(self) -> bool:
        """Whether somebody wants it to end."""
        return self._signals > 0

    def hurry(self) -> bool:
        """Whether somebody does not want to wait for that."""
        return self._signals > 1

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Ctrl-C, SIGTERM and a closed terminal end the session in order; a second time, in a hurry."""

        def note(_number: int, _frame: FrameType | None) -> None:
            self._signals += 1
            self.queue.put(_Signalled())  # SimpleQueue.put may be called by a signal handler

        # `nohup` has SIGHUP ignored, and that stays so.
        wanted = [each for each in SIGNALS if each != signal.SIGHUP or signal.getsignal(each) != signal.SIG_IGN]
        before = {number: signal.signal(number, note) for number in wanted}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def engine(self, name: EngineName, folder: Path) -> Iterator[RunningEngine]:
        """An engine, with what there is to say about it; its end is an event of ours."""
        self.emit(EngineStarting(name))
        started = monotonic()
        folder.mkdir()
        with ExitStack() as stack:
            engine = stack.enter_context(open_engine(name, self.plan.facts, folder, self.signalled))
            seconds = round(monotonic() - started, 2)
            self.emit(EngineReady(name, engine.title, engine.address, engine.resources, engine.notes, seconds))
            for variable in overridden(self.plan.settings, engine):
                self.emit(Warned(f"your {variable} is not used: the engine {name!r} has its own"))
            Thread(target=self._wait_for, args=(engine,), daemon=True).start()
            try:
                yield engine
            finally:
                stack.close()
                self.emit(Stopped(name, forced=engine.child.code == -signal.SIGKILL))

    def _wait_for(self, engine: RunningEngine) -> None:
        engine.child.wait()
        self.queue.put(_EngineEnded(engine))

    def start_processes(self, settings: Mapping[str, str]) -> None:
        """Prepare and start all of the service, unless somebody wants it to end."""
        if not self._preparations.run(settings):
            self.queue.put(_NotPrepared())
            return
        for planned in self.plan.started:
            if not self.signalled():
                self._runs.append(Run(planned, settings, self.plan.folder, self.emit, self.queue.put))
        if not self.plan.started:
            self._announce()

    def stop_processes(self) -> None:
        """Stop all of the service, the last one first."""
        while self._runs:
            self._runs.pop().stop(self.hurry)
        self._ready.clear()

    def loop(self, settings: Mapping[str, str]) -> int:
        """Handle what happens; returns the exit code."""
        while True:
            match self.queue.get():
                case _Signalled():
                    return 0 if self._announced else INTERRUPTED
                case _NotPrepared() if not self.plan.reloads and not self.signalled():
                    return 1
                case _EngineEnded(engine):
                    raise failed(engine.name, "ended by itself", engine.log)
                case Ready(run, seconds) if run in self._runs:
                    self.emit(ProcessReady(run.name, round(seconds, 2)))
                    self._ready.add(run)
                    if len(self._ready) == len(self.plan.started):
                        self._announce()
                case Ended(run, code) if run in self._runs:
                    self._ready.discard(run)
                    self.emit(ProcessEnded(run.name, code, waits=self.plan.options.reload))
                    if not self.plan.options.reload:
                        return int(code != 0)
                case Changed() as changed:
                    changed = self._with_later(changed)
                    self.emit(changed)
                    self._preparations.note(changed.paths)
                    self.stop_processes()
                    self.start_processes(settings)
                case Warned() as warned:
                    self.emit(warned)

    def _with_later(self, changed: Changed) -> Changed:
        """A change together with those that are already known: they need one restart."""
        paths, others = set(changed.paths), []
        while True:
            try:
                event = self.queue.get_nowait()
            except Empty:
                break
            if isinstance(event, Changed):
                paths.update(event.paths)
            else:
                others.append(event)
        for event in others:
            self.queue.put(event)
        return Changed(tuple(sorted(paths)))

    def _announce(self) -> None:
        if not self._announced:
            self._announced = True
            self.emit(_running(self.plan))


def _running(plan: Plan) -> Running:
    start = [Command(f"start the {each.process.name}", _line(plan, each.process.arguments)) for each in plan.processes]
    examples = [
        Command(example.title, _line(plan, example.arguments)) for each in plan.processes for example in each.examples
    ]
    return Running(
        addresses=tuple(
            Address(each.process.name, port.port.title, port.url(port.port.path))
            for each in plan.started
            for port in each.ports
        ),
        folder=str(plan.folder),
        settings=f"{STATE}/env",
        commands=(*(() if plan.started else start), *examples),
        watched=WATCHED if plan.reloads else "",
    )


def _line(plan: Plan, arguments: Iterable[str]) -> str:
    return shlex.join((PYTHON, "-m", plan.package, *arguments))


def _with_processes(settings: Mapping[str, str], plan: Plan) -> dict[str, str]:
    """With the settings of all processes, because each checks all; where two differ, those of the first."""
    result = dict(settings)
    for planned in reversed(plan.processes):
        result.update(planned.settings)
    return result
