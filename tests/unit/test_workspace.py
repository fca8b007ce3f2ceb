"""Updates are transactions: whatever moment a process dies at, the next run finishes or forgets it."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from standardized_modules import workspace
from standardized_modules.errors import WorkspaceError
from standardized_modules.folder import Folder
from standardized_modules.model.changes import Change, ChangeSet
from standardized_modules.model.tree import RenderedFile
from standardized_modules.stages.record import BASE, LOCK

BEFORE = {"a.txt": "old a\n", "sub/b.txt": "old b\n", "gone.txt": "gone\n", LOCK: "old lock\n", BASE: "old base\n"}
AFTER = {"a.txt": "new a\n", "sub/b.txt": "new b\n", "c/d/new.txt": "new\n", LOCK: "new lock\n", BASE: "new base\n"}


def digest(text: str) -> str:
    return RenderedFile(text.encode()).digest


def update() -> ChangeSet:
    writes = [
        Change(
            path,
            "update" if path in BEFORE else "create",
            "test",
            content=text.encode(),
            before=digest(BEFORE[path]) if path in BEFORE else None,
        )
        for path, text in AFTER.items()
    ]
    return ChangeSet((*writes, Change("gone.txt", "delete", "test", before=digest("gone\n"))))


@pytest.fixture
def service(tmp_path: Path) -> Path:
    folder = tmp_path / "service"
    for path, text in BEFORE.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def texts(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


def finish(folder: Path) -> None:
    """What the next run does first, without reading a lock that is only text here."""
    with pytest.raises(WorkspaceError):
        workspace.load_previous(folder)


def die_at(step: int, operation: Callable[[], Any]) -> bool:
    """Run in a child that kills itself at its n-th change of the folder; tells whether it got there."""
    child = os.fork()
    if child == 0:
        remaining = step

        def counted(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **options: Any) -> Any:
                nonlocal remaining
                if remaining == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                remaining -= 1
                return real(*arguments, **options)

            return call

        # The child is thrown away: replacing the system calls is how it can die between two of them.
        for name in ("replace", "unlink", "rmdir", "mkdir", "rename"):
            setattr(os, name, counted(getattr(os, name)))
        try:
            operation()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_an_update_that_dies_at_any_step_is_finished_or_forgotten_by_the_next_run(tmp_path: Path) -> None:
    outcomes = set()
    for step in range(200):
        folder = tmp_path / str(step)
        for path, text in BEFORE.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        died = die_at(step, partial(workspace.apply, update(), folder))
        finish(folder)
        workspace_is = {path: text for path, text in texts(folder).items() if not path.startswith(workspace.STAGING)}
        assert workspace_is in (BEFORE, AFTER), f"died at step {step}"
        outcomes.add(workspace_is == AFTER)
        if not died:
            break
        if workspace_is == BEFORE:
            workspace.apply(update(), folder)
            assert texts(folder) == AFTER
    assert outcomes == {True, False}
    assert step > 15


def test_an_update_leaves_no_trace_of_itself(service: Path) -> None:
    workspace.apply(update(), service)
    assert texts(service) == AFTER
    assert sorted(path.name for path in (service / ".sm").iterdir()) == ["base.tar", "lock.json"]


def test_a_file_that_changed_since_the_plan_stops_everything(service: Path) -> None:
    (service / "sub/b.txt").write_text("edited in the meantime\n")
    with pytest.raises(WorkspaceError, match="changed while sm was working") as caught:
        workspace.apply(update(), service)
    assert caught.value.where == str(service / "sub/b.txt")
    assert texts(service) == {**BEFORE, "sub/b.txt": "edited in the meantime\n"}


def test_a_folder_at_a_destination_stops_everything(service: Path) -> None:
    (service / "c/d/new.txt").mkdir(parents=True)
    with pytest.raises(WorkspaceError, match="not a regular file"):
        workspace.apply(update(), service)
    assert texts(service) == BEFORE


def test_two_updates_at_once_are_refused(service: Path) -> None:
    with (
        Folder(service) as folder,
        workspace._locked(folder),
        pytest.raises(WorkspaceError, match="another run of sm"),
    ):
        workspace.apply(update(), service)
    assert texts(service) == BEFORE


def test_a_plan_for_a_new_folder_is_not_applied_to_one_with_files(service: Path) -> None:
    changes = ChangeSet((Change("a.txt", "create", "test", content=b"x"),), fresh=True)
    with pytest.raises(WorkspaceError, match="made this folder in the meantime"):
        workspace.apply(changes, service)
    assert texts(service) == BEFORE
    assert [path.name for path in service.parent.iterdir()] == ["service"]


def test_a_plan_for_an_update_is_not_applied_to_nothing(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="no such file"):
        workspace.apply(update(), tmp_path / "absent")
    assert list(tmp_path.iterdir()) == []


def test_a_linked_service_folder_is_refused(service: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(service)
    for operation in (
        lambda: workspace.is_empty(tmp_path / "link"),
        lambda: workspace.apply(update(), tmp_path / "link"),
    ):
        with pytest.raises(WorkspaceError, match="symbolic link"):
            operation()
    assert texts(service) == BEFORE


def test_a_folder_swapped_for_a_link_leads_nowhere(service: Path, tmp_path: Path) -> None:
    """The walk holds descriptors: what a name means later does not matter."""
    outside = tmp_path / "outside"
    outside.mkdir()
    with Folder(service) as folder, folder._parent("sub/b.txt", create=False) as (parent, name):
        (service / "sub").rename(service / "moved")
        (service / "sub").symlink_to(outside)
        os.unlink(name, dir_fd=parent)
    assert list(outside.iterdir()) == []
    assert not (service / "moved/b.txt").exists()
    with Folder(service) as folder, pytest.raises(WorkspaceError, match="symbolic link"):
        folder.write("sub/new.txt", RenderedFile(b"x"))
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    ("umask", "file", "script", "folder"), [(0o022, 0o644, 0o755, 0o755), (0o077, 0o600, 0o700, 0o700)]
)
def test_the_umask_decides_modes(tmp_path: Path, umask: int, file: int, script: int, folder: int) -> None:
    changes = ChangeSet(
        (
            Change("d/run.sh", "create", "test", content=b"x", executable=True),
            Change("d/x.txt", "create", "test", content=b"x"),
        ),
        fresh=True,
    )
    before = os.umask(umask)
    try:
        workspace.apply(changes, tmp_path / "service")
    finally:
        os.umask(before)
    modes = {name: stat.S_IMODE((tmp_path / "service" / name).stat().st_mode) for name in ("d/x.txt", "d/run.sh", "d")}
    assert modes == {"d/x.txt": file, "d/run.sh": script, "d": folder}


def test_an_update_keeps_the_mode_of_a_file_and_of_an_empty_folder(service: Path, tmp_path: Path) -> None:
    (service / "a.txt").chmod(0o600)
    workspace.apply(update(), service)
    assert stat.S_IMODE((service / "a.txt").stat().st_mode) == 0o600
    empty = tmp_path / "empty"
    empty.mkdir()
    empty.chmod(0o2770)
    workspace.apply(ChangeSet((Change("x", "create", "test", content=b""),), fresh=True), empty)
    assert stat.S_IMODE(empty.stat().st_mode) == 0o2770


def test_only_abandoned_folders_of_ours_are_removed(tmp_path: Path) -> None:
    kept = [".orders.sm-backup", ".orders.sm-0123456789abc", ".other.sm-0123456789ab"]
    for name in (*kept, ".orders.sm-0123456789ab"):
        (tmp_path / name).mkdir()
    workspace.apply(ChangeSet((Change("x", "create", "test", content=b""),), fresh=True), tmp_path / "orders")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*kept, "orders"])


def test_a_failed_write_into_a_foreign_folder_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "c").write_text("a file where a folder is needed")
    with pytest.raises(WorkspaceError, match="not a directory"):
        workspace.apply(ChangeSet((Change("c/d.txt", "create", "test", content=b""),)), folder)
    assert texts(folder) == {"c": "a file where a folder is needed"}
    assert not (folder / ".sm").exists()
