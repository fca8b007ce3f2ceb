"""The real Terraform core on a copy of a directory: fmt, init, validate, test, plan, apply.

Takes a directory and an environment (see `server.offline_providers`), gives typed results.
Never writes into the directory.
"""

import contextlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .errors import CoreFailedError
from .executable import Executable, find_executable
from .pins import PINNED
from .versions import satisfies
from .workspace import copy_of, local_backend

_TIMEOUT = 600
"""Seconds for one command; without a cloud the slowest takes a few."""

UNSERVED = "No offline schemas of the provider"
"""How the summary begins when a configuration needs a provider that is not pinned."""

_NOT_FOUND = re.compile(r"available versions for provider ([\w.-]+/[\w.-]+)")

_DECIDES = ("TF_LOG", "TF_CLI_ARGS", "TF_DATA_DIR", "TF_WORKSPACE", "TF_VAR_")
"""How variables begin that change what the commands see, print, or where they write."""

_CONSTRAINT = re.compile(r"provider\[(?P<host>[^/\]]+)/(?P<source>[^\]]+)\] (?P<constraint>\S.*)")


@dataclass(frozen=True)
class Diagnostic:
    """One finding of the core, or of the provider by way of the core. File and line are None when it has no place."""

    severity: str
    summary: str
    detail: str = ""
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        place = "".join(f"{part}:" for part in (self.file, self.line) if part)
        return f"{place}{' ' if place else ''}{self.severity}: {self.summary}{': ' if self.detail else ''}{self.detail}"


@dataclass(frozen=True)
class TestResult:
    """Outcome of `terraform test`."""

    __test__ = False  # the name begins with "Test", and pytest must not collect it

    passed: int
    failed: int
    errored: int
    skipped: int
    diagnostics: tuple[Diagnostic, ...]

    @property
    def ok(self) -> bool:
        """Whether something ran and nothing failed: an empty suite proves nothing."""
        return self.passed > 0 and self.failed == self.errored == 0


