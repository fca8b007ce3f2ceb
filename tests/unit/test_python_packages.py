"""The closure, its markers, and the text that pip and uv read."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import standardized_modules
from standardized_modules.errors import LibraryError
from standardized_modules.python_packages import PackageLock, PackageRequest, parse_lock

LIBRARY = Path(standardized_modules.__file__).parent / "library"
DIGEST = "0" * 64


def package(*requires: str, direct: bool = False, **extras: list[str]) -> dict[str, Any]:
    entry: dict[str, Any] = {"version": "1.2.3", "requires": list(requires), "sha256": [DIGEST]}
    return entry | {"extras": extras} | ({"range": ">=1.2,<2"} if direct else {})


def lock(**packages: dict[str, Any]) -> PackageLock:
    return parse_lock({"packages": {name.replace("_", "-"): each for name, each in packages.items()}})


def pins(text: str) -> list[str]:
    return [line.removesuffix(" \\") for line in text.splitlines() if "==" in line]


@pytest.fixture(scope="module")
def shipped() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((LIBRARY / "python-packages.json").read_text())
    return document


def test_closure_follows_requirements_to_the_end() -> None:
    packages = lock(a=package("b", direct=True), b=package("c"), c=package(), unrelated=package(direct=True))
    assert pins(packages.select(["a"], []).runtime_lock) == ["a==1.2.3", "b==1.2.3", "c==1.2.3"]


def test_closure_ends_when_packages_require_each_other() -> None:
    packages = lock(a=package("b", direct=True), b=package("a"))
    assert pins(packages.select(["a"], []).runtime_lock) == ["a==1.2.3", "b==1.2.3"]


def test_lock_entry_is_pin_hashes_and_reason() -> None:
    packages = lock(a=package("b", direct=True), b=package())
    assert packages.select(["a"], []).runtime_lock == (
        f"a==1.2.3 \\\n    --hash=sha256:{DIGEST}\n    # for pyproject.toml\n"
        f"b==1.2.3 \\\n    --hash=sha256:{DIGEST}\n    # for a\n"
    )


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        pytest.param(
            {"a": package("b; python_version < '3.12'", direct=True), "b": package()},
            "b==1.2.3 ; python_version < '3.12'",
            id="a marker is kept",
        ),
        pytest.param(
            {
                "a": package("b; os_name == 'x'", "c", direct=True),
                "b": package(),
                "c": package("b"),
            },
            "b==1.2.3",
            id="an unconditional way in wins",
        ),
        pytest.param(
            {
                "a": package("c; os_name == 'x'", direct=True),
                "c": package("b; os_name == 'y' or os_name == 'z'"),
                "b": package(),
            },
            "b==1.2.3 ; os_name == 'x' and (os_name == 'y' or os_name == 'z')",
            id="markers of a chain all hold",
        ),
        pytest.param(
            {
                "a": package("b; os_name == 'x'", "c; os_name == 'y'", direct=True),
                "c": package("b"),
                "b": package(),
            },
            "b==1.2.3 ; (os_name == 'x') or (os_name == 'y')",
            id="markers of two ways are alternatives",
        ),
    ],
)
def test_markers(packages: dict[str, dict[str, Any]], expected: str) -> None:
    assert expected in pins(lock(**packages).select(["a"], []).runtime_lock)


def test_extras_bring_their_packages_and_reach_pyproject() -> None:
    packages = lock(a=package(direct=True, fast=["b"]), b=package())
    assert pins(packages.select(["a"], []).runtime_lock) == ["a==1.2.3"]
    with_extra = packages.select(["a[fast]"], [])
    assert pins(with_extra.runtime_lock) == ["a==1.2.3", "b==1.2.3"]
    assert with_extra.runtime == ("a[fast]>=1.2,<2",)


def test_development_lock_contains_the_runtime_lock() -> None:
    packages = lock(app=package("shared", direct=True), tool=package("shared", direct=True), shared=package())
    selection = packages.select(["app"], ["tool"])
    assert set(pins(selection.runtime_lock)) < set(pins(selection.dev_lock))
    assert pins(selection.dev_lock) == ["app==1.2.3", "shared==1.2.3", "tool==1.2.3"]
    assert (selection.runtime, selection.dev) == (("app>=1.2,<2",), ("tool>=1.2,<2",))


def test_order_and_repetition_of_requests_do_not_matter() -> None:
    packages = lock(a=package(direct=True), b=package(direct=True))
    assert packages.select(["b", "a", "b"], []) == packages.select(["a", "b"], [])


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("fastapy", "'fastapy' is not in the locked set", "did you mean fastapi?"),
        ("nothing-alike", "'nothing-alike' is not in the locked set", "add it to tools/python-packages.in"),
        ("comes-along", "'comes-along' is not in the locked set", "add it to tools/python-packages.in"),
        ("fastapi[nope]", "'fastapi' is locked without its extra 'nope'", "fastapi[nope]"),
        ("FastAPI>=1", "'FastAPI>=1' is not the name of a Python package", "lower case"),
    ],
)
def test_what_is_not_locked_is_refused(name: str, message: str, hint: str) -> None:
    packages = lock(fastapi=package("comes-along", direct=True), comes_along=package())
    with pytest.raises(LibraryError) as refusal:
        packages.select([name], [])
    assert message in refusal.value.message
    assert hint in refusal.value.hint


def test_request_reads_name_extras_and_marker() -> None:
    assert PackageRequest.parse("a[y,x]; os_name == 'z'") == PackageRequest("a", ("x", "y"), "os_name == 'z'")


def test_shipped_lock_is_closed_and_hashed(shipped: dict[str, Any]) -> None:
    direct = [name for name, entry in shipped["packages"].items() if "range" in entry]
    text = parse_lock(shipped).select(direct, []).runtime_lock
    assert len(pins(text)) == len(shipped["packages"]), "a package that no direct one needs"
    for name, entry in shipped["packages"].items():
        assert entry["sha256"], f"{name} has no hash"
        assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in entry["sha256"])


def test_shipped_lock_names_no_host(shipped: dict[str, Any]) -> None:
    direct = [name for name, entry in shipped["packages"].items() if "range" in entry]
    assert "//" not in parse_lock(shipped).select(direct, []).runtime_lock


def test_shipped_lock_fits_its_input() -> None:
    tool = Path(__file__).parents[2] / "tools" / "lock_python_packages.py"
    done = subprocess.run([sys.executable, tool, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
