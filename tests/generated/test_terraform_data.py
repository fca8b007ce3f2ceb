"""deploy/terraform of a data_api on both clouds: its own tests see what its provider would accept."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from standardized_modules.checks.terraform._session import DEFAULTS
from tests.conftest import Sm
from tests.generated.mutations import data_tests_aws, data_tests_azure, data_tests_pooler
from tests.generated.offline_core import offline_core

Faults = tuple[tuple[str, str, str, str], ...]
SUITES = ("backup", "cache", "database")
"""How the names of the files of tests begin that are about data; the others are broken in test_mutations."""
POOLER = ("--set", "database.pooler=true", "--set", "database.authentication=identity")
LONGEST = "orders-of-shops-and-mall"
"""As long as a load balancer of AWS lets an API be called, its environment included."""
FAILURES = ("Test assertion failed", "Missing expected failure")


def copied(service: Path, to: Path, *suites: str) -> Path:
    """A service's Terraform, with these suites of its tests alone."""
    directory = to / "terraform"
    shutil.copytree(service / "deploy/terraform", directory, ignore=shutil.ignore_patterns("registry"))
    for file in directory.glob("tests/*.tftest.hcl"):
        if not file.name.startswith(suites):
            file.unlink()
    return directory


def assert_each_is_reported(directory: Path, faults: Faults) -> None:
    """Make all faults at once, and expect of each that an assertion of its own complains."""
    complaints = [complaint for *_, complaint in faults]
    assert len(complaints) == len(set(complaints)), "one fault could hide that another is not seen"
    for name, before, after, _ in faults:
        text = (directory / name).read_text()
        assert before in text, f"the template changed: nothing to break in {name}: {before}"
        (directory / name).write_text(text.replace(before, after))

    with offline_core(directory, answers=DEFAULTS) as core:
        found = [each for each in core.test(directory).diagnostics if each.severity == "error"]

    said = [f"{each.file}: {each.summary}: {' '.join(each.detail.split())}" for each in found]
    assert [each.summary for each in found if each.summary not in FAILURES] == [], (
        "a fault that stops a run hides others"
    )
    assert [each for each in complaints if not any(each in line for line in said)] == [], said


@pytest.mark.parametrize(
    ("name", "faults"), [("data_api", data_tests_aws.FAULTS), ("data_api on azure", data_tests_azure.FAULTS)]
)
def test_each_of_many_faults_is_reported_by_its_own_assertion(
    service_folder: Callable[[str], Path], tmp_path: Path, name: str, faults: Faults
) -> None:
    assert_each_is_reported(copied(service_folder(name), tmp_path, *SUITES), faults)


def test_faults_of_the_pooler_are_reported(sm: Sm, tmp_path: Path) -> None:
    done = sm("create-microservice", "orders", "--pattern", "data_api", "--cloud", "aws", *POOLER, cwd=tmp_path)
    assert done.returncode == 0, done.stderr

    assert_each_is_reported(
        copied(tmp_path / "orders", tmp_path, "database_proxy", "database_access"), data_tests_pooler.FAULTS
    )


@pytest.mark.parametrize(
    ("cloud", "values"),
    [
        ("aws", ("database.pooler=true", "database.authentication=identity", "prod.database.replicas=2")),
        ("azure", ("prod.database.pooler=true", "database.authentication=identity", "prod.database.replicas=2")),
    ],
)
def test_own_tests_pass_with_pooler_tokens_and_more_replicas(
    sm: Sm, tmp_path: Path, cloud: str, values: tuple[str, ...]
) -> None:
    options = [part for value in values for part in ("--set", value)]
    done = sm("create-microservice", LONGEST, "--pattern", "data_api", "--cloud", cloud, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    directory = copied(tmp_path / LONGEST, tmp_path, *SUITES)
    written = sum(len(re.findall(r"^run ", file.read_text(), re.MULTILINE)) for file in directory.glob("tests/*.hcl"))

    with offline_core(directory, answers=DEFAULTS) as core:
        result = core.test(directory)

    assert result.ok, result.diagnostics
    assert result.passed == written
