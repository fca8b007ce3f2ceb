"""The service and its servers, each made once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from standardized_modules.engines.carried import carried
from tests.conftest import run_sm
from tests.generated.conftest import make
from tests.generated.data.api import Api, open_api
from tests.generated.data.servers import DATABASE, Cluster, Server, open_cluster, open_pooler, prepare


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data_api with its own virtual environment."""
    folder = tmp_path_factory.mktemp("data")
    done = run_sm("create-microservice", "orders", "--pattern", "data_api", "--cloud", "aws", cwd=folder)
    assert done.returncode == 0, done.stderr
    installed = make(folder / "orders", "install")
    assert installed.returncode == 0, installed.stdout + installed.stderr
    return folder / "orders"


@pytest.fixture(scope="session")
def python(service: Path) -> Path:
    """The service's interpreter."""
    return service / ".venv/bin/python"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """An empty server, from which others are copied."""
    with TemporaryDirectory() as folder, carried("postgresql").open_postgresql(Path(folder)) as server:
        # It counts what it runs: a second opinion on what a service says of itself.
        server.query("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
        server.stop()
        server.start()
        server.query("CREATE EXTENSION pg_stat_statements")
        yield server


@pytest.fixture(scope="session")
def credentials(postgresql: Server, python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the secrets, once the server has the service's roles and schema."""
    folder = tmp_path_factory.mktemp("credentials")
    prepare(python, carried("postgresql").database_settings(postgresql, folder, DATABASE))
    return folder


@pytest.fixture(scope="session")
def settings(postgresql: Server, credentials: Path) -> dict[str, str]:
    """What leads the service to the server that all tests share: it stays, and has no replica."""
    given: dict[str, str] = carried("postgresql").database_settings(postgresql, credentials, DATABASE)
    return given


@pytest.fixture(scope="session", params=["direct", "pooler"])
def processes(
    request: pytest.FixtureRequest,
    service: Path,
    postgresql: Server,
    settings: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Api, Api]]:
    """Two processes of the service: straight at that server, and with PgBouncer in between."""
    # They queue up for a row or a connection here, and nobody is to be sent away for that.
    patient = {**settings, "APP_DATABASE_POOL_WAIT_SECONDS": "10"}
    folder = tmp_path_factory.mktemp(f"processes-{request.param}")
    with ExitStack() as stack:
        if request.param == "pooler":
            pooler = stack.enter_context(open_pooler(postgresql.port, postgresql.superuser))
            patient |= {"APP_DATABASE_PORT": str(pooler.port), "APP_DATABASE_POOLER": "true"}
        one, other = (stack.enter_context(open_api(service, folder / name, patient)) for name in ("one", "other"))
        yield one, other


@pytest.fixture
def cluster(postgresql: Server, credentials: Path) -> Iterator[Cluster]:
    """A primary and a standby that the test may kill."""
    with open_cluster(postgresql, credentials) as made:
        yield made


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Server]:
    """A cache that the test may kill."""
    with carried("valkey").open_valkey(tmp_path / "valkey") as server:
        yield server


LEDGER = """
CREATE ROLE ledger_a LOGIN PASSWORD 'a';
CREATE ROLE ledger_b LOGIN PASSWORD 'b';
CREATE DATABASE ledger;
\\connect ledger
CREATE TABLE accounts (id bigint PRIMARY KEY, balance bigint NOT NULL, version bigint NOT NULL);
INSERT INTO accounts SELECT number, 0, 0 FROM generate_series(1, 100) AS number;
GRANT SELECT, UPDATE ON accounts TO ledger_a, ledger_b;
"""


@pytest.fixture(scope="session")
def ledger(postgresql: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the secrets for `ledger.py`, whose tables and roles are made by hand."""
    folder = tmp_path_factory.mktemp("ledger")
    postgresql.query(LEDGER)
    (folder / "database").mkdir()
    return folder


@pytest.fixture
def ledgers(postgresql: Server, ledger: Path) -> Iterator[Cluster]:
    """A pair of servers with accounts."""
    log_in(ledger, "a")
    with open_cluster(postgresql, ledger, "ledger") as made:
        yield made


def log_in(credentials: Path, user: str, password: str | None = None) -> None:
    """Have the service log in as `ledger_a` or `ledger_b` from now on: in one step, as Kubernetes does."""
    path = credentials / "database/credentials.json"
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps({"username": f"ledger_{user}", "password": password or user}))
    temporary.replace(path)


OpenApi = Callable[..., Api]


@pytest.fixture
def start(service: Path, tmp_path: Path) -> Iterator[OpenApi]:
    """Processes of the service that end with the test; see `open_api`."""
    with ExitStack() as stack:
        number = iter(range(100))

        def opened(settings: Mapping[str, str], **how: bool) -> Api:
            return stack.enter_context(open_api(service, tmp_path / f"api-{next(number)}.log", settings, **how))

        yield opened


@pytest.fixture
def start_ledger(service: Path, tmp_path: Path) -> Iterator[OpenApi]:
    """The same with the routes of `ledger.py`; settings as keywords, in lower case and without APP_."""
    with ExitStack() as stack:
        number = iter(range(100))

        def opened(cluster: Cluster, **settings: object) -> Api:
            given = {f"APP_{name.upper()}": str(value) for name, value in settings.items()}
            log = tmp_path / f"ledger-{next(number)}.log"
            program = (Path(__file__).with_name("ledger.py"),)
            every = {**cluster.settings, "APP_RATE_LIMIT_REQUESTS": "0", **given}
            return stack.enter_context(open_api(service, log, every, program))

        yield opened
