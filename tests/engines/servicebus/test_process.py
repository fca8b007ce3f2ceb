"""The emulator as a process: its command line, its ends, what it keeps, and clients that speak badly."""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusReceiveMode
from azure.servicebus.exceptions import ServiceBusError

from standardized_modules.engines.servicebus import frames
from standardized_modules.engines.servicebus.codec import Symbol
from tests.engines.servicebus.conftest import Start

COMMAND = [sys.executable, "-m", "standardized_modules.engines.servicebus"]


class Processes:
    """Starts emulators, and ends them after the test."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def start(self, *arguments: str | Path) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen([*COMMAND, *map(str, arguments)], text=True, **pipes)
        self._stack.callback(self._end, process)
        assert process.stdout
        return process, json.loads(process.stdout.readline())

    @staticmethod
    def _end(process: subprocess.Popen[str]) -> None:
        process.kill()
        process.communicate()


@pytest.fixture
def processes() -> Iterator[Processes]:
    with ExitStack() as stack:
        yield Processes(stack)


def refused(*arguments: str | Path) -> str:
    done = subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    return done.stderr


def connect(ready: dict[str, Any]) -> ServiceBusClient:
    return ServiceBusClient.from_connection_string(ready["connection_string"], retry_total=0)


def drain(ready: dict[str, Any]) -> list[str]:
    found: list[str] = []
    mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
    with connect(ready) as bus, bus.get_queue_receiver("orders", receive_mode=mode) as receiver:
        while messages := receiver.receive_messages(max_message_count=500, max_wait_time=1):
            found += [b"".join(each.body).decode() for each in messages]
    return found


def test_ready_line_and_file_and_polite_end(processes: Processes, tmp_path: Path) -> None:
    ready_file = tmp_path / "ready"
    process, ready = processes.start("--queue", "orders", "--ready-file", ready_file)
    assert json.loads(ready_file.read_text()) == ready
    assert ready["host"] == "127.0.0.1"
    with connect(ready) as bus, bus.get_queue_sender("orders") as sender:
        sender.send_messages(ServiceBusMessage("x"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0  # with a client connected
    assert process.stdout
    assert process.stdout.read() == ""


def test_it_listens_on_loopback_only(processes: Processes) -> None:
    process, ready = processes.start("--queue", "orders")
    wanted = f":{ready['port']:04X}"
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines() if line.split()[3] == "0A"]
    assert [each for each in listening if each.endswith(wanted)] == [f"0100007F{wanted}"]
    process.send_signal(signal.SIGINT)
    assert process.wait(5) == 0


def test_what_was_accepted_survives_kill(processes: Processes, tmp_path: Path) -> None:
    accepted: list[str] = []
    for generation in range(3):
        process, ready = processes.start("--queue", "orders", "--data", tmp_path)
        with connect(ready) as bus, bus.get_queue_sender("orders") as sender:
            for number in range(50):
                name = f"{generation}-{number}"
                sender.send_messages(ServiceBusMessage(name))
                accepted.append(name)
            process.kill()  # the client learns of it in its own time
            process.wait(5)
    _, ready = processes.start("--queue", "orders", "--data", tmp_path)
    assert drain(ready) == accepted


def test_without_a_folder_nothing_is_kept(processes: Processes) -> None:
    process, ready = processes.start("--queue", "orders")
    with connect(ready) as bus, bus.get_queue_sender("orders") as sender:
        sender.send_messages(ServiceBusMessage("x"))
    process.terminate()
    process.wait(5)
    _, ready = processes.start("--queue", "orders", "--port", str(ready["port"]))
    assert drain(ready) == []


def test_configuration_files(processes: Processes, tmp_path: Path) -> None:
    config = tmp_path / "queues.yaml"
    config.write_text(
        "max_message_size: 1048576\n"
        "queues:\n"
        "- name: orders\n  lock_duration: 5\n  max_delivery_count: 3\n"
        "- {name: sessions, requires_session: true, duplicate_detection_window: 60, time_to_live: 3600}\n"
    )
    _, ready = processes.start("--config", config)
    with connect(ready) as bus:
        with bus.get_queue_sender("orders") as sender:
            assert sender.create_message_batch().max_size_in_bytes == 1_048_576
        with bus.get_queue_receiver("sessions", session_id="s") as receiver:
            assert receiver.session.get_state() is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no queue is declared"),
        (["--queue", "a", "--queue", "A"], "declared twice"),
        (["--queue", "a/$b"], "no name for a queue"),
        (["--queue", "a", "--lock-duration", "301"], "at most 300"),
        (["--queue", "a", "--lock-duration", "0"], "more than 0"),
        (["--queue", "a", "--max-delivery-count", "0"], "1 to 2000"),
        (["--queue", "a", "--time-to-live", "0"], "time_to_live"),
        (["--config", "missing.yaml"], "missing.yaml"),
        (["--config", "missing.yaml", "--queue", "a"], "either by --config or by options"),
        (["--queue", "a", "--colour", "red"], "unrecognized arguments"),
    ],
)
def test_mistakes_are_named(arguments: list[str], said: str) -> None:
    assert said in refused(*arguments)


def test_a_configuration_with_a_mistake(tmp_path: Path) -> None:
    config = tmp_path / "queues.yaml"
    config.write_text("queues:\n- {name: orders, lock_time: 3}\n")
    assert "lock_time" in refused("--config", config)


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "in use" in refused("--queue", "a", "--port", str(taken.getsockname()[1]))


def test_two_emulators_do_not_share_a_folder(processes: Processes, tmp_path: Path) -> None:
    processes.start("--queue", "orders", "--data", tmp_path)
    assert "another emulator" in refused("--queue", "orders", "--data", tmp_path)


def test_data_of_another_version(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "servicebus.sqlite") as database:
        database.execute("PRAGMA user_version=99")
    database.close()
    assert "version 99" in refused("--queue", "orders", "--data", tmp_path)


def test_a_disk_that_fails_ends_it(processes: Processes, tmp_path: Path) -> None:
    """Better no emulator than one whose memory and disk differ."""
    process, ready = processes.start("--queue", "orders", "--data", tmp_path)
    # What a full disk would do to the next write: the file may not grow any more.
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, 0))
    with connect(ready) as bus, pytest.raises(ServiceBusError), bus.get_queue_sender("orders") as sender:
        sender.send_messages(ServiceBusMessage(b"x" * 100_000))
    assert process.wait(5) == 2
    assert process.stderr
    assert "disk I/O error" in process.stderr.read()
    with contextlib.closing(sqlite3.connect(tmp_path / "servicebus.sqlite")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


class Raw:
    """A client of our own, for what the SDK would never say."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self._buffer = bytearray()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def say(self, performative: frames.Performative, payload: bytes = b"") -> None:
        self.send(frames.encode_frame(0, performative, payload))

    def read(self, size: int) -> bytes:
        while len(self._buffer) < size and (data := self._socket.recv(65536)):
            self._buffer += data
        found = bytes(self._buffer[:size])
        del self._buffer[:size]
        return found

    def hear(self) -> frames.Performative:
        while (frame := frames.read_frame(self._buffer, 1 << 20)) is None:
            data = self._socket.recv(65536)
            assert data, "the emulator has hung up"
            self._buffer += data
        return frames.decode_body(frame[2])[0]

    def open(self) -> None:
        self.send(frames.AMQP_HEADER)
        self.say(frames.Open("test", max_frame_size=512))
        self.say(frames.Begin(None, 0, 10, 10))
        assert self.read(8) == frames.AMQP_HEADER
        assert isinstance(self.hear(), frames.Open)
        assert isinstance(self.hear(), frames.Begin)

    def rest(self) -> bytes:
        """Everything until the emulator hangs up."""
        while data := self._socket.recv(65536):
            self._buffer += data
        self._socket.close()
        return bytes(self._buffer)

    def end(self) -> None:
        """Say no more."""
        self._socket.shutdown(socket.SHUT_WR)

    def closed_with(self) -> str:
        while not isinstance(heard := self.hear(), frames.Close):
            pass
        assert self.read(1) == b""
        return str(frames.fields_of(heard.error, 3)[0])


