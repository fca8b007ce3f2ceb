"""What sm.yaml amounts to, with the library of this sm and the organisation's catalogs."""

from __future__ import annotations

import json
from pathlib import Path

from standardized_modules.checks import Tree
from standardized_modules.checks.service._records import SPEC
from standardized_modules.errors import SmError
from standardized_modules.model.resolved import ResolvedService
from standardized_modules.python_packages import parse_lock
from standardized_modules.stages.compose import compose
from standardized_modules.stages.load import load_library
from standardized_modules.stages.resolve import resolve
from standardized_modules.stages.specs import load_spec

ROOT = Path(__file__).parents[2]


def resolved(tree: Tree) -> ResolvedService | SmError:
    """The service that sm.yaml describes, or why it describes none."""
    return tree.once("resolved", SPEC, lambda: _resolve(tree))


def _resolve(tree: Tree) -> ResolvedService | SmError:
    try:
        library = load_library(ROOT, tree.catalogs)
        packages = parse_lock(json.loads((ROOT / "library" / "python-packages.json").read_bytes()))
        return resolve(compose(load_spec(tree[SPEC], SPEC, library), library), library, packages)
    except SmError as problem:
        return problem
