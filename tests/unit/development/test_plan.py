"""What will run where, before anything runs."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from standardized_modules import InfrastructurePatternEngine
from standardized_modules.development import Options, Plan, plan
from standardized_modules.errors import RefusedError, UsageError, WorkspaceError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A service's folder with an interpreter and no settings."""
    interpreter = tmp_path / ".venv" / "bin" / "python"
    interpreter.parent.mkdir(parents=True)
    interpreter.symlink_to(sys.executable)
    return tmp_path


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the shell that runs the tests."""
    for name in ("APP_PORT", "APP_METRICS_PORT", "APP_HEALTH_PORT", "APP_HOST"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def planned(folder: Path, *patterns: str, cloud: str = "aws", options: Options | None = None, **values: int) -> Plan:
    engine = InfrastructurePatternEngine.load()
    spec = engine.spec(
        "order-events",
        patterns=patterns or ("web_api", "background_worker"),
        cloud=cloud,
        values={name.replace("__", "."): value for name, value in values.items()},
    )
    return plan(engine.resolve(engine.compose(spec)), engine.library, folder, options or Options())


def ports(plan: Plan) -> dict[str, dict[str, int]]:
    return {each.process.name: {port.port.setting: port.number for port in each.ports} for each in plan.processes}


def test_every_process_of_the_service_with_ports_of_its_own(folder: Path) -> None:
    (folder / ".env").write_text("APP_PORT=0\nAPP_METRICS_PORT=19090\n")
    found = planned(folder)
    assert {each.process.name: each.command for each in found.processes} == {
        "api": (str(folder / ".venv/bin/python"), "-m", "order_events"),
        "worker": (str(folder / ".venv/bin/python"), "-m", "order_events", "worker"),
    }
    numbers = ports(found)
    assert numbers["api"]["APP_METRICS_PORT"] >= 19090
    assert numbers["worker"]["APP_METRICS_PORT"] > numbers["api"]["APP_METRICS_PORT"]
    api, worker = found.processes
    assert api.settings["APP_PORT"] == str(numbers["api"]["APP_PORT"])
    assert worker.settings["APP_METRICS_PORT"] == str(numbers["worker"]["APP_METRICS_PORT"])
    assert "APP_PORT" not in worker.settings


@pytest.mark.parametrize(("cloud", "engines"), [("aws", ("sqs",)), ("azure", ("servicebus", "tables"))])
def test_the_cloud_decides_the_engines(folder: Path, cloud: str, engines: tuple[str, ...]) -> None:
    found = planned(folder, "background_worker", cloud=cloud)
    assert found.engines == engines
    assert found.facts.values["queue.visibility_timeout"] == 60
    assert found.reloads
    alone = planned(folder, "background_worker", cloud=cloud, options=Options(engines_only=True))
    assert (alone.started, alone.reloads) == ((), False)
    assert alone.processes, "for its settings and how to start it"


def test_a_port_nobody_mentions_is_that_of_the_spec(folder: Path) -> None:
    assert ports(planned(folder, "web_api", http__port=18471))["api"]["APP_PORT"] == 18471


def test_the_command_line_decides_the_port_of_clients(folder: Path, taken: int) -> None:
    (folder / ".env").write_text(f"APP_PORT={taken}\n")
    assert ports(planned(folder, "web_api", options=Options(port=0)))["api"]["APP_PORT"] not in (0, taken)
    with pytest.raises(WorkspaceError, match=f"port {taken} .HTTP, APP_PORT. is in use"):
        planned(folder, "web_api")


@pytest.mark.parametrize(
    ("code", "ordered", "enqueued"),
    [
        ('@task("send_invoice")\n', False, [("enqueue", "send_invoice")]),
        ('@task("send_invoice")\n', True, [("enqueue", "send_invoice", "--group")]),
        ('@task("pay")\n', False, []),
    ],
)
def test_examples_are_of_code_that_is_there(
    folder: Path, code: str, ordered: bool, enqueued: list[tuple[str, ...]]
) -> None:
    (folder / "src" / "order_events").mkdir(parents=True)
    (folder / "src" / "order_events" / "tasks.py").write_text(code)
    (worker,) = planned(folder, "background_worker", queue__ordered=ordered).processes
    shown = [each.arguments for each in worker.examples]
    assert [tuple(word for word in each if word.isidentifier() or word == "--group")[:3] for each in shown[:-1]] == [
        tuple(each) for each in enqueued
    ]
    assert shown[-1] == ("dead-letters", "list")


def test_a_worker_has_no_port_of_clients(folder: Path) -> None:
    with pytest.raises(UsageError, match="no port that clients use"):
        planned(folder, "background_worker", options=Options(port=8090))


def test_no_port_is_left(folder: Path) -> None:
    with socket.socket() as last:
        last.bind(("127.0.0.1", 65535))
        last.listen()
        (folder / ".env").write_text("APP_PORT=0\nAPP_METRICS_PORT=65535\n")
        with pytest.raises(WorkspaceError, match="no port from APP_METRICS_PORT on is free"):
            planned(folder, "web_api")


def test_a_service_with_findings_is_refused(folder: Path) -> None:
    with pytest.raises(RefusedError, match="keep_alive"):
        planned(folder, "web_api", http__keep_alive=10)
