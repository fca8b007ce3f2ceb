"""The engine for Table storage, as `sm dev` starts it; what it can do is tested with the SDK elsewhere."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from azure.data.tables import TableClient

from standardized_modules.engines import EngineError, Facts, open_engine

ORDERS = Facts("orders", "westeurope", {})


def test_it_answers_on_this_machine_with_the_table_of_the_service(tmp_path: Path) -> None:
    with open_engine("tables", ORDERS, tmp_path) as running:
        assert running.address.startswith("http://127.0.0.1:")
        assert running.settings.keys() == {"APP_IDEMPOTENCY_CONNECTION_STRING", "APP_IDEMPOTENCY_TABLE"}
        assert running.settings["APP_IDEMPOTENCY_TABLE"] == "", "a URL would lead to a real account"
        text = running.settings["APP_IDEMPOTENCY_CONNECTION_STRING"]
        with TableClient.from_connection_string(text, running.resources["idempotency table"]) as table:
            assert list(table.list_entities()) == []
        port = json.loads((tmp_path / "tables.ready").read_text())["port"]
    assert running.child.code == 0
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=10)


def test_what_it_said_when_it_did_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "asyncio.py").write_text("raise SystemExit('no room on this ship')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with (
        pytest.raises(EngineError, match=r"(?s)'tables' does not start; it said:.*no room on this ship"),
        open_engine("tables", ORDERS, tmp_path),
    ):
        pass
