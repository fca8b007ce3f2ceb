"""Checks on the files of a service as they lie on the disk."""

from __future__ import annotations

import sys

import pytest

from standardized_modules.checks import Tree
from standardized_modules.checks.kubernetes import dashboard_model
from standardized_modules.checks.service import files_readable, managed_files, ports_everywhere
from standardized_modules.checks.service._records import recorded

SCRIPT = recorded({"run.sh": "#!/bin/sh\n"})


def found(tree: Tree) -> list[str]:
    return [f"{each.path}: {each.message}" for each in managed_files.check(tree)]


def test_a_changed_executable_bit_is_an_edit() -> None:
    assert found(Tree(SCRIPT, executable=frozenset())) == []
    assert found(Tree(SCRIPT)) == [], "nobody knows"
    assert found(Tree(SCRIPT, executable=frozenset({"run.sh"}))) == [
        "run.sh: became executable: `chmod -x` makes it as sm wrote it"
    ]


def test_a_managed_file_that_is_no_text_is_not_one_that_was_deleted() -> None:
    files = {path: text for path, text in SCRIPT.items() if path != "run.sh"}

    assert found(Tree(files, undecodable={"run.sh": "byte 3 is 0xe9"})) == [
        "run.sh: edited since sm wrote it, and no text any more"
    ]


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        ("src/orders/a.py", "a = 1\nb = (\n", 2),
        ("src/orders/a.py", "a = '\0'\n", None),
        ("pyproject.toml", "[project]\nname = orders\n", 2),
    ],
)
def test_what_does_not_parse_is_named(path: str, text: str, line: int | None) -> None:
    (each,) = files_readable.check(Tree({path: text}))

    assert (each.path, each.message.startswith("not ")) == (path, True)
    assert line is None or each.line == line


def test_what_is_no_text_is_named() -> None:
    (each,) = files_readable.check(Tree({}, undecodable={"main.tf": "byte 5 is 0xe9"}))

    assert (each.path, each.message) == ("main.tf", "not UTF-8: byte 5 is 0xe9")


def test_syntax_of_a_newer_python_than_ours_is_not_judged() -> None:
    major, minor = sys.version_info[:2]

    assert (
        list(files_readable.check(Tree({**files_readable.BAD, "Dockerfile": f"FROM python:{major}.{minor + 1}\n"})))
        == []
    )
    assert list(files_readable.check(Tree({**files_readable.BAD, "Dockerfile": f"FROM python:{major}.{minor}-slim\n"})))


@pytest.mark.parametrize(
    "compose", ["- 1\n", "services: [a]\n", "services: {a: 1}\n", "services: {a: {build: ., ports: 1}}\n", "a: : [\n"]
)
def test_a_compose_file_of_another_shape_is_no_crash(compose: str) -> None:
    assert list(ports_everywhere.check(Tree({"Dockerfile": "FROM a\nEXPOSE 80\n", "compose.yaml": compose}))) == []


def test_a_port_of_compose_may_be_written_in_full() -> None:
    compose = "services: {a: {build: ., ports: [{target: 81, published: 80}]}}\n"

    (each,) = ports_everywhere.check(Tree({"Dockerfile": "FROM a\nEXPOSE 80\n", "compose.yaml": compose}))

    assert each.message == "a publishes 81, the image has [80]"


def test_a_dashboard_that_is_no_object_is_named() -> None:
    (each,) = dashboard_model.check(Tree({"deploy/kubernetes/overlays/dev/dashboards/a.json": "[]\n"}))

    assert each.message == "not an object"