class TestProtocol:
    def test_other_protocols_get_our_header(self, start: Start) -> None:
        client = Raw(start().port)
        client.send(b"POST / HTTP/1.1\r\n\r\n")
        assert client.read(9) == frames.AMQP_HEADER  # and the end of the connection

    @pytest.mark.parametrize(
        ("performative", "condition"),
        [
            (frames.Open("again"), "amqp:illegal-state"),
            (frames.Begin(None, 0, 1, 1), "amqp:not-allowed"),
            (frames.Transfer(7), "amqp:session:unattached-handle"),
            (frames.Detach(7), "amqp:session:unattached-handle"),
            (frames.SaslInit("PLAIN"), "amqp:not-allowed"),
            (frames.Attach("x", 5000, frames.RECEIVER), "amqp:resource-limit-exceeded"),
        ],
    )
    def test_mistakes_close_the_connection(
        self, start: Start, performative: frames.Performative, condition: str
    ) -> None:
        client = Raw(start().port)
        client.open()
        client.say(performative)
        assert client.closed_with() == condition

    def test_garbage(self, start: Start) -> None:
        client = Raw(start().port)
        client.open()
        client.send(b"\x00\x00\x00\x0c\x02\x00\x00\x00garb")
        assert client.closed_with() == "amqp:decode-error"

    def test_small_frames_windows_and_heartbeats(self, start: Start) -> None:
        """A client with 512-byte frames and a window of two gets a large message two frames at a time."""
        emulator = start()
        with (
            ServiceBusClient.from_connection_string(emulator.connection_string) as bus,
            bus.get_queue_sender("orders") as sender,
        ):
            sender.send_messages(ServiceBusMessage(b"x" * 2_000))
        client = Raw(emulator.port)
        client.send(frames.AMQP_HEADER)
        client.say(frames.Open("test", max_frame_size=512, idle_time_out=200))
        client.say(frames.Begin(None, 0, 2, 10))
        client.say(frames.Attach("out", 0, frames.RECEIVER, source=frames.source("orders"), target=frames.target("t")))
        client.say(frames.Flow(0, 2, 0, 10, 0, 0, 5))
        assert client.read(8) == frames.AMQP_HEADER
        assert [type(client.hear()) for _ in range(3)] == [frames.Open, frames.Begin, frames.Attach]
        parts = [client.hear(), client.hear()]
        assert client.read(8) == b"\x00\x00\x00\x08\x02\x00\x00\x00"  # nothing more, but a sign of life
        while parts[-1].more:  # type: ignore[attr-defined]
            client.say(frames.Flow(len(parts), 2, 0, 10))
            parts.append(client.hear())
        assert len(parts) >= 5
        first = parts[0]
        assert isinstance(first, frames.Transfer)
        client.say(frames.Disposition(frames.RECEIVER, first.delivery_id or 0, None, False, frames.outcome(0x24)))
        heard = client.hear()
        assert isinstance(heard, frames.Disposition)
        assert heard.settled
        client.say(frames.Flow(len(parts), 9, 0, 10, 0, 1, 5, drain=True))
        heard = client.hear()
        assert isinstance(heard, frames.Flow)
        assert (heard.delivery_count, heard.link_credit, heard.drain) == (6, 0, True)
        client.say(frames.Detach(0, True))
        assert client.hear() == frames.Detach(0, True)
        client.say(frames.End())
        assert client.hear() == frames.End()
        client.say(frames.Close())
        assert client.hear() == frames.Close()

    def test_links_that_cannot_be(self, start: Start) -> None:
        client = Raw(start().port)
        client.open()
        for handle, (address, role) in enumerate(
            [("nothing", frames.RECEIVER), ("nothing/$management", frames.SENDER), ("orders/$deadletterqueue", False)]
        ):
            attach = frames.Attach(f"l{handle}", handle, role, initial_delivery_count=0)
            attach.source, attach.target = frames.source(address), frames.target(address)
            client.say(attach)
            answer, detach = client.hear(), client.hear()
            assert isinstance(answer, frames.Attach)
            assert (answer.source, answer.target) == (None, None)
            assert isinstance(detach, frames.Detach)
            condition = frames.fields_of(detach.error, 3)[0]
            assert condition == ("amqp:not-allowed" if handle == 2 else "amqp:not-found")

    def test_senders_get_new_credit_and_a_new_window(self, start: Start) -> None:
        client = Raw(start().port)
        client.open()
        attach = frames.Attach("in", 0, frames.SENDER, initial_delivery_count=0)
        attach.source, attach.target = frames.source("me"), frames.target("orders")
        client.say(attach)
        assert isinstance(client.hear(), frames.Attach)
        credit, sent, settled = 0, 0, 0
        while sent < 1_500 or settled < 1_500:
            while sent < min(credit, 1_500):
                client.say(frames.Transfer(0, sent, b"t", 0, False), b"\x00\x53\x75\xa0\x01x")
                sent += 1
            heard = client.hear()
            if isinstance(heard, frames.Flow) and heard.handle == 0:
                credit = (heard.delivery_count or 0) + (heard.link_credit or 0)
                assert heard.incoming_window > 1_000
            elif isinstance(heard, frames.Disposition):
                settled += 1

    def test_a_client_that_does_not_read(self, start: Start) -> None:
        """It gets what fits into its buffers; the rest waits in the queue, for others or until it reads."""
        emulator = start(max_message_size=1_000_000)
        with ServiceBusClient.from_connection_string(emulator.connection_string) as bus:
            with bus.get_queue_sender("orders") as sender:
                for _ in range(40):
                    sender.send_messages(ServiceBusMessage(b"x" * 900_000))
            client = Raw(emulator.port)
            client.open()
            attach = frames.Attach("out", 0, frames.RECEIVER, source=frames.source("orders"), target=frames.target("t"))
            client.say(attach)
            client.say(frames.Flow(0, 100_000, 0, 10, 0, 0, 1_000))
            mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
            with bus.get_queue_receiver("orders", receive_mode=mode) as other:
                assert other.receive_messages(max_wait_time=10)
            messages = 0
            while messages < 10:
                heard = client.hear()
                messages += isinstance(heard, frames.Transfer) and not heard.more

    def test_messages_that_are_none(self, start: Start) -> None:
        client = Raw(start().port)
        client.open()
        attach = frames.Attach("in", 0, frames.SENDER, initial_delivery_count=0)
        attach.source, attach.target = frames.source("me"), frames.target("amqps://host:1/orders")
        client.say(attach)
        assert isinstance(client.hear(), frames.Attach)
        flow = client.hear()
        assert isinstance(flow, frames.Flow)
        assert (flow.link_credit or 0) > 100
        client.say(frames.Transfer(0, 0, b"t", 0, False), b"no sections")
        heard = client.hear()
        assert isinstance(heard, frames.Disposition)
        assert heard.state
        assert heard.state.descriptor == frames.REJECTED
        assert frames.fields_of(frames.fields_of(heard.state, 1)[0], 3)[0] == Symbol("amqp:decode-error")


def test_no_client_keeps_it_busy(processes: Processes) -> None:
    """An emulator with nothing to do does nothing."""
    process, ready = processes.start("--queue", "orders")
    with connect(ready) as bus, bus.get_queue_sender("orders") as sender:
        sender.send_messages(ServiceBusMessage("x", time_to_live=None))
        stat = Path(f"/proc/{process.pid}/stat")
        before = sum(map(int, stat.read_text().rpartition(")")[2].split()[11:13]))
        time.sleep(1)
        after = sum(map(int, stat.read_text().rpartition(")")[2].split()[11:13]))
    assert after - before <= 5  # hundredths of a second
