"""Whole-process time of `sm verify` on a fresh web_api service: cold, after one edit, and warm.

Cold means an empty cache of results; the schemas of the Terraform providers, which the first run of all takes
from pinned wheels, are there. The targets are 30 s cold and 1 s warm on 2 cores.

usage: python benchmarks/verify.py [--rounds 3] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SM = str(Path(sys.executable).parent / "sm")
EDITED = "deploy/kubernetes/base/deployment.yaml"
README = Path(__file__).parent / "README.md"
BEGIN, END = "<!-- verify: begin -->", "<!-- verify: end -->"


def seconds(service: Path, results: Path) -> float:
    """One run, with its results in a folder."""
    cache = results / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    schemas = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "standardized-modules"
    schemas.mkdir(parents=True, exist_ok=True)
    if not (cache / schemas.name).exists():
        (cache / schemas.name).symlink_to(schemas)
    started = time.perf_counter()
    done = subprocess.run(
        [SM, "verify", str(service)],
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    taken = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"sm verify found something:\n{done.stdout}{done.stderr}")
    return taken


def measure(rounds: int) -> dict[str, list[float]]:
    """Seconds by kind of run, one of each a round."""
    found: dict[str, list[float]] = {"cold": [], "one manifest edited": [], "warm": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        create = [SM, "create-microservice", "orders", "--pattern", "web_api", "--cloud", "aws"]
        subprocess.run(create, cwd=folder, check=True, capture_output=True)
        service = folder / "orders"
        for number in range(rounds):
            results = folder / str(number)
            found["cold"].append(seconds(service, results))
            with (service / EDITED).open("a") as file:
                file.write(f"# edit {number}\n")
            found["one manifest edited"].append(seconds(service, results))
            found["warm"].append(seconds(service, results))
    return found


def as_table(found: dict[str, list[float]]) -> str:
    """The section of README.md."""
    lines = ["## sm verify", "", "| run | median s | slowest s |", "|---|--:|--:|"]
    lines += [f"| {kind} | {statistics.median(each):.2f} | {max(each):.2f} |" for kind, each in found.items()]
    rounds = len(found["cold"])
    lines += ["", f"Whole process, {rounds} rounds, Python {sys.version.split()[0]}, {os.cpu_count()} cores."]
    return "\n".join(lines)


def main() -> None:
    """Measure, print, and write the section of README.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.rounds)
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    table = as_table(found)
    print(table)
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    README.write_text(f"{before.rstrip()}\n\n{BEGIN}\n{table}\n{END}\n{after.lstrip()}", encoding="utf-8")


if __name__ == "__main__":
    main()
