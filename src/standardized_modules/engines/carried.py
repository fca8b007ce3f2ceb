"""Engines that generated services carry themselves, in their package `local`: one code for `make run` and `sm dev`.

The library holds that package without any template syntax where it is used here, in the folders of
the capabilities that it belongs to.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import ModuleType
from typing import Any

from standardized_modules.engines.running import EngineError, missing

CAPABILITIES = Path(__file__).parent.parent / "library" / "capabilities"
_PACKAGE = f"{__package__}.local"


def carried(module: str) -> ModuleType:
    """A module of the package `local`."""
    if _PACKAGE not in sys.modules:
        spec = ModuleSpec(_PACKAGE, None, is_package=True)
        spec.submodule_search_locations = [str(each) for each in sorted(CAPABILITIES.glob("*/managed/local"))]
        sys.modules[_PACKAGE] = importlib.util.module_from_spec(spec)
    return importlib.import_module(f"{_PACKAGE}.{module}")


@contextmanager
def opened(engine: str, package: str, context: Callable[[], AbstractContextManager[Any]]) -> Iterator[Any]:
    """What a module of `local` opens.

    Args:
        engine: The engine's name.
        package: The distribution with its programs.
        context: Opens it.

    Raises:
        UsageError: when the package is not installed.
        EngineError: when it does not start, with its last words.
    """
    try:
        distribution(package)
    except PackageNotFoundError:
        raise missing(package, engine) from None
    with ExitStack() as stack:
        try:
            server = stack.enter_context(context())
        except carried("processes").EngineError as problem:
            raise EngineError(
                f"the engine {engine!r}: {problem}",
                hint="start it again; when that fails the same way, report it with what the engine said",
            ) from None
        yield server
