"""Rotation: whoever reads the secret can log in, at every moment, whatever dies in between."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import ParamSpec

import asyncpg
import pytest

from ledgers.database.connect import connect
from ledgers.database.credentials import FileCredentials
from ledgers.database.servers import primary_of
from ledgers.database_admin import cloud, logins
from ledgers.database_admin.commands import (
    database_roles,
    rotate_credentials,
)
from ledgers.database_admin.names import IDENTITY, LOGINS
from ledgers.database_admin.secret_store import FileStore
from ledgers.database_admin.session import JobError
from tests.administration import Managed

P = ParamSpec("P")

EFFECTS = 6
"""A new password and a new secret, for each of three logins."""


class Killed(BaseException):
    """The process is gone."""


async def user(managed: Managed, name: str = "database") -> str:
    """Who one is with the login that is handed out."""
    async with managed.session(managed.stored(name)) as session:
        return str(await session.fetchval("SELECT current_user"))


async def test_two_logins_take_turns_and_the_one_before_goes_on(managed: Managed) -> None:
    await database_roles(managed.settings())
    first = managed.stored()
    seen = [await user(managed)]
    for _ in range(3):
        before = managed.stored()
        await rotate_credentials(managed.settings())
        seen.append(await user(managed))
        async with managed.session(before):
            pass
    assert seen == [*LOGINS, *LOGINS]
    with pytest.raises(asyncpg.InvalidPasswordError):
        async with managed.session(first):
            pass


async def test_logins_of_jobs_are_rotated_too(managed: Managed) -> None:
    await database_roles(managed.settings())
    before = [managed.stored(name) for name in ("database-migrator", "database-backup")]
    await rotate_credentials(managed.settings())
    for login in before:
        with pytest.raises(asyncpg.InvalidPasswordError):
            async with managed.session(login):
                pass
    for name in ("database-migrator", "database-backup"):
        await user(managed, name)


async def test_it_may_die_at_any_moment(managed: Managed, monkeypatch: pytest.MonkeyPatch) -> None:
    await database_roles(managed.settings())
    for effects in range(EFFECTS + 1):
        with monkeypatch.context() as patched:
            dying = _kill_after(effects, patched)
            with suppress(Killed):
                await rotate_credentials(managed.settings())
        assert dying() == (effects < EFFECTS)
        # The service can log in whatever happened, and the next run makes everything right.
        await user(managed)
        await rotate_credentials(managed.settings())
        for name in ("database", "database-migrator", "database-backup"):
            await user(managed, name)


def _kill_after(effects: int, patched: pytest.MonkeyPatch) -> Callable[[], bool]:
    """Die before the effect of this number; the answer says whether that has happened."""
    left, killed = effects, False

    def counted(effect: Callable[P, Awaitable[None]]) -> Callable[P, Awaitable[None]]:
        async def one_more(*args: P.args, **kwargs: P.kwargs) -> None:
            nonlocal left, killed
            if left == 0:
                killed = True
                raise Killed
            left -= 1
            await effect(*args, **kwargs)

        return one_more

    patched.setattr(FileStore, "write", counted(FileStore.write))
    patched.setattr(logins, "set_password", counted(logins.set_password))
    return lambda: killed


async def test_nobody_is_locked_out_who_still_works_with_the_other_login(
    managed: Managed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "GONE_SECONDS", 0.5)
    await database_roles(managed.settings())
    late = managed.stored()
    await rotate_credentials(managed.settings())
    async with managed.session(late):
        with pytest.raises(JobError, match="still has 1 sessions"):
            await rotate_credentials(managed.settings())
    async with managed.session(late):
        pass
    await rotate_credentials(managed.settings())


async def test_connections_are_opened_all_the_time(managed: Managed) -> None:
    await database_roles(managed.settings())
    settings, done = managed.settings(), asyncio.Event()
    path = Path(managed.environment["APP_DATABASE_CREDENTIALS_FILE"])
    opened = 0

    async def pod() -> None:
        nonlocal opened
        credentials = FileCredentials(path)
        while not done.is_set():
            connection = await connect(settings, credentials, primary_of(settings))
            opened += 1
            await connection.close()

    pods = [asyncio.create_task(pod()) for _ in range(3)]
    for _ in range(4):
        await rotate_credentials(settings)
    done.set()
    await asyncio.gather(*pods)
    assert opened > 20


async def test_logins_by_password_end_where_tokens_are_used(
    managed: Managed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud, "identity_login", lambda *_: [])
    await database_roles(managed.settings())
    by_token = managed.settings(database_authentication="identity", database_user=IDENTITY)
    await database_roles(by_token)
    await user(managed)  # The pods of the version before still need it.
    await rotate_credentials(by_token)
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await user(managed)
    # And back again.
    await database_roles(managed.settings())
    await user(managed)


async def test_who_is_at_its_limit_is_let_in(managed: Managed) -> None:
    await database_roles(managed.settings(database_connection_limit=1))
    async with managed.session(managed.stored()):
        await database_roles(managed.settings(database_connection_limit=1))


async def test_two_rotations_at_once_come_one_after_the_other(managed: Managed) -> None:
    await database_roles(managed.settings())
    await asyncio.gather(*(rotate_credentials(managed.settings()) for _ in range(2)))
    assert await user(managed) == LOGINS[0]
