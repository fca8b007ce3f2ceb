"""Commands for people: enqueue a task, and look after the dead letters.

Data goes to standard output, everything else to standard error. Exit code 0: done; 1: refused, or
the broker does not answer; 2: usage.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import ValidationError

from .queue import BrokerUnavailable, DeadLetter, Queue, open_queue
from .queue.memory import MemoryQueue
from .settings import Settings
from .task_queue import TaskQueue
from .tasks import TASKS
from .worker.registry import Registry, UnknownTaskError

if TYPE_CHECKING:
    # What argparse returns from add_subparsers; generic in type stubs alone.
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001

Action = Callable[[Queue, Settings, argparse.Namespace], Awaitable[None]]
SHOWN_BODY = 200


def add_commands(commands: "Commands") -> None:
    """Add `enqueue` and `dead-letters` to the command line."""
    enqueue = commands.add_parser("enqueue", help="enqueue a task")
    enqueue.add_argument("task", help=f"one of: {', '.join(task.name for task in TASKS)}")
    enqueue.add_argument("payload", help="JSON, or - to read it from standard input")
    enqueue.add_argument("--key", help="idempotency key; without one the task is always executed")
    enqueue.add_argument("--group", help="ordered queues: the group whose order it keeps")
    enqueue.add_argument("--delay", type=float, default=0.0, metavar="SECONDS")
    enqueue.set_defaults(run=_run, action=_enqueue)

    letters = commands.add_parser("dead-letters", help="list, redrive or purge what was given up")
    actions = letters.add_subparsers(title="actions", required=True)
    listing = actions.add_parser("list", help="show dead letters; they stay where they are")
    listing.add_argument("--limit", type=_positive, default=20, metavar="N")
    listing.add_argument("--json", action="store_true", help="one JSON object a line, whole")
    listing.set_defaults(run=_run, action=_list)
    redrive = actions.add_parser("redrive", help="put dead letters back into the queue")
    redrive.add_argument("--limit", type=_positive, default=1000, metavar="N")
    redrive.set_defaults(run=_run, action=_redrive)
    purge = actions.add_parser("purge", help="delete all dead letters")
    purge.add_argument("--yes", action="store_true", required=True, help="they are gone for good")
    purge.set_defaults(run=_run, action=_purge)


def _run(settings: Settings, chosen: argparse.Namespace) -> int:
    queue = open_queue(settings)
    if _within_process(queue):
        return _refuse(
            "no broker is configured: the queue is inside the worker's process. A local worker "
            f"takes tasks at http://127.0.0.1:{settings.health_port}/tasks/NAME (POST, JSON)"
        )
    try:
        asyncio.run(_with(queue, chosen.action(queue, settings, chosen)))
    except ValidationError as error:
        return _refuse(f"the payload is not valid:\n{_faults(error)}")
    # ValueError: what we would not enqueue (NotEnqueuedError), and what the broker refuses.
    except (BrokerUnavailable, UnknownTaskError, ValueError) as error:
        return _refuse(str(error) or type(error).__name__)
    return 0


def _faults(error: ValidationError) -> str:
    """Where and why, a line each; what was given stays out of it, for it may be personal."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    places = (".".join(map(str, each["loc"])) or "the payload" for each in found)
    return "\n".join(f"  {place}: {each['msg']}" for place, each in zip(places, found, strict=True))


def _within_process(queue: Queue) -> bool:
    return isinstance(queue, MemoryQueue)


async def _with(queue: Queue, action: Awaitable[None]) -> None:
    try:
        await action
    finally:
        await queue.close()


async def _enqueue(queue: Queue, settings: Settings, chosen: argparse.Namespace) -> None:
    payload = sys.stdin.read() if chosen.payload == "-" else chosen.payload
    tasks = TaskQueue(queue, Registry(TASKS), settings)
    key = await tasks.enqueue_json(
        chosen.task, payload, key=chosen.key, delay=chosen.delay, group=chosen.group
    )
    _say(key)


async def _list(queue: Queue, _: Settings, chosen: argparse.Namespace) -> None:
    letters = await queue.dead_letters(chosen.limit)
    for letter in letters:
        _say(json.dumps(_whole(letter)) if chosen.json else _line(letter))
    if not letters:
        print("there are no dead letters", file=sys.stderr)  # noqa: T201 a command line


async def _redrive(queue: Queue, _: Settings, chosen: argparse.Namespace) -> None:
    _say(f"{await queue.redrive(chosen.limit)} put back")


async def _purge(queue: Queue, _: Settings, _chosen: argparse.Namespace) -> None:
    _say(f"{await queue.purge_dead_letters()} deleted")


def _whole(letter: DeadLetter) -> dict[str, object]:
    return {
        "id": letter.id,
        "sent_at": _moment(letter),
        "deliveries": letter.delivery_count,
        "reason": letter.reason,
        "description": letter.description,
        "attributes": dict(letter.attributes),
        "body": letter.body.decode(errors="replace"),
    }


def _line(letter: DeadLetter) -> str:
    """For a terminal: nothing in it comes from a message unescaped."""
    task = letter.attributes.get("task", "?")
    body = json.dumps(letter.body.decode(errors="replace")[:SHOWN_BODY])
    why = f"{letter.reason}  {json.dumps(letter.description)}"
    return f"{_moment(letter)}  {letter.id}  {json.dumps(task)}  {why}  {body}"


def _moment(letter: DeadLetter) -> str:
    return datetime.fromtimestamp(letter.sent_at, UTC).isoformat(timespec="seconds")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("has to be 1 or more")
    return number


def _say(text: str) -> None:
    print(text)  # noqa: T201 a command line


def _refuse(text: str) -> int:
    print(text, file=sys.stderr)  # noqa: T201 a command line
    return 1
