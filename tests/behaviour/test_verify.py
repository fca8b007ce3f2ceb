"""`sm verify` as a process: exit codes, formats, the cache, interrupts, what is missing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.conftest import SM, Sm, run_sm, unmeasured

FAST = ("--only", "SM50", "--only", "SM215", "--only", "SM104")
"""Checks of three layers that together take less than a second."""
DEPLOYMENT = "deploy/kubernetes/base/deployment.yaml"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder for each test, with the user's own schemas of Terraform, which take a minute to make."""
    schemas = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "standardized-modules"
    schemas.mkdir(parents=True, exist_ok=True)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / schemas.name).symlink_to(schemas)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "sm" / "verify"


@pytest.fixture
def service(web_api_service: Path, tmp_path: Path) -> Path:
    """A copy that the test may break."""
    return Path(shutil.copytree(web_api_service, tmp_path / "orders"))


def report(service: Path, *arguments: str, expect: int | None = None) -> dict[str, dict[str, object]]:
    """The JSON report, with the checks by id."""
    done = run_sm("verify", service, "--format", "json", *arguments)
    assert expect is None or done.returncode == expect, done.stdout + done.stderr
    document = json.loads(done.stdout)
    document["checks"] = {each["id"]: each for each in document["checks"]}
    return document  # type: ignore[no-any-return]


def append(file: Path, text: str) -> None:
    file.write_text(file.read_text() + text)


def ran(document: dict[str, dict[str, object]]) -> set[str]:
    """Ids of the checks that were not answered by the cache."""
    return {name for name, each in document["checks"].items() if not each["cached"]}  # type: ignore[index]


def test_a_fresh_service_is_clean_and_the_ledger_is_shown(web_api_service: Path, sm: Sm) -> None:
    done = sm("verify", web_api_service)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Suppressions (" in done.stdout
    assert "checkov CKV_AWS_338  deploy/terraform/waf_logs.tf:" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("orders: no findings; ")
    assert "checks in" in done.stderr

    started = time.monotonic()
    again = sm("verify", web_api_service)
    seconds = time.monotonic() - started
    assert again.returncode == 0
    assert "(cached)" not in again.stdout
    assert " from the cache)" in again.stdout
    assert seconds < 3, "a generous bound for a busy machine; benchmarks/verify.py has the figure"


def test_it_reads_the_current_folder_and_writes_nothing_there(service: Path, sm: Sm) -> None:
    before = {path: path.stat().st_mtime_ns for path in service.rglob("*")}

    done = sm("verify", *FAST, cwd=service)

    assert done.returncode == 0, done.stdout + done.stderr
    assert {path: path.stat().st_mtime_ns for path in service.rglob("*")} == before


def test_a_finding_is_exit_one_with_place_and_fix(service: Path, sm: Sm) -> None:
    file = service / "Dockerfile"
    file.write_text(file.read_text().replace("HEALTHCHECK", "#"))

    done = sm("verify", service, *FAST)

    assert done.returncode == 1
    assert "warning SM104: The image has no HEALTHCHECK" in done.stdout
    assert "  fix: " in done.stdout
    assert "Dockerfile: info SM503: A managed file is not as sm wrote it" in done.stdout


def test_an_edited_managed_file_alone_is_information(service: Path, sm: Sm) -> None:
    append(service / "Makefile", "# ours\n")

    done = sm("verify", service, *FAST)
    assert (done.returncode, "info SM503" in done.stdout) == (0, True), done.stdout
    quiet = sm("verify", service, *FAST, "--min-severity", "error")
    assert (quiet.returncode, "SM503" in quiet.stdout) == (0, False)


@pytest.mark.parametrize(
    ("path", "before", "after", "check"),
    [
        ("sm.yaml", "cloud: aws", "cloud: asw", "SM501"),
        ("sm.yaml", "region: eu-west-1", "region: us-east-1", "SM504"),
        (".sm/lock.json", '"service": "orders"', '"service": "payments"', "SM502"),
        (".sm/lock.json", '"format": 1', '"format": ', "SM502"),
        (".sm/base.tar", "Makefile", "Makefool", "SM502"),
        ("src/orders/app.py", "import", "import os  # noqa\nimport", "SM505"),
        ("src/orders/app.py", "import", "import os  # noqa: F401  a move, until=2024-01-01\nimport", "SM506"),
        ("Makefile", "test:", "<<<<<<< yours\ntest:", "SM507"),
    ],
)  # fmt: skip
def test_the_records_and_the_ledger_are_checked(service: Path, path: str, before: str, after: str, check: str) -> None:
    file = service / path
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after, 1))

    found = report(service, "--only", "SM50", expect=1)["findings"]

    assert check in {each["check_id"] for each in found}  # type: ignore[attr-defined]


