"""Which resource types, data sources, ephemeral resources and providers a Terraform directory uses."""

import re
from pathlib import Path

from .workspace import with_modules

_BLOCK = re.compile(r'^\s*(resource|data|ephemeral|provider)\s+"(\w+)"', re.MULTILINE)
_REQUIREMENT = re.compile(r'^\s*source\s*=\s*"(?:[\w.-]+/)?hashicorp/(\w+)"', re.MULTILINE)


def addresses_in(directory: Path) -> set[str]:
    """Addresses in a directory and in the local modules that it calls, its tests included."""
    found: set[str] = set()
    for folder in with_modules(directory.resolve()):
        for file in [
            *folder.glob("*.tf"),
            *folder.glob("*.tftest.hcl"),
            *folder.glob("tests/*.tftest.hcl"),
        ]:
            text = file.read_text()
            found |= {name if kind == "resource" else f"{kind}.{name}" for kind, name in _BLOCK.findall(text)}
            found |= {f"provider.{name}" for name in _REQUIREMENT.findall(text)}
    return found
