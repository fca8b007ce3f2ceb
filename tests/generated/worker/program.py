"""Workers with the tasks of these tests. Run by the Python of a generated service, never imported.

    python program.py FOLDER

Reads one command a line from standard input, answers each with a line:

    {"start": {settings}, "log": PATH}    forks a worker: its process id
    {"ended": PID}                        whether it ended: 1 or 0
    {"wait": PID}                         waits for its end: its exit code, negative after a signal

Everything is imported before the first fork, so that a worker that was killed is replaced within
milliseconds; it shares nothing else with the others. With standard input closed, all are killed.

FOLDER gets `journal/PID`, a line for every begin and end of a handler, and `effects/KEY`: a file
that can be created once, which is the side effect. A file `go` in it lets handlers go on that hold.
"""

import asyncio
import json
import os
import signal
import sys
import time
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

from orders.settings import load_settings
from orders.worker import PermanentError, TaskContext, task
from orders.worker.process import run_worker
from pydantic import BaseModel

FOLDER = Path(sys.argv[1])
EFFECTS, JOURNAL = FOLDER / "effects", FOLDER / "journal"


class Work(BaseModel):
    """Takes as long as `seconds` says for this attempt, the last value for all further ones."""

    seconds: list[float] = [0.0]


class Hold(BaseModel):
    """Takes as long as the test wants."""


class Fail(BaseModel):
    """Fails `times` times."""

    times: int


class Refuse(BaseModel):
    """Can never succeed."""


def note(event: str, context: TaskContext) -> None:
    """One write of one line: whole, or not there, whenever the process is killed."""
    line = {"event": event, "key": context.idempotency_key, "attempt": context.attempt, "at": time.time()}
    descriptor = os.open(JOURNAL / str(os.getpid()), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, json.dumps(line).encode() + b"\n")
    os.close(descriptor)


def take_effect(context: TaskContext) -> None:
    """What must happen once for each idempotency key."""
    try:
        (EFFECTS / context.idempotency_key).touch(exist_ok=False)
    except FileExistsError:
        note("again", context)


@task("work")
async def work(payload: Work, context: TaskContext) -> None:
    """Do it once for each idempotency key."""
    note("begin", context)
    await asyncio.sleep(payload.seconds[min(context.attempt, len(payload.seconds)) - 1])
    take_effect(context)
    note("end", context)


@task("hold")
async def hold(payload: Hold, context: TaskContext) -> None:
    """Wait in the first attempt until the test says so; then as above."""
    note("begin", context)
    while context.attempt == 1 and not (FOLDER / "go").exists():
        await asyncio.sleep(0.02)
    take_effect(context)
    note("end", context)


@task("fail")
async def fail(payload: Fail, context: TaskContext) -> None:
    """Succeed after some failures."""
    note("begin", context)
    if context.attempt <= payload.times:
        note("failed", context)
        raise RuntimeError(f"attempt {context.attempt} fails")
    note("end", context)


@task("refuse")
async def refuse(payload: Refuse, context: TaskContext) -> None:
    """Fail for good."""
    note("begin", context)
    raise PermanentError("no such invoice")


def start(settings: dict[str, str], log: str) -> int:
    """Fork a worker."""
    if child := os.fork():
        return child
    code = 70
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.environ.update(settings)
        output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(0)
        code = run_worker(load_settings(), [work, hold, fail, refuse])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Obey until nobody speaks any more."""
    for folder in (EFFECTS, JOURNAL):
        folder.mkdir(parents=True, exist_ok=True)
    root = Path(import_module("orders").__file__ or "").parent
    for adapter in ("queue.sqs", "idempotency_dynamodb", "queue.service_bus", "idempotency_table"):
        if (root / f"{adapter.replace('.', '/')}.py").exists():
            import_module(f"orders.{adapter}")
    children: set[int] = set()
    for line in sys.stdin:
        command: dict[str, Any] = json.loads(line)
        if "start" in command:
            answer = start(command["start"], command["log"])
            children.add(answer)
        elif "ended" in command:
            look = os.WEXITED | os.WNOHANG | os.WNOWAIT
            answer = int(os.waitid(os.P_PID, command["ended"], look) is not None)
        else:
            _, status = os.waitpid(command["wait"], 0)
            children.discard(command["wait"])
            answer = os.waitstatus_to_exitcode(status)
        print(answer, flush=True)
    for child in children:
        os.kill(child, signal.SIGKILL)


main()
