"""The packages of the extra `verify`: whether they are there, and in which versions."""

from __future__ import annotations

import re
from importlib import metadata

from standardized_modules.errors import UsageError

DISTRIBUTION = "standardized-modules-framework"
INSTALL = f"pip install '{DISTRIBUTION}[verify]'"
_OF_EXTRA = re.compile(r"""^(?P<name>[\w.-]+)(?=.*;.*extra\s*==\s*['"]verify['"])""")


def versions() -> dict[str, str]:
    """Version by name of every package of the extra.

    Raises:
        UsageError: with the command that installs it, when one is missing.
    """
    try:
        requirements = metadata.requires(DISTRIBUTION) or ()
    except metadata.PackageNotFoundError:
        raise UsageError("sm runs from a folder, not from an installed package", hint=INSTALL) from None
    names = [match["name"] for match in map(_OF_EXTRA.match, requirements) if match]
    found = {name: version for name in names if (version := _version(name))}
    missing = [name for name in names if name not in found]
    if missing:
        what = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        raise UsageError(f"the tools of 'sm verify' are not installed: {what}", hint=INSTALL)
    return found


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
