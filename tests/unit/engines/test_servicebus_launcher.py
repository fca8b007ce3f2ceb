"""The engine for Service Bus, as `sm dev` starts it; what it can do is tested with the SDK elsewhere."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import pytest

from standardized_modules.engines import EngineError, Facts, open_engine
from standardized_modules.engines.servicebus.launcher import AMQP

VALUES = {
    "queue.ordered": True,
    "queue.max_message": 1_048_576,
    "queue.retention": 345_600,
    "queue.visibility_timeout": 45,
    "worker.max_attempts": 5,
}
ORDERS = Facts("orders", "westeurope", VALUES)


def test_it_answers_on_this_machine_with_the_queue_of_the_service(tmp_path: Path) -> None:
    with open_engine("servicebus", ORDERS, tmp_path) as running:
        scheme, _, address = running.address.partition("://")
        host, _, port = address.partition(":")
        assert (scheme, host) == ("amqp", "127.0.0.1")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(AMQP)
            assert connection.recv(8, socket.MSG_WAITALL) == AMQP
        assert running.settings["APP_QUEUE_NAME"] == "orders"
        assert "UseDevelopmentEmulator=true" in running.settings["APP_QUEUE_CONNECTION_STRING"]
        assert f"Endpoint=sb://127.0.0.1:{port};" in running.settings["APP_QUEUE_CONNECTION_STRING"]
        told = json.loads((tmp_path / "servicebus.json").read_text())
        assert told == {
            "queues": [
                {
                    "name": "orders",
                    "lock_duration": 45.0,
                    "max_delivery_count": 20,
                    "time_to_live": 345600.0,
                    "dead_letter_on_expiration": True,
                    "duplicate_detection_window": 600.0,
                    "requires_session": True,
                }
            ],
            "max_message_size": 1_048_576,
        }
    assert running.child.code == 0
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((host, int(port)), timeout=10)


def test_what_it_said_when_it_did_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "asyncio.py").write_text("raise SystemExit('no room on this ship')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert "asyncio" in sys.modules, "ours is loaded already; the emulator finds the broken one"
    with (
        pytest.raises(EngineError, match=r"(?s)'servicebus' does not start; it said:.*no room on this ship"),
        open_engine("servicebus", ORDERS, tmp_path),
    ):
        pass
