"""The engine as a library: subsets of capabilities, overriding, the cache's folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from standardized_modules import InfrastructurePatternEngine
from standardized_modules.engine import _bytecode_folder

ENGINE = InfrastructurePatternEngine.load()
WEB_API = ENGINE.library.patterns["web_api"]
CAPABILITIES = tuple(ENGINE.library.capabilities)


def needed_by_others(name: str) -> bool:
    return any(name in ENGINE.library.capabilities[each].requires for each in WEB_API.capabilities)


@pytest.mark.parametrize(
    "capabilities",
    [(each,) for each in CAPABILITIES]
    + [
        tuple(name for name in WEB_API.capabilities if name != left_out)
        for left_out in WEB_API.capabilities
        if not needed_by_others(left_out)
    ],
    ids=lambda names: names[0] if len(names) == 1 else f"without {set(WEB_API.capabilities) - set(names)}",
)
def test_every_choice_of_capabilities_renders(capabilities: tuple[str, ...]) -> None:
    pattern = replace(WEB_API, capabilities=capabilities, parameters={})
    library = replace(ENGINE.library, patterns={"ours": pattern})
    engine = InfrastructurePatternEngine(library, ENGINE._packages, ENGINE._renderer)
    service = engine.resolve(engine.compose(engine.spec("orders", patterns=["ours"], cloud="aws")))
    assert service.findings == ()
    assert len(engine.render(service)) > 10


def test_another_name_brings_its_own_defaults_and_keeps_what_was_written() -> None:
    plain = ENGINE.spec("orders", patterns=["web_api"], cloud="aws")
    shop = ENGINE.override(plain, name="shop")
    assert (shop.owner, shop.description) == ("team-shop", "Web API of the service shop.")
    written = ENGINE.spec("orders", patterns=["web_api"], cloud="aws", owner="team-a", description="Sells.")
    shop = ENGINE.override(written, name="shop")
    assert (shop.owner, shop.description) == ("team-a", "Sells.")


def test_the_cache_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = _bytecode_folder()
    assert folder is not None
    assert folder.stat().st_mode & 0o777 == 0o700
    for mode in (0o720, 0o702):
        folder.chmod(mode)
        assert _bytecode_folder() is None
    folder.rmdir()
    os.symlink(tmp_path, folder)
    assert _bytecode_folder() is None
