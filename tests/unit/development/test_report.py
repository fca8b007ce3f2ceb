"""What people and scripts read of the same events."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from standardized_modules.development import events
from standardized_modules.reports.development import JsonLines, Terminal

ENGINE = events.EngineReady("sqs", "SQS", "http://127.0.0.1:5", {"queue": "http://127.0.0.1:5/q"}, ("small.",), 0.62)
ADDRESSES = (
    events.Address("api", "HTTP", "http://127.0.0.1:1"),
    events.Address("api", "metrics", "http://127.0.0.1:2/metrics"),
    events.Address("worker", "health", "http://127.0.0.1:3/readyz"),
)
COMMAND = events.Command("enqueue a task", ".venv/bin/python -m orders enqueue x '{}'")


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def running(folder: Path | str = ".", *, commands: bool = True, watched: str = "src") -> events.Running:
    chosen = (COMMAND,) if commands else ()
    return events.Running(ADDRESSES, str(Path(folder).absolute()), ".sm-dev/env", chosen, watched)


def told(*happened: events.Event) -> tuple[str, str]:
    output, messages = io.StringIO(), io.StringIO()
    report = Terminal("orders", ("api", "worker"), output, messages)
    for event in happened:
        report(event)
    return output.getvalue(), messages.getvalue()


def test_what_runs_where() -> None:
    assert told(events.EngineStarting("sqs"), ENGINE, events.ProcessReady("api", 1.04), running("."))[1] == (
        "sqs: starting\n"
        "sqs: ready after 0.6 s\n"
        "sqs: small.\n"
        "api: ready after 1.0 s\n"
        "\n"
        "orders runs. Ctrl-C stops it. Changes below src/ restart it.\n"
        "\n"
        "  api     HTTP     http://127.0.0.1:1\n"
        "          metrics  http://127.0.0.1:2/metrics\n"
        "  worker  health   http://127.0.0.1:3/readyz\n"
        "  sqs     SQS      http://127.0.0.1:5\n"
        "          queue    http://127.0.0.1:5/q\n"
        "\n"
        "In another terminal:\n"
        "  set -a; . ./.sm-dev/env; set +a\n"
        "  .venv/bin/python -m orders enqueue x '{}'  # enqueue a task\n"
        "\n"
    )


def test_where_the_other_terminal_has_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "services").mkdir()
    monkeypatch.chdir(tmp_path)
    assert "In another terminal, in services/orders:\n" in told(running("services/orders"))[1]
    monkeypatch.chdir(tmp_path / "services")
    assert f"In another terminal, in {tmp_path}/orders:\n" in told(running(tmp_path / "orders"))[1]


def test_without_commands_and_without_reload() -> None:
    said = told(running(commands=False, watched=""))[1]
    assert "orders runs. Ctrl-C stops it.\n" in said
    assert "another terminal" not in said


def test_ends_and_changes() -> None:
    assert told(
        events.ProcessEnded("api", 1, waits=True),
        events.ProcessEnded("worker", -9, waits=False),
        events.Changed(("src/orders/a.py", "src/orders/b.py")),
        events.Changed(("src/orders/a.py",)),
        events.Warned("careful"),
        events.Stopping(),
        events.Stopped("api", forced=True),
        events.Stopped("sqs", forced=False),
        events.ProcessStarted("api", 5),
    )[1].splitlines() == [
        "api ended with exit code 1; the next change starts it again",
        "worker was ended by signal 9",
        "changed: src/orders/a.py and 1 more; starting again",
        "changed: src/orders/a.py; starting again",
        "warning: careful",
        "stopping; a second Ctrl-C does not wait",
        "api: killed",
        "sqs: stopped",
    ]


def test_lines_have_the_name_of_their_process(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(events.Line("api", "a"), events.Line("worker", "b"))[0] == "api    | a\nworker | b\n"
    monkeypatch.delenv("NO_COLOR", raising=False)
    screen = Screen()
    Terminal("orders", ("api",), screen, screen)(events.Line("api", "a"))
    assert screen.getvalue() == "\x1b[36mapi |\x1b[0m a\n"
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Screen()
    Terminal("orders", ("api",), plain, plain)(events.Line("api", "a"))
    assert plain.getvalue() == "api | a\n"


def test_scripts_read_a_line_for_each_event() -> None:
    output = io.StringIO()
    report = JsonLines(output)
    for event in (ENGINE, events.Line("api", 'a "line"'), events.Stopping()):
        report(event)
    assert [json.loads(line) for line in output.getvalue().splitlines()] == [
        {
            "event": "engine-ready",
            "name": "sqs",
            "title": "SQS",
            "address": "http://127.0.0.1:5",
            "resources": {"queue": "http://127.0.0.1:5/q"},
            "notes": ["small."],
            "seconds": 0.62,
        },
        {"event": "line", "process": "api", "text": 'a "line"'},
        {"event": "stopping"},
    ]