def test_a_base_that_is_not_text_is_damaged(service: Path) -> None:
    (service / ".sm/base.tar").write_bytes(b"\xff\xfe\x00")

    (finding,) = report(service, "--only", "SM502", expect=1)["findings"]

    assert "base.tar is missing or is not what sm wrote" in finding["message"]  # type: ignore[index]


def test_a_changed_value_is_found_where_it_was_written(service: Path) -> None:
    append(service / "sm.yaml", "parameters:\n  http: {port: 8081}\n")

    (finding,) = report(service, "--only", "SM504", expect=1)["findings"]

    assert "http.port is 8081 in sm.yaml, the files were generated with 8080" in finding["message"]  # type: ignore[index]


def test_a_second_run_uses_the_results_and_a_change_invalidates_what_reads_it(service: Path, own_cache: Path) -> None:
    first = report(service, *FAST)
    assert ran(first) == set(first["checks"])
    assert own_cache.stat().st_mode & 0o077 == 0

    assert ran(report(service, *FAST)) == set()

    append(service / DEPLOYMENT, "# a comment\n")
    read_by = {"SM215", "SM503", "SM505", "SM506", "SM507"}
    changed = ran(report(service, *FAST))
    assert read_by <= changed
    assert not changed & {"SM104", "SM501", "SM502", "SM504"}

    assert ran(report(service, *FAST)) == set()


def test_damaged_results_are_made_anew(service: Path, own_cache: Path) -> None:
    first = report(service, *FAST)
    for file in own_cache.iterdir():
        file.write_bytes(file.read_bytes()[:-2] + b"x]")

    again = report(service, *FAST)

    assert ran(again) == set(first["checks"])
    assert again["findings"] == first["findings"]


def test_a_cache_that_can_not_be_written_is_no_error(service: Path, tmp_path: Path, sm: Sm) -> None:
    (tmp_path / "file").write_text("in the way")

    assert sm("verify", service, *FAST, XDG_CACHE_HOME=str(tmp_path / "file")).returncode == 0


def test_two_runs_at_once_agree(service: Path) -> None:
    command = [*SM, "verify", str(service), *FAST, "--format", "json"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for _ in range(2)]

    results = [json.loads(each.communicate()[0]) for each in both]

    assert [each.returncode for each in both] == [0, 0]
    assert results[0]["findings"] == results[1]["findings"]


def test_a_baseline_accepts_what_it_names_and_nothing_else(service: Path, tmp_path: Path, sm: Sm) -> None:
    append(service / "src/orders/app.py", "x = 1  # noqa\n")
    known = tmp_path / "known.json"
    known.write_text(sm("verify", service, *FAST, "--format", "json").stdout)

    assert sm("verify", service, *FAST).returncode == 1
    done = sm("verify", service, *FAST, "--baseline", known)
    assert done.returncode == 0
    assert "known findings are accepted by the baseline" in done.stdout
    append(service / "src/orders/app.py", "y = 1  # type: ignore\n")
    assert sm("verify", service, *FAST, "--baseline", known).returncode == 1


