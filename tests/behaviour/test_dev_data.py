"""`sm dev` for an API with a database and a cache: real servers, with roles and schema before the service starts."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.behaviour.test_dev import SETTINGS, ask, in_another_terminal
from tests.conftest import run_sm
from tests.development import Dev, gone
from tests.generated.conftest import make

MIGRATIONS = "src/orders/migrations/versions"
ITEM = {"name": "a pen", "quantity": 3}
BAD = '''"""A column that is there already."""

from alembic import op

revision: str = "9999"
down_revision: str | None = "{head}"


def upgrade() -> None:
    """Fails."""
    op.execute("ALTER TABLE items ADD COLUMN name text")


def downgrade() -> None:
    """Never needed."""
'''


@pytest.fixture(scope="module", params=["aws", "azure"])
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The service, installed."""
    folder = tmp_path_factory.mktemp(f"dev-data-{request.param}")
    done = run_sm("create-microservice", "orders", "--pattern", "data_api", "--cloud", request.param, cwd=folder)
    assert done.returncode == 0, done.stderr
    done = make(folder / "orders", "install")
    assert done.returncode == 0, done.stdout + done.stderr
    example = (folder / "orders" / ".env.example").read_text()
    (folder / "orders" / ".env").write_text(example + SETTINGS)
    return folder / "orders"


@pytest.fixture
def failing(data: Path) -> Iterator[Path]:
    """Where a migration may be put for one test."""
    path = data / MIGRATIONS / "9999_fails.py"
    yield path
    path.unlink(missing_ok=True)


def create(address: str) -> str:
    """An item; returns where it is."""
    with closing(HTTPConnection(urlsplit(address).netloc, timeout=10)) as connection:
        connection.request("POST", "/v1/items", json.dumps(ITEM), {"content-type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 201, answer.read()
        return f"{address}{answer.headers['location']}"


def test_a_database_and_a_cache_are_there_before_the_service(data: Path) -> None:
    with Dev(data) as dev:
        address = dev.url("HTTP")
        steps = ("engine-ready", "prepared", "process-ready")
        order = [each["name"] for each in dev.events if each["event"] in steps]
        assert order == ["postgresql", "valkey", "roles", "migrations", "api"]
        status, text = ask(create(address))
        assert status == 200
        assert json.loads(text).items() >= ITEM.items()
        assert "cache_up 1.0" in ask(dev.url("metrics"))[1]

        checked = in_another_terminal(data, "migrate", "check")
        assert checked.returncode == 0, checked.stdout + checked.stderr

        next((data / MIGRATIONS).glob("0*.py")).touch()
        dev.next("changed")
        dev.next("prepared", name="migrations")
        dev.next("process-ready", name="api")
        assert json.loads(ask(f"{address}/v1/items")[1])["items"][0]["name"] == ITEM["name"], "the data is still there"
        assert dev.signal(signal.SIGINT) == 0
        assert gone(dev.marked, 0), "no server is left"


def test_a_migration_that_fails_waits_for_a_change(data: Path, failing: Path) -> None:
    (last,) = (each.name.partition("_")[0] for each in (data / MIGRATIONS).glob("0*.py"))
    with Dev(data) as dev:
        dev.next("running")
        failing.write_text(BAD.format(head=last))
        dev.next("process-ended", name="migrations", waits=True)
        failing.unlink()
        dev.next("prepared", name="migrations")
        dev.next("process-ready", name="api")
        assert dev.signal(signal.SIGINT) == 0
        assert gone(dev.marked, 0)
