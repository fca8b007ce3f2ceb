"""The service and its servers, each made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from standardized_modules.engines.carried import carried
from tests.conftest import run_sm
from tests.generated.conftest import make
from tests.generated.data.api import Api, open_api
from tests.generated.data.servers import DATABASE, Cluster, Server, open_cluster, prepare


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
        yield server


@pytest.fixture(scope="session")
def credentials(postgresql: Server, python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the secrets, once the server has the service's roles and schema."""
    folder = tmp_path_factory.mktemp("credentials")
    prepare(python, carried("postgresql").database_settings(postgresql, folder, DATABASE))
    return folder


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


OpenApi = Callable[[Mapping[str, str]], Api]


@pytest.fixture
def start(service: Path, tmp_path: Path) -> Iterator[OpenApi]:
    """Processes of the service that end with the test."""
    with ExitStack() as stack:
        number = iter(range(100))
        yield lambda settings: stack.enter_context(open_api(service, tmp_path / f"api-{next(number)}.log", settings))
