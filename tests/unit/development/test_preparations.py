"""Commands that the processes of a service wait for: in order, until one fails, again when their folder changes."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from standardized_modules.development.events import Event, Line, Prepared, ProcessEnded
from standardized_modules.development.plan import Options, Plan
from standardized_modules.development.preparations import Preparations
from standardized_modules.engines import Facts
from standardized_modules.engines.child import Asked, never
from standardized_modules.model.library import Preparation

PROGRAM = """
import os, sys, time
print(*sys.argv[1:], os.environ["APP_GREETING"])
if sys.argv[1] == "sleep":
    time.sleep(600)
sys.exit(os.path.exists("broken"))
"""
ROLES = Preparation(name="roles", arguments=("roles", "--all"))
MIGRATIONS = Preparation(name="migrations", arguments=("migrate",), watched="migrations")
SETTINGS = {"APP_GREETING": "hello"}
Prepare = Callable[..., tuple[Preparations, list[Event]]]


@pytest.fixture
def prepare(tmp_path: Path) -> Prepare:
    """Preparations of a service whose commands print their arguments and fail when it is broken."""
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders/__main__.py").write_text(PROGRAM)
    interpreter = tmp_path / ".venv/bin/python"
    interpreter.parent.mkdir(parents=True)
    interpreter.symlink_to(sys.executable)

    def made(*preparations: Preparation, cancelled: Asked = never) -> tuple[Preparations, list[Event]]:
        facts = Facts("orders", "eu-west-1", {})
        plan = Plan(tmp_path, "orders", "orders", facts, (), preparations, (), {}, Options())
        events: list[Event] = []
        return Preparations(plan, events.append, cancelled), events

    return made


def lines(events: list[Event]) -> list[tuple[str, str]]:
    return [(each.process, each.text) for each in events if isinstance(each, Line)]


def test_in_order_with_the_settings_and_once(prepare: Prepare) -> None:
    preparations, events = prepare(ROLES, MIGRATIONS)
    assert preparations.run(SETTINGS)
    assert lines(events) == [("roles", "roles --all hello"), ("migrations", "migrate hello")]
    assert [each.name for each in events if isinstance(each, Prepared)] == ["roles", "migrations"]
    events.clear()
    preparations.note(["src/orders/routes.py", "src/orders/migrations_of_others/a.py", "src/other/migrations/a.py"])
    assert preparations.run(SETTINGS)
    assert events == []


def test_again_when_its_folder_changes(prepare: Prepare) -> None:
    preparations, events = prepare(ROLES, MIGRATIONS)
    assert preparations.run(SETTINGS)
    events.clear()
    preparations.note(["src/orders/routes.py", "src/orders/migrations/versions/0002_add.py"])
    assert preparations.run(SETTINGS)
    assert lines(events) == [("migrations", "migrate hello")]


def test_what_fails_stops_the_rest_and_is_tried_again(prepare: Prepare, tmp_path: Path) -> None:
    preparations, events = prepare(ROLES, MIGRATIONS)
    (tmp_path / "broken").touch()
    assert not preparations.run(SETTINGS)
    assert events == [Line("roles", "roles --all hello"), ProcessEnded("roles", 1, waits=False)]
    (tmp_path / "broken").unlink()
    preparations.note(["src/orders/routes.py"])
    assert preparations.run(SETTINGS)
    assert lines(events)[1:] == [("roles", "roles --all hello"), ("migrations", "migrate hello")]


def test_nobody_waits_for_it_any_more(prepare: Prepare) -> None:
    wanted = threading.Event()
    preparations, events = prepare(Preparation(name="slow", arguments=("sleep",)), cancelled=wanted.is_set)
    threading.Timer(0.2, wanted.set).start()
    began = time.monotonic()
    assert not preparations.run(SETTINGS)
    assert time.monotonic() - began < 30
    assert not [each for each in events if isinstance(each, ProcessEnded)], "it did not fail"
