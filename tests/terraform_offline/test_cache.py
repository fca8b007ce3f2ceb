"""The wheel and schema caches: damage, several processes, and no connection."""

import gzip
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from standardized_modules.terraform_offline import WheelUnavailableError, cache, schema_for, schemas, wheels
from standardized_modules.terraform_offline.pins import PINNED

PIN = PINNED["random"]  # the small one: 147 kB
ADDRESSES = ["random_password", "ephemeral.random_password"]


@pytest.fixture
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty schema cache with the verified wheel in it."""
    return _with_wheel(monkeypatch, tmp_path)


def _with_wheel(monkeypatch: pytest.MonkeyPatch, home: Path) -> Path:
    with wheels.pinned_wheel(PIN) as wheel:
        monkeypatch.setenv("XDG_CACHE_HOME", str(home))
        root = cache.cache_root()
        assert root.is_relative_to(home)
        (root / "wheels").mkdir(parents=True)
        shutil.copyfile(wheel, root / "wheels" / PIN.wheel_name)
    return root


@pytest.mark.parametrize(
    "damage", [b"", b"\x1f\x8b garbage", gzip.compress(b"{")], ids=["empty", "not gzip", "not JSON"]
)
def test_damaged_schema_is_extracted_anew(own_cache: Path, damage: bytes) -> None:
    before = schema_for("random", ADDRESSES)
    for file in own_cache.glob("schemas/*/*.json.gz"):
        file.write_bytes(damage)
    assert schema_for("random", ADDRESSES) == before


def test_second_call_neither_reads_the_wheel_nor_speaks(own_cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = schema_for("random", ADDRESSES)
    assert "reading" in capsys.readouterr().err
    (own_cache / "wheels" / PIN.wheel_name).unlink()
    assert schema_for("random", ADDRESSES) == first
    assert capsys.readouterr().err == ""


def test_extraction_is_deterministic(own_cache: Path) -> None:
    schema_for("random", ADDRESSES)
    files = {file: file.read_bytes() for file in own_cache.glob("schemas/*/*.json.gz")}
    shutil.rmtree(own_cache / "schemas")
    schema_for("random", ADDRESSES)
    assert files == {file: file.read_bytes() for file in own_cache.glob("schemas/*/*.json.gz")}
    assert len(files) == len(ADDRESSES) + 1  # and the provider's own configuration


def test_several_processes_share_one_extraction(own_cache: Path) -> None:
    code = (
        "from standardized_modules.terraform_offline.schemas import schema_for\n"
        f"print(sorted(schema_for('random', {ADDRESSES!r})['resource_schemas']))"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    results = [process.communicate(timeout=60) for process in running]
    assert [out.strip() for out, _ in results] == ["['random_password']"] * 4, results
    assert sum("reading" in err for _, err in results) == 1
    assert not list(own_cache.rglob(".new-*"))


def test_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "value.json.gz"
    cache.write_json(target, {"a": 1})

    def write_half() -> None:
        with cache.replacing(target) as temporary:
            temporary.write_bytes(b"half")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        write_half()
    assert cache.read_json(target) == {"a": 1}
    assert list(tmp_path.iterdir()) == [target]


def test_misspelt_type_is_left_out_and_remembered(own_cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert schema_for("random", ["random_passwort"])["resource_schemas"] == {}
    capsys.readouterr()
    assert schema_for("random", ["random_passwort"])["resource_schemas"] == {}
    assert capsys.readouterr().err == ""


def test_everything_of_a_provider() -> None:
    found = schema_for("random")
    assert {"random_id", "random_password", "random_uuid"} < found["resource_schemas"].keys()
    assert found["ephemeral_resource_schemas"].keys() == {"random_bytes", "random_password"}


def test_without_connection_the_error_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(WheelUnavailableError, match="cannot download cdktn-provider-random==") as failure:
        schema_for("random", ADDRESSES)
    assert "wheels" in failure.value.hint
    assert not list(tmp_path.rglob("*.whl"))


def test_another_file_under_the_pinned_name_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    links = tmp_path / "links"
    links.mkdir()
    (links / PIN.wheel_name).write_bytes(b"not the wheel")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    with pytest.raises(WheelUnavailableError):
        schema_for("random", ADDRESSES)
    assert not list((tmp_path / "cache").rglob("*.whl"))


def _from_links(monkeypatch: pytest.MonkeyPatch, links: Path) -> bytes:
    """Lets pip find the wheel in a folder and nowhere else; gives its content."""
    with wheels.pinned_wheel(PIN) as wheel:
        links.mkdir()
        shutil.copyfile(wheel, links / PIN.wheel_name)
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return (links / PIN.wheel_name).read_bytes()


def test_damaged_cached_wheel_is_fetched_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    good = _from_links(monkeypatch, tmp_path / "links")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    damaged = cache.cache_root() / "wheels" / PIN.wheel_name
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(good[:1000])
    with wheels.pinned_wheel(PIN) as path:
        assert path == damaged
        assert path.read_bytes() == good


def test_a_cache_that_can_not_be_written_costs_time_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = schema_for("random", ADDRESSES)
    good = _from_links(monkeypatch, tmp_path / "links")
    (tmp_path / "file").touch()  # no folder can be made below a file, not even by root
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    assert schema_for("random", ADDRESSES) == before
    with wheels.pinned_wheel(PIN) as path:
        assert path.read_bytes() == good
    assert not path.exists(), "what can't be kept is removed after use"


def test_schemas_that_can_not_be_kept_are_used_all_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = schema_for("random", ADDRESSES)
    root = _with_wheel(monkeypatch, tmp_path)
    (root / "schemas").touch()

    assert schema_for("random", ADDRESSES) == before


@pytest.mark.parametrize(
    ("address", "kind", "provider"),
    [
        ("aws_sqs_queue", "resource", "aws"),
        ("data.aws_region", "data", "aws"),
        ("ephemeral.random_password", "ephemeral", "random"),
        ("provider.azurerm", "provider", "azurerm"),
    ],
)
def test_addresses(address: str, kind: str, provider: str) -> None:
    assert schemas.split_address(address)[0] == kind
    assert schemas.provider_of(address) == provider


def test_odd_address_is_refused() -> None:
    with pytest.raises(ValueError, match="not an address"):
        schemas.split_address("module.queue")
