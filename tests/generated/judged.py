"""What checks find, asked once in a run of the tests about the same files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from standardized_modules.checks import CheckInfo, Finding, Tree, load
from standardized_modules.verification.cache import ResultCache, key_of


def judged(info: CheckInfo, tree: Tree) -> Sequence[Finding]:
    """What a check finds in a tree.

    Results are kept in this run's own folder (tests/conftest.py makes it), for both workers, by the text of
    the check and of the files that it reads: of a hundred services, most workflows and scripts are the same.
    """
    tree = tree.only(info.reads)
    key = key_of(info, tree.digest)
    found = _results().get(key)
    if found is None:
        found = tuple(load(info).check(tree))
        _results().put(key, found)
    return found


@cache
def _results() -> ResultCache:
    folder = Path(os.environ["XDG_CACHE_HOME"]) / "sm-tests-judged"
    folder.mkdir(exist_ok=True)
    return ResultCache(folder)
