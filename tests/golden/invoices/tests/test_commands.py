"""The commands for people: enqueue, and look after dead letters."""

import asyncio
import io
import json

import pytest

from invoices import commands
from invoices.__main__ import main
from invoices.queue import BrokerUnavailable, OutgoingMessage
from invoices.queue.memory import MemoryQueue
from invoices.tasks import TASKS
from invoices.worker.registry import Registry
from tests.bench import Seen, noting
from tests.faulty import FaultyQueue


class _Broker(FaultyQueue):
    """Stands for a broker: what a command did is there after it."""

    closed = False

    async def close(self) -> None:
        """Note that it was closed."""
        self.closed = True


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> MemoryQueue:
    """A queue with two dead letters, which the commands take for a broker's."""
    queue = _Broker(60)
    asyncio.run(_fill(queue))
    monkeypatch.setattr(commands, "open_queue", lambda _: queue)
    monkeypatch.setattr(commands, "_within_process", lambda _: False)
    monkeypatch.setattr(commands, "TASKS", (noting(Seen()),))
    return queue


async def _fill(queue: MemoryQueue) -> None:
    for text in (b'{"text": "\xe2\x98\x83"}', b"\xff\x1b[31m"):
        await queue.send([OutgoingMessage(text, {"task": "note"})])
        [message] = await queue.receive(1, 0)
        await queue.dead_letter(message, "permanent_error", "never\x1b[0m")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    code = main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_enqueue(broker: MemoryQueue, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "enqueue", "note", '{"text": "a"}', "--key", "k", "--delay", "0")
    assert (code, out, err) == (0, "k\n", "")
    [message] = asyncio.run(broker.receive(10, 0))
    assert message.body == b'{"text":"a"}'
    assert broker.closed  # type: ignore[attr-defined]  # see _Broker


def test_a_payload_may_come_from_standard_input(
    broker: MemoryQueue, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"text": "b"}'))
    assert run(capsys, "enqueue", "note", "-")[0] == 0
    assert asyncio.run(broker.stats()).visible == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing", "{}"), "there is no task 'nothing'; the tasks are: note"),
        (("note", '{"text": 1}'), "not valid:\n  text: Input should be a valid string\n"),
        (("note", "{"), "not valid"),
        (("note", "{}", "--group", "g"), "no groups"),
    ],
)
@pytest.mark.usefixtures("broker")
def test_what_cannot_be_enqueued_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = run(capsys, "enqueue", *arguments)
    assert (code, out) == (1, "")
    assert said in err


@pytest.mark.usefixtures("broker")
def test_dead_letters_are_listed_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "dead-letters", "list")
    assert code == 0
    assert len(out.splitlines()) == 2
    assert "permanent_error" in out
    assert "\x1b" not in out, "what a message says does not steer a terminal"
    assert len(run(capsys, "dead-letters", "list", "--limit", "1")[1].splitlines()) == 1


@pytest.mark.usefixtures("broker")
def test_dead_letters_are_listed_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "dead-letters", "list", "--json")
    first = json.loads(out.splitlines()[0])
    assert code == 0
    assert first["reason"] == "permanent_error"
    assert json.loads(first["body"]) == {"text": "\N{SNOWMAN}"}
    assert first["attributes"] == {"task": "note"}
    assert first["deliveries"] == 1


def test_redrive_and_purge(broker: MemoryQueue, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "dead-letters", "redrive", "--limit", "1")[:2] == (0, "1 put back\n")
    assert asyncio.run(broker.stats()).visible == 1
    assert run(capsys, "dead-letters", "purge", "--yes")[:2] == (0, "1 deleted\n")
    code, out, err = run(capsys, "dead-letters", "list")
    assert (code, out) == (0, "")
    assert "no dead letters" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("dead-letters", "purge"),
        ("dead-letters",),
        ("dead-letters", "list", "--limit", "0"),
        ("enqueue", "note"),
        ("unknown",),
    ],
)
def test_wrong_usage_is_2(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_a_broker_that_is_away_is_said_without_a_traceback(
    broker: MemoryQueue, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: int) -> int:
        raise BrokerUnavailable("connection refused")

    monkeypatch.setattr(broker, "redrive", away)
    assert run(capsys, "dead-letters", "redrive") == (1, "", "connection refused\n")


def test_what_the_broker_refuses_is_said_without_a_traceback(
    broker: MemoryQueue, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refusing(_messages: object) -> None:
        raise ValueError("SQS refuses the message: it is too long")

    monkeypatch.setattr(broker, "send", refusing)
    code, out, err = run(capsys, "enqueue", "note", '{"text": "a"}')
    assert (code, out, err) == (1, "", "SQS refuses the message: it is too long\n")
    assert broker.closed  # type: ignore[attr-defined]  # see _Broker


@pytest.mark.usefixtures("broker")
def test_ctrl_c_ends_a_command_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted(_queue: MemoryQueue, _limit: int) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(MemoryQueue, "redrive", interrupted)
    assert main(["dead-letters", "redrive"]) == 130


def test_without_a_broker_they_say_where_the_queue_is(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "dead-letters", "list")
    assert (code, out) == (1, "")
    assert "no broker is configured" in err
    assert "8081" in err


def test_every_task_of_this_service_can_be_registered() -> None:
    assert list(Registry(TASKS))
