"""Whole-process time and peak memory of generating one service: sm against copier and cookiecutter.

All three write the same tree. The peers' templates are made from what sm wrote: wherever the
service's name stands, they print a variable, with the same delimiters as ours and the same files
marked as static. They have no composition, no rules and no records to do, so the comparison errs
in their favour. Runs are interleaved (A B C A B C ...), so that a slow minute hits all alike.

usage: python benchmarks/generate.py [--rounds 15] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from standardized_modules import InfrastructurePatternEngine

PYTHON = sys.executable
BIN = Path(PYTHON).parent
NAME = "orders"
SM = (str(BIN / "sm"), "create-microservice", NAME, "--pattern", "web_api", "--cloud", "aws")
ENVELOPE = {
    "block_start_string": "<%",
    "block_end_string": "%>",
    "variable_start_string": "<{",
    "variable_end_string": "}>",
    "comment_start_string": "<#",
    "comment_end_string": "#>",
}
GENERATORS = ("sm", "copier", "cookiecutter")
CHILD = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Everybody runs with compiled modules, as after an installation by pip."""


class Run:
    """One finished process: seconds from start to end, and its peak memory in MiB."""

    def __init__(self, command: tuple[str, ...], cwd: Path) -> None:
        started = time.perf_counter()
        child = os.posix_spawn(
            "/bin/sh",
            ["sh", "-c", 'cd "$0" && exec "$@" >/dev/null 2>"$0/stderr"', str(cwd), *command],
            CHILD,
        )
        _, status, usage = os.wait4(child, 0)
        self.seconds = time.perf_counter() - started
        self.mebibytes = usage.ru_maxrss / 1024
        if status != 0:
            raise SystemExit(f"{' '.join(command)} failed: {(cwd / 'stderr').read_text()}")
        (cwd / "stderr").unlink()


def peer_templates(folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Write equivalent templates for both peers; give their commands."""
    engine = InfrastructurePatternEngine.load()
    tree = engine.render(engine.resolve(engine.compose(engine.spec(NAME, patterns=["web_api"], cloud="aws"))))
    copier, cookiecutter = folder / "copier", folder / "cookiecutter"
    static = []
    for path, file in tree:
        is_template = file.origin.endswith(".j2")
        content = _as_template(file.content) if is_template else file.content
        templated = path.replace(f"src/{NAME}/", "src/<{ cookiecutter.name }>/")
        _put(copier / (path.replace(f"src/{NAME}/", "src/<{ name }>/") + (".jinja" if is_template else "")),
             content.replace(b"cookiecutter.", b""), file.mode)  # fmt: skip
        _put(cookiecutter / "<{ cookiecutter.name }>" / templated, content, file.mode)
        if not is_template:
            static.append(f"*/{path}")
    envelope = {**ENVELOPE, "keep_trailing_newline": True}
    settings = "\n".join(f"    {key}: {json.dumps(value)}" for key, value in envelope.items())
    (copier / "copier.yml").write_text(f"_envops:\n{settings}\n_templates_suffix: .jinja\nname: {{type: str}}\n")
    (cookiecutter / "cookiecutter.json").write_text(
        json.dumps({"name": NAME, "_copy_without_render": static, "_jinja2_env_vars": ENVELOPE})
    )
    return (
        (str(BIN / "copier"), "copy", "--quiet", "--defaults", "--data", f"name={NAME}", str(copier), NAME),
        (str(BIN / "cookiecutter"), "--no-input", str(cookiecutter), f"name={NAME}"),
    )


def _as_template(content: bytes) -> bytes:
    for mark in (b"<{", b"<%", b"<#"):
        assert mark not in content, "the output would have to be escaped"
    return content.replace(NAME.encode(), b"<{ cookiecutter.name }>")


def _put(path: Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


def tree_of(folder: Path) -> dict[str, bytes]:
    """Contents by path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def measure(
    commands: dict[str, tuple[str, ...]], rounds: int, check: Callable[[str, Path], None]
) -> dict[str, list[Run]]:
    """Run every command in turn, `rounds` times after a warm-up that is not counted."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            with tempfile.TemporaryDirectory() as folder:
                run = Run(command, Path(folder))
                if number == 0:
                    check(name, Path(folder))
                else:
                    runs[name].append(run)
        print(f"\rround {number}/{rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return runs


def many_services(counts: tuple[int, ...]) -> dict[int, float]:
    """CPU seconds for so many services in one process, different names, one engine.

    CPU and not wall time: after a few thousand files the disk's write-back sets the pace.
    """
    engine, result = InfrastructurePatternEngine.load(), {}
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            started = time.process_time()
            for number in range(count):
                name = f"service-{number}"
                spec = engine.spec(name, patterns=["web_api"], cloud="aws")
                target = Path(folder, name)
                engine.apply(engine.plan(engine.render(engine.resolve(engine.compose(spec))), target), target)
            result[count] = time.process_time() - started
    return result


def main() -> None:
    """Measure and print a Markdown table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help="update benchmarks/README.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copier, cookiecutter = peer_templates(Path(folder))
        with tempfile.TemporaryDirectory() as reference:
            Run(SM, Path(reference))
            expected = tree_of(Path(reference, NAME))

        def check(command: str, cwd: Path) -> None:
            if command in GENERATORS and tree_of(cwd / NAME) != expected:
                raise SystemExit("the trees differ: the comparison would not be fair")

        commands = {
            "sm": SM,
            "copier": copier,
            "cookiecutter": cookiecutter,
            "sm --help": (str(BIN / "sm"), "--help"),
            "import click": (PYTHON, "-c", "import click"),
        }
        runs = measure(commands, options.rounds, check)
    report = {
        name: {
            "median_s": statistics.median(each.seconds for each in series),
            "fastest_s": min(each.seconds for each in series),
            "peak_mib": max(each.mebibytes for each in series),
        }
        for name, series in runs.items()
    }
    services = many_services((50, 100, 200))
    if options.json:
        print(json.dumps({"runs": report, "services": services}, indent=2))
        return
    table = as_markdown(report, services, options.rounds)
    print(table)
    if options.write:
        update_readme(Path(__file__).with_name("README.md"), table)


def update_readme(path: Path, table: str) -> None:
    """Replace what stands between our two marks."""
    before, _, rest = path.read_text(encoding="utf-8").partition("<!-- generate: begin -->\n")
    _, _, after = rest.partition("<!-- generate: end -->")
    head = "<!-- generate: begin -->\n## Generating a service\n\n"
    path.write_text(f"{before}{head}{table}\n<!-- generate: end -->{after}", encoding="utf-8")


def as_markdown(report: dict[str, dict[str, float]], services: dict[int, float], rounds: int) -> str:
    """The tables of benchmarks/README.md."""
    sm = report["sm"]
    lines = [f"Medians of {rounds} interleaved runs.", "", "| command | median | peak memory | sm's time as a ratio |",
             "|---|---|---|---|"]  # fmt: skip
    for name in GENERATORS:
        each = report[name]
        ratio = "" if name == "sm" else f"{sm['median_s'] / each['median_s']:.2f}"
        lines.append(f"| {name} | {each['median_s'] * 1000:.0f} ms | {each['peak_mib']:.0f} MiB | {ratio} |")
    helps = report["sm --help"]["median_s"] / report["import click"]["median_s"]
    lines += ["", f"`sm --help` takes {helps:.2f} times a bare `python -c \"import click\"`.", "",
              "| services in one process | CPU time | each |", "|---|---|---|"]  # fmt: skip
    lines += [f"| {count} | {took:.2f} s | {took / count * 1000:.1f} ms |" for count, took in services.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
