"""`sm dev` as a process: it serves, reloads, says what is wrong, and leaves no process behind."""

from __future__ import annotations

import os
import pty
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import SM, Sm, run_sm
from tests.development import PATIENCE, Dev, Marked, gone
from tests.generated.conftest import make

ROUTES = "src/orders/routes.py"
ROUTE = """
    @app.get("/hello")
    def hello() -> str:
        return "hello"
"""
SETTINGS = "APP_PORT=0\nAPP_METRICS_PORT=0\n"
"""Free ports, because other tests run at the same time."""


@pytest.fixture(scope="module")
def installed(web_api_service: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A web_api service with its own virtual environment, which belongs to its folder."""
    service = tmp_path_factory.mktemp("dev") / "orders"
    shutil.copytree(web_api_service, service)
    done = make(service, "install")
    assert done.returncode == 0, done.stdout + done.stderr
    return service


@pytest.fixture
def service(installed: Path) -> Iterator[Path]:
    """The same, for one test; what it edits is put back."""
    routes = (installed / ROUTES).read_text()
    settings = installed / ".env"
    settings.write_text((installed / ".env.example").read_text() + SETTINGS)
    yield installed
    (installed / ROUTES).write_text(routes)
    settings.unlink(missing_ok=True)


def ask(url: str) -> tuple[int, str]:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as problem:
        return problem.code, ""


def test_it_serves_reloads_and_stops(service: Path) -> None:
    with Dev(service) as dev:
        address = dev.url("HTTP")
        assert ask(f"{address}/livez")[0] == 200
        assert ask(dev.url("metrics"))[0] == 200
        assert ask(f"{address}/hello")[0] == 404
        first = next(each["pid"] for each in dev.events if each["event"] == "process-started")

        (service / ROUTES).write_text((service / ROUTES).read_text() + ROUTE)

        assert dev.next("changed")["paths"] == [ROUTES]
        dev.next("stopped", name="api", forced=False)
        assert dev.next("process-started")["pid"] != first
        dev.next("process-ready")
        assert ask(f"{address}/hello") == (200, '"hello"')

        assert (service / ".sm-dev" / ".gitignore").read_text() == "*\n"
        assert dev.signal(signal.SIGINT) == 0
        assert [each["event"] for each in dev.rest() if each["event"] != "line"] == ["stopping", "stopped"]
        assert dev.said() == ""
        assert gone(dev.marked, 0), "everything had ended before sm did"
        assert not (service / ".sm-dev").exists()


def test_sigterm_stops_it_as_well(service: Path) -> None:
    with Dev(service) as dev:
        dev.next("running")
        assert dev.signal(signal.SIGTERM) == 0
        assert gone(dev.marked, 0)


def test_an_interrupt_before_it_runs(service: Path) -> None:
    with Dev(service) as dev:
        dev.next("process-started")
        assert dev.signal(signal.SIGINT) == 130
        assert gone(dev.marked, 0)


def test_kill_leaves_no_process_and_the_next_run_works(service: Path) -> None:
    with Dev(service) as dev:
        dev.next("running")
        assert len(dev.marked.alive()) > 1
        dev.signal(signal.SIGKILL)
        assert gone(dev.marked), dev.marked.alive()
    assert (service / ".sm-dev").exists()
    with Dev(service) as dev:
        dev.next("running")
        assert dev.signal(signal.SIGINT) == 0


def test_a_service_that_does_not_start_waits_for_a_change(service: Path) -> None:
    good = (service / ROUTES).read_text()
    (service / ROUTES).write_text(good + "\ndef ():\n")
    with Dev(service) as dev:
        dev.line("SyntaxError")
        dev.next("process-ended", name="api", code=1, waits=True)
        (service / ROUTES).write_text(good)
        dev.next("running")
        assert dev.signal(signal.SIGINT) == 0


def test_without_reload_its_end_is_the_end(service: Path) -> None:
    (service / ROUTES).write_text("def ():\n")
    with Dev(service, "--no-reload") as dev:
        dev.line("SyntaxError")
        dev.next("process-ended", name="api", code=1, waits=False)
        assert dev.process.wait(PATIENCE) == 1


def test_a_process_that_does_not_end_is_killed(service: Path) -> None:
    """A second signal is for somebody who does not want to wait."""
    stubborn = "\nimport signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('mule')\ntime.sleep(600)\n"
    (service / ROUTES).write_text(stubborn)
    with Dev(service) as dev:
        dev.line("mule")
        dev.process.send_signal(signal.SIGINT)
        dev.next("stopping")
        time.sleep(0.5)
        assert dev.signal(signal.SIGINT) == 130
        assert {"event": "stopped", "name": "api", "forced": True} in dev.rest()
        assert gone(dev.marked, 0)


def test_its_settings_are_those_of_make_run(service: Path) -> None:
    (service / ".env").write_text(SETTINGS + "APP_LOG_LEVEL='WARNING'\nAPP_ENVIRONMENT=$APP_LOG_LEVEL-land\n")
    with Dev(service, APP_LOG_LEVEL="ERROR", OTEL_SERVICE_NAME="it's") as dev:
        dev.next("running")
        lines = (service / ".sm-dev" / "env").read_text().splitlines()
        assert "APP_LOG_LEVEL=WARNING" in lines, "the file wins over the shell, as in the Makefile"
        assert "APP_ENVIRONMENT=WARNING-land" in lines
        assert "APP_HOST=127.0.0.1" in lines, "where nobody said another address"
        assert dev.signal(signal.SIGINT) == 0


def test_one_run_at_a_time(service: Path, sm: Sm) -> None:
    with Dev(service) as dev:
        dev.next("running")
        second = sm("dev", service)
        assert second.returncode == 1
        assert "sm dev runs this service already" in second.stderr
        assert dev.signal(signal.SIGINT) == 0


def test_the_port_of_clients_is_not_moved(service: Path, sm: Sm) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = sm("dev", service, "--port", str(port))
    assert done.returncode == 1
    assert f"port {port} (HTTP, APP_PORT) is in use" in done.stderr
    assert f"sm dev --port {port + 1}" in done.stderr


def test_other_ports_move(service: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (service / ".env").write_text(f"APP_PORT=0\nAPP_METRICS_PORT={port}\n")
        with Dev(service) as dev:
            assert dev.url("metrics") != f"http://127.0.0.1:{port}/metrics"
            assert ask(dev.url("metrics"))[0] == 200
            assert dev.signal(signal.SIGINT) == 0


@pytest.mark.parametrize(
    ("settings", "reason", "hint"),
    [
        ("APP_PORT=http\n", ".env: APP_PORT is 'http', which is not a port", "1 to 65535"),
        ("APP_PORT=70000\n", "APP_PORT is '70000', which is not a port", "1 to 65535"),
        ("APP_NAME='unfinished\n", ".env: the shell can't read it", "NAME='value'"),
    ],
)
def test_settings_that_make_no_sense(service: Path, sm: Sm, settings: str, reason: str, hint: str) -> None:
    (service / ".env").write_text(settings)
    done = sm("dev", service)
    assert done.returncode == 1
    assert reason in done.stderr
    assert hint in done.stderr


def test_a_folder_without_a_service(tmp_path: Path, sm: Sm) -> None:
    done = sm("dev", cwd=tmp_path)
    assert done.returncode == 1
    assert "there is no sm.yaml" in done.stderr
    assert "hint: name it: sm dev SERVICE_DIR" in done.stderr


def test_a_broken_spec(web_api_service: Path, tmp_path: Path, sm: Sm) -> None:
    service = Path(shutil.copytree(web_api_service, tmp_path / "orders"))
    spec = service / "sm.yaml"
    spec.write_text(spec.read_text().replace("patterns:", "paterns:"))
    done = sm("dev", service)
    assert done.returncode == 2
    assert "sm.yaml:" in done.stderr
    assert "did you mean 'patterns'?" in done.stderr


def test_a_spec_that_breaks_a_rule(web_api_service: Path, tmp_path: Path, sm: Sm) -> None:
    service = Path(shutil.copytree(web_api_service, tmp_path / "orders"))
    with (service / "sm.yaml").open("a") as spec:
        spec.write("parameters:\n  http: {keep_alive: 10}\n")
    done = sm("dev", service)
    assert done.returncode == 1
    assert "http.keep_alive" in done.stderr


def test_a_service_that_is_not_installed(web_api_service: Path, sm: Sm) -> None:
    done = sm("dev", web_api_service)
    assert done.returncode == 1
    assert "it has no .venv/bin/python" in done.stderr
    assert f"make --directory {web_api_service} install" in done.stderr


def test_an_old_install_is_mentioned(service: Path) -> None:
    stamp = service / ".venv" / ".installed"
    before = stamp.stat()
    os.utime(stamp, (0, 0))
    with Dev(service) as dev:
        assert "make install" in dev.next("warning")["message"]
        dev.next("running")
        assert dev.signal(signal.SIGINT) == 0
    os.utime(stamp, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_options_that_do_not_fit(service: Path, sm: Sm) -> None:
    done = sm("dev", service, "--engines-only")
    assert done.returncode == 2
    assert "needs no engine" in done.stderr


def test_reload_says_what_it_needs(service: Path) -> None:
    without = "import sys; sys.modules['watchfiles'] = None; from standardized_modules.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", without, "dev", service], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == 2
    assert "reload needs the package watchfiles" in done.stderr
    assert "pip install 'standardized-modules-framework[local]', or use --no-reload" in done.stderr


def test_text_for_people(service: Path) -> None:
    """Lines of the service to stdout, ours to stderr; names in colour where a terminal is."""
    marked = Marked()
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*SM, "dev", "."], cwd=service, env={**os.environ, **marked.environment, "NO_COLOR": ""},
        stdout=theirs, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        assert process.stderr
        said = ""
        while "metrics  http" not in said:
            said += process.stderr.readline()
        process.send_signal(signal.SIGINT)
        said += process.stderr.read()
        printed = b""
        try:
            while chunk := os.read(ours, 65536):
                printed += chunk
        except OSError:  # a terminal whose other side is closed
            pass
        os.close(ours)
        assert process.wait(PATIENCE) == 0
    assert b"\x1b[36mapi |\x1b[0m " in printed
    assert b"Application startup complete" in printed
    assert "api: ready after" in said
    assert "orders runs. Ctrl-C stops it. Changes below src/ restart it." in said
    assert "  api  HTTP     http://127.0.0.1:" in said
    assert "api: stopped" in said
    assert "\x1b" not in said
    assert gone(marked, 0)


def test_help_and_start_up_load_no_engine(sm: Sm) -> None:
    assert "sm dev services/orders" in sm("dev", "--help").stdout
    listing = "import sys; from standardized_modules.cli.app import run; run(['--help']); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    assert "dev " in done.stdout
    assert "standardized_modules.engines" not in done.stdout
    assert "standardized_modules.development" not in done.stdout


@pytest.fixture(scope="module", params=["aws", "azure"])
def worker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An API and a worker in one service, installed."""
    folder = tmp_path_factory.mktemp(f"dev-{request.param}")
    patterns = ("--pattern", "web_api", "--pattern", "background_worker")
    if request.param == "azure":
        patterns = ("--pattern", "background_worker")
    done = run_sm("create-microservice", "orders", *patterns, "--cloud", request.param, cwd=folder)
    assert done.returncode == 0, done.stderr
    done = make(folder / "orders", "install")
    assert done.returncode == 0, done.stdout + done.stderr
    example = (folder / "orders" / ".env.example").read_text()
    (folder / "orders" / ".env").write_text(example + SETTINGS + "APP_HEALTH_PORT=0\n")
    return folder / "orders"


def in_another_terminal(service: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """As the table says: the settings of the run, then a command of the service."""
    script = 'set -a; . ./.sm-dev/env; set +a; exec .venv/bin/python -m orders "$@"'
    return subprocess.run(
        ["/bin/sh", "-c", script, "sh", *arguments],
        cwd=service,
        env={"PATH": os.environ["PATH"], "AWS_PROFILE": "of-a-person"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def test_a_task_goes_through_a_real_broker(worker: Path) -> None:
    with Dev(worker, AWS_PROFILE="of-a-person", AWS_ACCESS_KEY_ID="of-a-person") as dev:
        running = dev.next("running")
        engines = [each["name"] for each in dev.events if each["event"] == "engine-ready"]
        names = [each["name"] for each in dev.events if each["event"] == "process-started"]
        assert names[-1] == "worker"
        command = shlex.split(next(each["line"] for each in running["commands"] if "enqueue" in each["line"]))
        assert command[:3] == [".venv/bin/python", "-m", "orders"]

        done = in_another_terminal(worker, *command[3:])
        assert done.returncode == 0, done.stderr
        dev.line("Your invoice 1")

        listed = in_another_terminal(worker, "dead-letters", "list")
        assert listed.returncode == 0, listed.stderr
        assert listed.stdout == ""

        assert dev.signal(signal.SIGINT) == 0
        stopped = [each["name"] for each in dev.rest() if each["event"] == "stopped"]
        assert stopped == [*reversed(names), *reversed(engines)], "the service first, then what it needs"
        assert gone(dev.marked, 0)


def test_an_engine_that_ends_is_the_end(worker: Path) -> None:
    with Dev(worker, "--no-reload") as dev:
        dev.next("running")
        engine = next(each for each in Path("/proc").iterdir() if is_engine(each, dev.marked))
        os.kill(int(engine.name), signal.SIGKILL)
        assert dev.process.wait(PATIENCE) == 1
        assert "ended by itself" in dev.said()
        assert gone(dev.marked, 0)


def test_an_interrupt_while_an_engine_starts(worker: Path) -> None:
    with Dev(worker) as dev:
        dev.next("engine-starting")
        assert dev.signal(signal.SIGINT) == 130
        assert gone(dev.marked, 0)


def is_engine(process: Path, marked: Marked) -> bool:
    command = marked.of(process)
    return " -m ministack" in command or " -m standardized_modules.engines." in command


def test_engines_for_a_debugger(worker: Path) -> None:
    with Dev(worker, "--engines-only") as dev:
        running = dev.next("running")
        assert running["addresses"] == []
        assert running["watched"] == ""
        assert {"title": "start the worker", "line": ".venv/bin/python -m orders worker"} in running["commands"]
        done = in_another_terminal(worker, "dead-letters", "list")
        assert done.returncode == 0, done.stderr
        assert dev.signal(signal.SIGINT) == 0
        assert gone(dev.marked, 0)
