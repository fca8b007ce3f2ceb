"""The emulator as a process: its command line, its ends, and clients that speak badly."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest
from azure.data.tables import TableClient, TableServiceClient

from tests.engines.tables.conftest import RunningEmulator

COMMAND = [sys.executable, "-m", "standardized_modules.engines.tables"]


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    arguments = ["--table", "one", "--table", "two", "--ready-file", str(tmp_path / "ready")]
    running = subprocess.Popen([*COMMAND, *arguments], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    yield running
    running.kill()
    running.communicate()


def ready(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout
    found: dict[str, Any] = json.loads(process.stdout.readline())
    return found


def refused(*arguments: str) -> str:
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    return done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ready_line_and_file_and_polite_end(
    process: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    line = ready(process)
    assert json.loads((tmp_path / "ready").read_text()) == line
    assert line["host"] == "127.0.0.1"
    with TableServiceClient.from_connection_string(line["connection_string"], retry_total=0) as account:
        assert [table.name for table in account.list_tables()] == ["one", "two"]
        process.send_signal(number)  # with a connection open
        assert process.wait(5) == 0
        with pytest.raises(Exception, match=r"refused|reset|aborted|disconnect"):
            list(account.list_tables())
    assert process.stderr
    assert process.stderr.read() == ""


def test_nothing_outlives_it(process: subprocess.Popen[str]) -> None:
    """Memory is enough for tests and for development, and this says that it is memory."""
    line = ready(process)
    with TableClient.from_connection_string(line["connection_string"], "one") as table:
        table.create_entity({"PartitionKey": "p", "RowKey": "r"})
    process.kill()
    process.wait()
    with subprocess.Popen([*COMMAND, "--table", "one"], text=True, stdout=subprocess.PIPE) as again:
        line = ready(again)
        with TableClient.from_connection_string(line["connection_string"], "one") as table:
            assert list(table.list_entities()) == []
        again.terminate()


def test_what_it_cannot_start_with(emulator: RunningEmulator) -> None:
    assert "invalid characters" in refused("--table", "no-name")
    assert "already exists" in refused("--table", "twice", "--table", "TWICE")
    assert "in use" in refused("--port", str(emulator.port))
    assert "port" in refused("--port", "70000")


def test_it_does_nothing_when_there_is_nothing_to_do(process: subprocess.Popen[str]) -> None:
    line = ready(process)
    with TableClient.from_connection_string(line["connection_string"], "one") as table:
        table.create_entity({"PartitionKey": "p", "RowKey": "r"})
        stat = Path(f"/proc/{process.pid}/stat")
        before = sum(map(int, stat.read_text().rpartition(")")[2].split()[11:13]))
        time.sleep(1)
        after = sum(map(int, stat.read_text().rpartition(")")[2].split()[11:13]))
    assert after - before <= 5  # hundredths of a second


def said(emulator: RunningEmulator, request: bytes) -> tuple[int, dict[str, Any]]:
    """What a client without the SDK hears: status and body."""
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=10) as connection:
        connection.sendall(request)
        response = http.client.HTTPResponse(connection)
        response.begin()
        return response.status, json.loads(response.read())


def code(answer: tuple[int, dict[str, Any]]) -> tuple[int, str]:
    return answer[0], answer[1]["odata.error"]["code"]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (b"GET /devstoreaccount1/Tables HTTP/1.1\r\n\r\n", (401, "NoAuthenticationInformation")),
        (
            b"GET /devstoreaccount1/Tables HTTP/1.1\r\nAuthorization: Bearer x\r\n\r\n",
            (401, "NoAuthenticationInformation"),
        ),
        (
            b"GET / HTTP/1.1\r\nAuthorization: SharedKey devstoreaccount1:\xe4\r\n\r\n",
            (403, "AuthenticationFailed"),
        ),
        (b"AMQP\x00\x01\x00\x00\r\n\r\n", (400, "InvalidInput")),
        (b"GET nowhere HTTP/1.1\r\n\r\n", (400, "InvalidInput")),
        (b"GET /" + b"x" * 70_000, (400, "InvalidInput")),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (411, "MissingContentLengthHeader")),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", (411, "MissingContentLengthHeader")),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", (413, "RequestBodyTooLarge")),
    ],
)
def test_clients_that_speak_badly(emulator: RunningEmulator, request_: bytes, expected: tuple[int, str]) -> None:
    assert code(said(emulator, request_)) == expected


def test_clients_that_stop_in_the_middle(emulator: RunningEmulator, account: TableServiceClient) -> None:
    for part in (b"", b"GET /", b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf"):
        with socket.create_connection(("127.0.0.1", emulator.port), timeout=10) as connection:
            connection.sendall(part)
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(1) == b"", "it hangs up, too"
    assert account.get_table_client("there").table_name == "there"
    assert "there" in {table.name for table in account.list_tables()}


class Signed:
    """Requests that the SDK would not make, signed with its pipeline."""

    def __init__(self, account: TableServiceClient) -> None:
        self._account = account

    def __call__(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any]:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        request = HttpRequest(method, f"{self._account.url}{path}", content=body, headers=given)
        response = self._account._client.send_request(request)
        return response.status_code, response.json() if response.content else None


@pytest.fixture
def signed(account: TableServiceClient) -> Signed:
    return Signed(account)


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "/there", b"", "InvalidInput"),
        ("POST", "/there", b"[]", "InvalidInput"),
        ("POST", "/there", b"{" * 100_000, "InvalidInput"),
        ("POST", "/there", b'{"a": 1, "a": 2}', "DuplicatePropertiesSpecified"),
        ("POST", "/there", b'{"PartitionKey": "p", "RowKey": 1}', "InvalidInput"),
        ("POST", "/there", b'{"PartitionKey": "p", "RowKey": "r", "a": 4294967296}', "InvalidInput"),
        ("POST", "/there", b'{"PartitionKey": "p", "RowKey": "r", "a": [1]}', "InvalidInput"),
        (
            "POST",
            "/there",
            b'{"PartitionKey": "p", "RowKey": "r", "a": 1, "a@odata.type": "Edm.Int16"}',
            "InvalidInput",
        ),
        (
            "POST",
            "/there",
            b'{"PartitionKey": "p", "RowKey": "r", "a": "1", "a@odata.type": "Edm.Boolean"}',
            "InvalidInput",
        ),
        (
            "POST",
            "/there",
            b'{"PartitionKey": "p", "RowKey": "r", "a": "x", "a@odata.type": "Edm.Binary"}',
            "InvalidInput",
        ),
        (
            "POST",
            "/there",
            b'{"PartitionKey": "p", "RowKey": "r", "a": 1.5, "a@odata.type": "Edm.Int64"}',
            "InvalidInput",
        ),
        ("PUT", "/there(PartitionKey='p',RowKey='r')", b'{"PartitionKey": "q", "RowKey": "r"}', "InvalidInput"),
        ("GET", "/there(RowKey='r')", b"", "InvalidInput"),
        ("GET", "/there()?NextPartitionKey=*", b"", "InvalidInput"),
        ("GET", "/there()?$top=x", b"", "InvalidInput"),
        ("DELETE", "/there(PartitionKey='p',RowKey='r')", b"", "MissingRequiredHeader"),
        ("DELETE", "/there", b"", "MethodNotAllowed"),
        ("POST", "/there(PartitionKey='p',RowKey='r')", b"{}", "MethodNotAllowed"),
        ("PUT", "/Tables", b"", "MethodNotAllowed"),
        ("POST", "/Tables", b"{}", "InvalidInput"),
        ("DELETE", "/Tables('nowhere')", b"", "ResourceNotFound"),
        ("GET", "/a/b/c", b"", "ResourceNotFound"),
    ],
)
def test_requests_that_make_no_sense(signed: Signed, method: str, path: str, body: bytes, expected: str) -> None:
    status, answer = signed(method, path, body)
    assert answer["odata.error"]["code"] == expected
    assert 400 <= status < 500


def test_formats(signed: Signed) -> None:
    body = b'{"PartitionKey": "formats", "RowKey": "r", "a": "7", "a@odata.type": "Edm.Int64"}'
    status, made = signed("POST", "/there", body)
    assert (status, made["a"], made["a@odata.type"]) == (201, "7", "Edm.Int64")
    entity = "/there(PartitionKey='formats',RowKey='r')"
    plain = signed("GET", entity, Accept="application/json;odata=nometadata")[1]
    assert plain["a"] == "7"
    assert not [name for name in plain if name.startswith("odata.e") or "@" in name]
    assert signed("GET", entity, Accept="application/json;odata=fullmetadata")[0] == 501
    merged = b'{"b": true}'
    assert signed("POST", entity, merged, X_HTTP_Method="MERGE", If_Match="*")[0] == 204
    assert signed("GET", entity)[1].items() >= {"a": "7", "b": True}.items()


def test_a_request_on_a_connection_that_stays(emulator: RunningEmulator) -> None:
    """One after the other, sent at once; the last one asks for the end."""
    once = b"GET / HTTP/1.1\r\n\r\n"
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=10) as connection:
        connection.sendall(once * 2 + once.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        heard = b""
        while part := connection.recv(65536):
            heard += part
    assert heard.count(b"HTTP/1.1 401 Unauthorized") == 3


def test_a_fault_of_the_emulator_is_no_silence(
    emulator: RunningEmulator, account: TableServiceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("standardized_modules.engines.tables.service.verify", lambda _: 1 / 0)
    with pytest.raises(HttpResponseError) as problem:
        list(account.list_tables())
    assert problem.value.status_code == 500
