"""The variables of a local run: as `make run` has them, with those of the engines on top."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from standardized_modules.engines import Running
from standardized_modules.errors import WorkspaceError

FILES = (".env", ".env.example")
"""The first that there is, as in the service's Makefile."""
_SOURCE = 'set -a; . "$1"; set +a; exec "$2" -I -c "$3"'
_PRINT = "import json, os; print(); print(json.dumps(dict(os.environ)))"
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_LOCAL = "127.0.0.1,localhost"


def settings_file(folder: Path) -> str | None:
    """Name of the file that a local run takes its settings from."""
    return next((name for name in FILES if (folder / name).is_file()), None)


def read_settings(folder: Path) -> dict[str, str]:
    """The environment of `make run`: a shell reads the file, so its values win over the shell's own.

    Raises:
        WorkspaceError: when the shell does not understand the file.
    """
    name = settings_file(folder)
    if name is None:
        return dict(os.environ)
    done = subprocess.run(
        ["/bin/sh", "-c", _SOURCE, "sh", f"./{name}", sys.executable, _PRINT],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise WorkspaceError(
            f"the shell can't read it: {done.stderr.strip()}",
            hint="write lines of the form NAME='value'",
            where=str(folder / name),
        )
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


def with_engines(settings: Mapping[str, str], engines: Iterable[Running]) -> dict[str, str]:
    """The engines' variables on top of all, and nothing that leads past them."""
    result = dict(settings)
    for engine in engines:
        for name in engine.removed:
            result.pop(name, None)
        result.update(engine.settings)
    if any(result.get(name) for name in _PROXIES):
        for name in ("no_proxy", "NO_PROXY"):
            result[name] = ",".join(filter(None, (result.get(name), _LOCAL)))
    result["PYTHONUNBUFFERED"] = "1"  # lines appear when they are printed
    return result


def overridden(settings: Mapping[str, str], engine: Running) -> list[str]:
    """Variables whose value of the user's an engine replaces."""
    return [name for name, value in engine.settings.items() if settings.get(name, value) not in ("", value)]


def as_shell(settings: Mapping[str, str], engines: Iterable[Running]) -> str:
    """What another terminal needs to use the same engines: `set -a; . <file>; set +a`."""
    removed = sorted({name for engine in engines for name in engine.removed})
    changed = {name: value for name, value in sorted(settings.items()) if os.environ.get(name) != value}
    lines = ["# The settings of the running `sm dev`: set -a; . ./.sm-dev/env; set +a"]
    lines += [f"unset {' '.join(removed)}"] if removed else []
    lines += [f"{name}={shlex.quote(value)}" for name, value in changed.items() if name not in _OF_THE_SHELL]
    return "\n".join(lines) + "\n"


_OF_THE_SHELL = frozenset({"_", "OLDPWD", "PWD", "SHLVL"})
