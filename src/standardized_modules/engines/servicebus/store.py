"""Keeps queues across restarts, in a SQLite file.

The broker works in memory and notes what it changed; `save` writes that before any answer leaves, so what a client was
told is on disk. SQLite doesn't wait for the disk itself (`synchronous=OFF`): the data survives the end of this process,
kill -9 included, but not a power cut. It is an emulator.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from standardized_modules.engines.servicebus import message as wire
from standardized_modules.engines.servicebus.broker import Broker, DeadLetter, Message, Queue, State
from standardized_modules.engines.servicebus.message import Content

_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    queue TEXT, number INTEGER, content BLOB, enqueued_at REAL, expires_at REAL, state INTEGER,
    delivery_count INTEGER, dead INTEGER, reason TEXT, description TEXT, PRIMARY KEY (queue, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions (
    queue TEXT, id TEXT, state BLOB, updated_at REAL, PRIMARY KEY (queue, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen (queue TEXT, id TEXT, at REAL, PRIMARY KEY (queue, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS numbers (queue TEXT PRIMARY KEY, last INTEGER) WITHOUT ROWID;
"""
_VERSION = 1


class Store:
    """The file of one emulator.

    Args:
        folder: Where it lies; is made when it is not there.

    Raises:
        ValueError: The file is of another version, or another emulator uses it.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "servicebus.sqlite"
        self._database = sqlite3.connect(path, timeout=1, isolation_level=None)
        try:
            self._database.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=OFF")
            version = self._database.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, _VERSION):
                raise ValueError(f"{path} is of version {version}, and this emulator writes {_VERSION}; remove it")
            self._database.executescript(f"BEGIN EXCLUSIVE; {_SCHEMA} PRAGMA user_version={_VERSION}; COMMIT;")
        except sqlite3.Error as problem:
            self._database.close()
            raise ValueError(f"{path}: {problem}: does another emulator use it?") from problem

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def load(self, broker: Broker[Content]) -> None:
        """Put into the broker's queues what was in them. Queues that are not declared any more keep their rows."""
        for queue in broker:
            self._load(queue)

    def save(self, broker: Broker[Content]) -> None:
        """Write what has changed since the last call."""
        changed = [queue for queue in broker if queue.changed or queue.changed_sessions or queue.changed_ids]
        if not changed:
            return
        self._database.execute("BEGIN")
        for queue in changed:
            self._save(queue)
        self._database.execute("COMMIT")
        for queue in changed:
            queue.forget_changes()

    def _load(self, queue: Queue[Content]) -> None:
        query = (
            "SELECT number, content, enqueued_at, expires_at, state, delivery_count, dead, reason, description"
            " FROM messages WHERE queue = ? ORDER BY number"
        )
        for number, content, enqueued_at, expires_at, state, count, dead, reason, description in self._database.execute(
            query, (queue.name,)
        ):
            dead_letter = DeadLetter(reason, description) if dead else None
            queue.restore(
                Message(number, wire.parse(content), enqueued_at, expires_at, State(state), count, dead_letter)
            )
        for row in self._database.execute("SELECT id, state, updated_at FROM sessions WHERE queue = ?", (queue.name,)):
            queue.restore_session(*row)
        seen = self._database.execute("SELECT id, at FROM seen WHERE queue = ? ORDER BY at", (queue.name,))
        queue.seen.update(seen.fetchall())
        last = self._database.execute("SELECT last FROM numbers WHERE queue = ?", (queue.name,)).fetchone()
        queue.last_number = max(queue.last_number, last[0] if last else 0)

    def _save(self, queue: Queue[Content]) -> None:
        run, name = self._database.execute, queue.name
        for number in queue.changed:
            found = queue.messages.get(number)
            if found is None:
                run("DELETE FROM messages WHERE queue = ? AND number = ?", (name, number))
                continue
            dead = found.dead_letter
            row = (found.enqueued_at, found.expires_at, found.state, found.delivery_count, dead is not None)
            why = (dead.reason, dead.description) if dead else (None, None)
            run(
                "REPLACE INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (name, number, wire.whole(found.content), *row, *why),
            )
        for session_id in queue.changed_sessions:
            session = queue.sessions.get(session_id)
            if session is None or session.state is None:
                run("DELETE FROM sessions WHERE queue = ? AND id = ?", (name, session_id))
            else:
                row_of_session = (name, session_id, session.state, session.updated_at)
                run("REPLACE INTO sessions VALUES (?, ?, ?, ?)", row_of_session)
        for message_id in queue.changed_ids:
            if message_id in queue.seen:
                run("REPLACE INTO seen VALUES (?, ?, ?)", (name, message_id, queue.seen[message_id]))
            else:
                run("DELETE FROM seen WHERE queue = ? AND id = ?", (name, message_id))
        run("REPLACE INTO numbers VALUES (?, ?)", (name, queue.last_number))