def test_sarif_and_junit_go_to_stdout_alone(service: Path, sm: Sm) -> None:
    append(service / "src/orders/app.py", "x = 1  # noqa\n")

    sarif = sm("verify", service, *FAST, "--format", "sarif")
    junit = sm("verify", service, *FAST, "--format", "junit")

    assert (sarif.returncode, junit.returncode) == (1, 1)
    (run,) = json.loads(sarif.stdout)["runs"]
    assert "SM505" in {each["ruleId"] for each in run["results"]}
    root = ElementTree.fromstring(junit.stdout)  # noqa: S314  our own output
    assert root.get("failures") == "1"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "is not a service"),
        ((".",), "is not a service"),
        (("{service}", "--only", "SM999"), "there is no check 'SM999'"),
        (("{service}", "--skip", "kubernets"), "did you mean kubernetes?"),
        (("{service}", "--format", "xml"), "'xml' is not one of"),
        (("{service}", "--min-severity", "fatal"), "'fatal' is not one of"),
        (("{service}", "--baseline", "known.json"), "sm verify --format json > known.json"),
        (("{service}/sm.yaml",), "is not a service"),
    ],
)
def test_what_does_not_fit_is_usage(
    sm: Sm, service: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()

    done = sm("verify", *(each.format(service=service) for each in arguments), cwd=empty)

    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr
    assert done.stdout == ""


def test_a_folder_that_can_not_be_read_is_usage(service: Path) -> None:
    """As another user, because root may read everything."""
    for folder in (service, *service.parents):
        if folder.stat().st_uid == os.getuid() and folder.is_relative_to("/tmp"):
            folder.chmod(0o755 if folder != Path("/tmp") else 0o1777)
    code = (
        "import os, sys, pathlib\n"
        "from standardized_modules.verification import verify\n"
        "from standardized_modules.errors import UsageError\n"
        f"service = pathlib.Path({str(service)!r})\n"
        "verify(service, only=['SM507'])  # imports what only root may read here\n"
        "(service / 'src/orders').chmod(0)\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "try: verify(service, only=['SM507'])\n"
        "except UsageError as error: print(error); sys.exit(error.exit_code)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    (service / "src/orders").chmod(0o755)

    assert done.returncode == 2, done.stdout + done.stderr
    assert "can't be read: permission denied" in done.stdout


@pytest.fixture
def bare_python(tmp_path: Path) -> dict[str, str]:
    """An environment whose Python has our packages but none of the programs beside it."""
    (tmp_path / "bare").mkdir()
    python = tmp_path / "bare" / "python3"
    python.symlink_to(Path(sys.executable).resolve())
    paths = [sysconfig.get_paths()["purelib"], str(Path(__file__).parents[2] / "src")]
    return {**os.environ, "PYTHON": str(python), "PYTHONPATH": os.pathsep.join(paths), "PATH": str(tmp_path / "bare")}


def run_bare(environment: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [environment["PYTHON"], "-m", "standardized_modules", "verify", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_missing_tool_is_said_and_strict_makes_it_fail(service: Path, bare_python: dict[str, str]) -> None:
    arguments = (service, "--only", "SM227", "--only", "SM501")

    relaxed = run_bare(bare_python, *arguments)
    strict = run_bare(bare_python, *arguments, "--strict")

    assert (relaxed.returncode, strict.returncode) == (0, 1), relaxed.stdout + relaxed.stderr
    assert "SM227  promtool is not installed\n         hint: apt-get install prometheus" in relaxed.stdout
    assert "1 checks, 1 not run" in relaxed.stdout


def test_a_tool_that_appears_is_used(service: Path, bare_python: dict[str, str], tmp_path: Path) -> None:
    arguments = (service, "--only", "SM201", "--format", "json")
    (before,) = json.loads(run_bare(bare_python, *arguments).stdout)["checks"]
    kubectl = shutil.which("kubectl", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    assert kubectl
    (tmp_path / "bare" / "kubectl").symlink_to(kubectl)
    (after,) = json.loads(run_bare(bare_python, *arguments).stdout)["checks"]

    assert (before["status"], after["status"]) == ("not run", "clean")


def test_without_the_extra_it_names_the_command_that_installs_it(service: Path, tmp_path: Path) -> None:
    """Only what generating needs is importable."""
    packages = tmp_path / "packages"
    packages.mkdir()
    site = Path(sysconfig.get_paths()["purelib"])
    for name in ("click", "jinja2", "markupsafe", "msgspec", "yaml"):
        (packages / name).symlink_to(site / name)
    for pattern in ("_yaml", "standardized_modules_framework-*.dist-info"):
        for found in site.glob(pattern):
            (packages / found.name).symlink_to(found)
    source = Path(__file__).parents[2] / "src"
    done = subprocess.run(
        [sys.executable, "-S", "-m", "standardized_modules", "verify", str(service)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{packages}{os.pathsep}{source}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2, done.stdout + done.stderr
    assert "pip install 'standardized-modules-framework[verify]'" in done.stderr


def test_an_interrupt_ends_at_once_and_leaves_no_process(service: Path) -> None:
    process = subprocess.Popen(
        [*SM, "verify", str(service)],
        env=unmeasured(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while process.poll() is None and not (children := set(descendants(process.pid))):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)

    assert process.returncode == 130
    assert b"interrupted" in said
    assert b"Traceback" not in said
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in children) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []


def descendants(pid: int) -> Iterator[int]:
    """Processes started by a process, and those started by them."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            yield child
            yield from descendants(child)


def test_explain_shows_a_check_with_both_samples(sm: Sm) -> None:
    done = sm("explain", "sm203")

    assert done.returncode == 0
    for part in ("SM203 (error, kubernetes)", "Fix: ", "Source: https://", "BAD  ", "GOOD  ", "wafv2: {", "wafV2: {"):
        assert part in done.stdout
    assert json.loads(sm("explain", "SM203", "--json").stdout)["bad"]
    missing = sm("explain", "SM999")
    assert (missing.returncode, "there is no check SM999" in missing.stderr) == (2, True)
