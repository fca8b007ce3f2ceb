"""Pieces of a run that are hard to meet from outside: changes in a row, a folder that can't be had."""

from __future__ import annotations

import queue
import time
from pathlib import Path

import pytest

from standardized_modules.development.events import Changed, Event, Warned
from standardized_modules.development.plan import Options, Plan
from standardized_modules.development.session import _Session
from standardized_modules.development.state import state_folder
from standardized_modules.development.watch import watch
from standardized_modules.engines import Facts
from standardized_modules.errors import WorkspaceError


def test_changes_during_a_restart_need_one_more_not_each_its_own() -> None:
    plan = Plan(Path(), "orders", "orders", Facts("orders", "eu-west-1", {}), (), (), (), {}, Options())
    session = _Session(plan, lambda _: None)
    other = Warned("something else")
    for event in (Changed(("src/b.py",)), other, Changed(("src/a.py", "src/b.py"))):
        session.queue.put(event)
    assert session._with_later(Changed(("src/c.py",))) == Changed(("src/a.py", "src/b.py", "src/c.py"))
    assert session.queue.get_nowait() is other
    assert session.queue.empty()


def test_a_change_is_posted_with_its_path_below_the_service(tmp_path: Path) -> None:
    posted: queue.SimpleQueue[Event] = queue.SimpleQueue()
    (tmp_path / "src" / "orders").mkdir(parents=True)
    with watch(tmp_path / "src", posted.put):
        for number in range(200):  # it may not watch yet when the first ones are written
            (tmp_path / "src" / "orders" / "app.py").write_text(str(number))
            time.sleep(0.1)
            if not posted.empty():
                break
        (tmp_path / "src" / "__pycache__").mkdir()
        assert posted.get(timeout=30) == Changed(("src/orders/app.py",))


def test_a_folder_that_cannot_be_watched_is_said(tmp_path: Path) -> None:
    posted: queue.SimpleQueue[Event] = queue.SimpleQueue()
    with watch(tmp_path / "src", posted.put):
        event = posted.get(timeout=30)
    assert isinstance(event, Warned)
    assert f"changes of {tmp_path / 'src'} are not seen any more" in event.message


def test_the_folder_of_a_run(tmp_path: Path) -> None:
    left = tmp_path / ".sm-dev" / "sqs"
    left.mkdir(parents=True)
    (left / "sqs.log").touch()
    (left.parent / "env").touch()
    with state_folder(tmp_path) as folder:
        assert [each.name for each in folder.iterdir()] == [".gitignore"], "what a killed run left is gone"
        with pytest.raises(WorkspaceError, match="runs this service already"), state_folder(tmp_path):
            pass
        assert folder.exists(), "the second one took nothing away"
    assert not folder.exists()
    with state_folder(tmp_path):
        pass


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / ".sm-dev").write_text("a file")
    with pytest.raises(WorkspaceError, match="can't be written: file exists"), state_folder(tmp_path):
        pass