@dataclass(frozen=True)
class TerraformCore:
    """A core and the environment it runs in."""

    environment: Mapping[str, str]
    executable: Executable

    @classmethod
    def find(cls, environment: Mapping[str, str] | None = None) -> "TerraformCore":
        """The core on this machine; without an environment it uses the user's own providers and settings."""
        return cls(_safe(os.environ if environment is None else environment), find_executable())

    @contextlib.contextmanager
    def workspace(self, directory: Path) -> Iterator["Workspace"]:
        """A copy to run several commands in: what `init` and `apply` leave behind lives as long as the context."""
        with tempfile.TemporaryDirectory(prefix="tf-workspace-") as folder:
            yield Workspace(self, copy_of(directory, Path(folder)))

    def fmt_check(self, directory: Path) -> list[str]:
        """Files that `terraform fmt` would change."""
        with self.workspace(directory) as workspace:
            return workspace.fmt_check()

    def init(self, directory: Path, *, backend: bool = False) -> list[Diagnostic]:
        """What is wrong with modules, provider requirements and, if asked, the remote backend."""
        with self.workspace(directory) as workspace:
            return workspace.init(backend=backend)

    def validate(self, directory: Path) -> list[Diagnostic]:
        """Everything `init` and `validate` find, and provider constraints that the served providers do not meet."""
        with self.workspace(directory) as workspace:
            return workspace.init() or workspace.validate()

    def test(self, directory: Path) -> TestResult:
        """Runs the directory's *.tftest.hcl files."""
        with self.workspace(directory) as workspace:
            found = workspace.init()
            return TestResult(0, 0, 1, 0, tuple(found)) if found else workspace.test()

    def plan(self, directory: Path, var_files: Sequence[Path | str] = ()) -> dict[str, Any]:
        """The plan as `terraform show -json` gives it."""
        with self.workspace(directory) as workspace:
            return workspace.plan(var_files)

    def apply(self, directory: Path, var_files: Sequence[Path | str] = ()) -> dict[str, Any]:
        """Applies to made-up infrastructure and gives the state as `terraform show -json` gives it."""
        with self.workspace(directory) as workspace:
            return workspace.apply(var_files)

    def run(self, directory: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Any other command."""
        return subprocess.run(
            [*self.executable.command, *arguments],
            cwd=directory,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )


@dataclass
class Workspace:
    """A copied directory with a core. Paths in results are relative to the directory."""

    core: TerraformCore
    path: Path

    def fmt_check(self) -> list[str]:
        """Files that `terraform fmt` would change (or cannot parse)."""
        done = self.core.run(self.path, "fmt", "-check", "-recursive", "-list=true", "-no-color")
        if done.returncode and not done.stdout.strip():
            raise CoreFailedError("terraform fmt cannot read the directory", done.stderr)
        return sorted(done.stdout.split("\n")[:-1])

    def init(self, *, backend: bool = False) -> list[Diagnostic]:
        """Errors only; the copy is ready for the other commands when there are none.

        Without the backend, a local one takes its place, because reading the provider requirements needs one.
        """
        if backend:
            return self._init()
        with local_backend(self.path):
            return self._init() or self._unmet_constraints()

    def _init(self) -> list[Diagnostic]:
        done = self.core.run(self.path, "init", "-input=false", "-no-color", "-json")
        found = [item for item in _streamed(done.stdout) if item.severity == "error"]
        if any(item.line for item in found):
            # What introduces the others says nothing itself.
            found = [item for item in found if item.line or not item.summary.startswith("Terraform encountered")]
        if "TF_REATTACH_PROVIDERS" in self.core.environment:
            found = [each for item in found for each in self._served(item)]
        return found if found or not done.returncode else _boxed(done.stdout + done.stderr)

    def _served(self, item: Diagnostic) -> Iterator[Diagnostic]:
        """The diagnostic, unless it is that a provider is not among those served: it would name our own folders."""
        sources = sorted(set(_NOT_FOUND.findall(f"{item.summary} {item.detail}")))
        for source in sources:
            file, line = self._first_use(source.rpartition("/")[2])
            detail = f"There are schemas of {', '.join(sorted(PINNED))}. `terraform init` installs the real provider."
            yield Diagnostic("error", f"{UNSERVED} {source}", detail, file, line)
        if not sources:
            yield item

    def _first_use(self, provider: str) -> tuple[str | None, int | None]:
        use = rf'^\s*(?:(?:resource|data|ephemeral)\s+"{provider}_|provider\s+"{provider}")'
        for file in sorted(self.path.glob("*.tf")):
            text = file.read_text()
            if found := re.search(use, text, re.MULTILINE):
                return file.name, text.count("\n", 0, found.end()) + 1
        return None, None

    def validate(self) -> list[Diagnostic]:
        """All diagnostics, warnings too."""
        done = self.core.run(self.path, "validate", "-json")
        return [_diagnostic(item) for item in _json(done)["diagnostics"]]

    def test(self) -> TestResult:
        """Counts of runs, and the diagnostics of those that failed."""
        done = self.core.run(self.path, "test", "-json")
        summary: dict[str, Any] = {}
        runs: list[str] = []
        for event in _events(done.stdout):
            summary = event.get("test_summary", summary)
            if "test_run" in event and event["test_run"].get("status"):
                runs.append(event["test_run"]["status"])
        if not summary:
            errors = _streamed(done.stdout) or _boxed(done.stdout + done.stderr)
            return TestResult(0, 0, 1, 0, tuple(errors))
        return TestResult(
            summary.get("passed", 0),
            summary.get("failed", 0),
            summary.get("errored", 0),
            summary.get("skipped", 0),
            tuple(dict.fromkeys(_streamed(done.stdout))),  # each run repeats what validation finds
        )

    def plan(self, var_files: Sequence[Path | str] = ()) -> dict[str, Any]:
        """The plan as JSON."""
        with self._state():
            self._checked("plan", "-out=offline.tfplan", *self._variables(var_files))
            return _json(self._checked("show", "-json", "offline.tfplan", options=()))

    def apply(self, var_files: Sequence[Path | str] = ()) -> dict[str, Any]:
        """The new state as JSON."""
        with self._state():
            self._checked("apply", "-auto-approve", "-json", *self._variables(var_files))
            return _json(self._checked("show", "-json", options=()))

    def _checked(
        self, *arguments: str, options: tuple[str, ...] = ("-input=false", "-no-color")
    ) -> "subprocess.CompletedProcess[str]":
        done = self.core.run(self.path, *arguments, *options)
        if done.returncode:
            errors = tuple(self._relative(item) for item in _streamed(done.stdout) if item.severity == "error")
            first = errors[0].summary if errors else _first_error(done.stderr)
            raise CoreFailedError(f"terraform {arguments[0]} failed: {first}", done.stdout + done.stderr, errors)
        return done

    def _relative(self, item: Diagnostic) -> Diagnostic:
        """Files of variables are given by their full paths, and come back so."""
        return replace(item, file=item.file and item.file.removeprefix(f"{self.path}/"))

    @contextlib.contextmanager
    def _state(self) -> Iterator[None]:
        if not (self.path / ".terraform").is_dir() and (found := self.init()):
            raise CoreFailedError(f"terraform init failed: {found[0]}", "\n".join(map(str, found)))
        with local_backend(self.path):
            yield

    def _variables(self, var_files: Sequence[Path | str]) -> list[str]:
        return [f"-var-file={self.path / file}" for file in var_files]

    def _unmet_constraints(self) -> list[Diagnostic]:
        if "TF_REATTACH_PROVIDERS" not in self.core.environment:
            return []  # the core selected real providers, and checked the constraints itself
        done = self.core.run(self.path, "providers")
        if done.returncode:
            raise CoreFailedError(f"terraform providers failed: {_first_error(done.stderr)}", done.stdout + done.stderr)
        unmet = []
        for match in _CONSTRAINT.finditer(done.stdout):
            pin = PINNED.get(match["source"].removeprefix("hashicorp/"))
            if pin and not satisfies(pin.version, match["constraint"]):
                unmet.append(
                    Diagnostic(
                        "error",
                        "Provider version constraint not met",
                        f"{pin.source} must be {match['constraint']!r}, its offline schemas are of {pin.version}.",
                    )
                )
        return unmet


def _safe(environment: Mapping[str, str]) -> dict[str, str]:
    """Without questions, version checks, values and options from outside, and a settings file that is missing."""
    safe = {**environment, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
    if not Path(safe.get("TF_CLI_CONFIG_FILE", os.devnull)).exists():
        del safe["TF_CLI_CONFIG_FILE"]
    return {name: value for name, value in safe.items() if not name.startswith(_DECIDES)}


def _json(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        message = f"terraform printed no JSON: {_first_error(done.stderr)}"
        raise CoreFailedError(message, done.stdout + done.stderr) from None
    return value


def _events(output: str) -> Iterator[dict[str, Any]]:
    for line in output.splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def _streamed(output: str) -> list[Diagnostic]:
    return [_diagnostic(event["diagnostic"]) for event in _events(output) if "diagnostic" in event]


def _diagnostic(item: Mapping[str, Any]) -> Diagnostic:
    place = item.get("range") or {}
    return Diagnostic(
        item["severity"],
        item["summary"],
        item.get("detail", ""),
        place.get("filename"),
        place.get("start", {}).get("line"),
    )


def _boxed(output: str) -> list[Diagnostic]:
    """Diagnostics of commands that do not speak JSON: only that there was one, and its first line."""
    return [Diagnostic("error", _first_error(output), output.strip())]


def _first_error(output: str) -> str:
    found = re.search(r"Error: (.+)", output)
    return found[1] if found else "no output"
