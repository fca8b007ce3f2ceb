"""The Valkey of tests and local runs."""

import socket
from pathlib import Path

import pytest

from local.processes import LOOPBACK, EngineError
from local.valkey import open_valkey
from tests.caches import ScratchCache


def test_it_comes_back_empty_on_the_same_port(own_valkey: ScratchCache) -> None:
    server = own_valkey.server
    assert server.ask("SET a 1") == "+OK"
    port = server.port
    server.kill()
    with socket.socket() as probe:
        assert probe.connect_ex((LOOPBACK, port)) != 0
    server.start()
    assert server.port == port
    assert server.ask("EXISTS a") == ":0"


def test_it_asks_for_the_password(valkey: ScratchCache) -> None:
    address = (LOOPBACK, valkey.server.port)
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(b"PING\r\n")
        assert connection.recv(100).startswith(b"-NOAUTH")


def test_it_says_why_it_does_not_start(valkey: ScratchCache, tmp_path: Path) -> None:
    with (
        pytest.raises(EngineError, match=r"(?s)does not start; it said:.*in use"),
        open_valkey(tmp_path, port=valkey.server.port),
    ):
        pass
