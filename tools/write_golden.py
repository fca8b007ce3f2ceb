"""Write the generated services below tests/golden/. A test renders them again and compares."""

from __future__ import annotations

import shutil
from pathlib import Path

from standardized_modules import InfrastructurePatternEngine
from tests.golden_services import GOLDEN, SERVICES


def main() -> None:
    """Render every golden service into its folder, replacing what stood there."""
    engine = InfrastructurePatternEngine.load()
    for name, options in SERVICES.items():
        folder: Path = GOLDEN / name
        shutil.rmtree(folder, ignore_errors=True)
        tree = engine.render(engine.resolve(engine.compose(engine.spec(name, **options))))
        engine.apply(engine.plan(tree, folder), folder)


if __name__ == "__main__":
    main()
