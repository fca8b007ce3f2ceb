"""Roles and what they may do, made by an administrator who is no superuser."""

import asyncpg
import pytest

from ledgers.database import identity
from ledgers.database.credentials import Credentials
from ledgers.database_admin import cloud
from ledgers.database_admin.commands import database_roles
from ledgers.database_admin.names import (
    APP,
    BACKUP,
    IDENTITY,
    LOGINS,
    MIGRATOR,
    OWNER,
)
from ledgers.database_admin.session import (
    JobError,
    Login,
    open_session,
)
from ledgers.migrations.run import up
from tests.administration import ADMINISTRATOR, Managed

STATE = """
SELECT rolname, rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolconnlimit, rolpassword
FROM pg_authid WHERE rolname !~ '^pg_' ORDER BY 1;
SELECT setrole::regrole, setconfig FROM pg_db_role_setting ORDER BY 1;
SELECT roleid::regrole, member::regrole, inherit_option, set_option FROM pg_auth_members
WHERE roleid::regrole::text !~ '^pg_' ORDER BY 1, 2, 3, 4;
"""
RIGHTS = """
SELECT defaclrole::regrole, defaclobjtype, defaclacl FROM pg_default_acl ORDER BY 2;
SELECT nspacl FROM pg_namespace WHERE nspname = 'public';
SELECT datacl, datdba::regrole FROM pg_database WHERE datname = current_database();
"""


async def test_a_second_run_changes_nothing(managed: Managed) -> None:
    name = managed.settings().database_name
    await database_roles(managed.settings())
    before = managed.server.query(STATE), managed.server.query(RIGHTS, name)
    await database_roles(managed.settings())
    assert (managed.server.query(STATE), managed.server.query(RIGHTS, name)) == before


async def test_the_service_works_with_rows_and_nothing_else(managed: Managed) -> None:
    await database_roles(managed.settings())
    await up(managed.settings())
    async with managed.session(managed.stored()) as session:
        await session.execute("DELETE FROM items")
        for refused in (
            "CREATE TABLE mine (id int)",
            "CREATE TEMPORARY TABLE mine (id int)",
            "TRUNCATE items",
            "DROP TABLE items",
            "UPDATE alembic_version SET version_num = '0000'",
            f"SET ROLE {OWNER}",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await session.execute(refused)
        assert await session.fetchval("SELECT count(*) FROM alembic_version") == 1


async def test_who_owns_what(managed: Managed) -> None:
    await database_roles(managed.settings())
    await up(managed.settings())
    query = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    assert managed.server.query(query, managed.settings().database_name) == OWNER


async def test_backups_read_and_do_not_write(managed: Managed) -> None:
    await database_roles(managed.settings())
    await up(managed.settings())
    async with managed.session(managed.stored("database-backup")) as session:
        assert await session.fetchval("SELECT count(*) FROM items") == 0
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await session.execute("DELETE FROM items")


async def test_strangers_may_not_even_connect(managed: Managed) -> None:
    await database_roles(managed.settings())
    managed.server.query("CREATE ROLE stranger LOGIN PASSWORD 'of a test'")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with managed.session(Credentials("stranger", "of a test")):
            pass


async def test_limits_are_those_of_the_settings(managed: Managed) -> None:
    await database_roles(
        managed.settings(
            database_statement_timeout_seconds=3,
            database_idle_in_transaction_seconds=7,
            database_connection_limit=33,
        )
    )
    async with managed.session(managed.stored()) as session:
        shown = {
            name: await session.fetchval(f"SHOW {name}")
            for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        }
        assert await session.fetchval("SHOW jit") == "off"
    assert shown == {
        "statement_timeout": "3s",
        "lock_timeout": "1500ms",
        "idle_in_transaction_session_timeout": "7s",
    }
    limits = managed.server.query(
        "SELECT rolname, rolconnlimit FROM pg_roles WHERE rolcanlogin ORDER BY 1"
    )
    assert f"{LOGINS[0]}|33" in limits.splitlines()
    assert f"{LOGINS[1]}|33" in limits.splitlines()


async def test_passwords_are_in_no_statement(managed: Managed) -> None:
    managed.server.query("ALTER SYSTEM SET log_statement = 'all'; SELECT pg_reload_conf()")
    await database_roles(managed.settings())
    log = managed.server.log.read_text()
    assert "ALTER ROLE" in log
    for name in ("database", "database-migrator", "database-backup"):
        assert managed.stored(name).password not in log


async def test_another_server_gets_the_passwords_that_are_handed_out(managed: Managed) -> None:
    await database_roles(managed.settings())
    before = managed.stored()
    managed.server.query(f"ALTER ROLE {before.username} PASSWORD 'another one'")
    await database_roles(managed.settings())
    assert managed.stored() == before
    async with managed.session(before) as session:
        assert await session.fetchval("SELECT current_user") == before.username


async def test_lost_secrets_are_made_anew(managed: Managed) -> None:
    await database_roles(managed.settings())
    (managed.folder / "database-backup/credentials.json").unlink()
    await database_roles(managed.settings())
    async with managed.session(managed.stored("database-backup")) as session:
        assert await session.fetchval("SELECT current_user") == BACKUP


async def test_an_administrator_who_lost_its_password_comes_by_token(
    managed: Managed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on RDS, when it has made a role that logs in by token."""

    class Token(Login):
        def __init__(self, user: str) -> None:
            super().__init__(Credentials(user, "a token"))

    monkeypatch.setattr(identity, "IdentityCredentials", Token)
    monkeypatch.setattr(cloud, "identity_login", lambda *_: [])
    by_token = managed.settings(database_authentication="identity", database_user=IDENTITY)
    managed.server.query(f"ALTER ROLE {ADMINISTRATOR.username} PASSWORD 'a token'")
    await database_roles(by_token)
    query = "SELECT rolname FROM pg_roles WHERE rolcanlogin ORDER BY 1"
    logins = managed.server.query(query).splitlines()
    assert IDENTITY in logins
    assert LOGINS[0] not in logins
    with pytest.raises(asyncpg.InvalidPasswordError):
        await database_roles(managed.settings())


async def test_a_token_belongs_to_one_role(managed: Managed) -> None:
    with pytest.raises(JobError, match=f"has to be {IDENTITY}"):
        await database_roles(
            managed.settings(database_authentication="identity", database_user="somebody")
        )


async def test_a_secret_of_somebody_else_is_refused(managed: Managed) -> None:
    await database_roles(managed.settings())
    path = managed.folder / "database/credentials.json"
    path.write_text('{"username": "postgres", "password": "x"}')
    with pytest.raises(JobError, match="not ours: 'postgres'"):
        await database_roles(managed.settings())


async def test_without_roles_there_is_no_migration(managed: Managed) -> None:
    with pytest.raises(JobError, match="run database-roles first"):
        await up(managed.settings())


async def test_jobs_go_through_no_pooler(managed: Managed) -> None:
    with pytest.raises(JobError, match="session of its own"):
        async with open_session(
            managed.settings(database_pooler=True), Login(ADMINISTRATOR), "test"
        ):
            pass


def test_names_fit() -> None:
    assert all(len(name) <= 63 for name in (APP, OWNER, MIGRATOR, BACKUP, *LOGINS))
