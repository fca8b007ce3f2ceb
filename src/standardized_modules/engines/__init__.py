"""Stand-ins for the services of a cloud, on this machine: each a process on loopback with data of its own.

`open_engine` starts one, waits until it answers over the wire, makes in it what the service needs
(queues, tables) and ends it. `sm dev` and tests use it alike:

    with open_engine("sqs", Facts("orders", "eu-west-1", values), folder) as running:
        environment.update(running.settings)
"""

from __future__ import annotations

import importlib
from contextlib import AbstractContextManager
from pathlib import Path

from standardized_modules.engines.child import Asked, never
from standardized_modules.engines.running import EngineError, Facts, Running
from standardized_modules.model.library import EngineName

__all__ = ["EngineError", "Facts", "Running", "open_engine"]

_MODULES: dict[EngineName, str] = {
    "postgresql": "standardized_modules.engines.postgresql",
    "servicebus": "standardized_modules.engines.servicebus.launcher",
    "sqs": "standardized_modules.engines.sqs",
    "tables": "standardized_modules.engines.tables.launcher",
    "valkey": "standardized_modules.engines.valkey",
}


def open_engine(
    name: EngineName, facts: Facts, folder: Path, cancelled: Asked = never
) -> AbstractContextManager[Running]:
    """Run an engine for a service as long as the context lasts.

    Args:
        name: The engine.
        facts: The service.
        folder: For its data and its log; must exist.
        cancelled: Whether to stop waiting for it.

    Raises:
        UsageError: when its package is not installed.
        EngineError: when it does not start, or refuses what the service needs.
    """
    context: AbstractContextManager[Running] = importlib.import_module(_MODULES[name]).engine(facts, folder, cancelled)
    return context
