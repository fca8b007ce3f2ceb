"""`schema_for(provider, addresses)`: schemas from the cache, else extracted from the pinned wheel.

An address is `aws_sqs_queue`, `data.aws_region`, `ephemeral.random_password` or `provider.aws`.
One cache file holds one schema, so that asking for one more resource extracts one more resource.
"""

import functools
import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .cache import cache_root, exclusive, read_json, write_json
from .errors import SchemaUnreadableError
from .extraction import extract
from .modules import EVERYTHING, module_key, read_modules
from .overlay import STATEMENT_DONOR, STATEMENT_OWNERS, rebuild_statement, restore
from .pins import PINNED, PinnedProvider
from .schema_types import SECTIONS, Kind, ProviderSchema, Schema
from .wheels import pinned_wheel

_EXTRACTOR = ("extraction.py", "losses.py", "overlay.py", "typescript.py")
"""What decides the content of a cached schema, besides the wheel: any change to these files begins a new cache."""

_ABSENT: dict[str, object] = {}
"""Cached for an address that the wheel does not have, so that a misspelt type costs one extraction, not one a run."""


def schema_for(provider: str, addresses: Iterable[str] | None = None) -> ProviderSchema:
    """Schemas of the given addresses (None: of everything the provider has) and of the provider configuration.

    An address that the provider does not have is left out: the core then says so, and where.
    """
    pin = PINNED[provider]
    configuration = f"provider.{provider}"
    wanted = _all_addresses(pin) if addresses is None else {*addresses, configuration}
    schemas = _load(pin, wanted)
    result: ProviderSchema = {
        "provider": schemas.pop(configuration),
        "resource_schemas": {},
        "data_source_schemas": {},
        "ephemeral_resource_schemas": {},
    }
    for address, schema in sorted(schemas.items()):
        kind, name = split_address(address)
        if kind != "provider":
            result[SECTIONS[kind]][name] = schema
    return result


def split_address(address: str) -> tuple[Kind, str]:
    """`data.aws_region` is a data source named aws_region; a bare name is a resource type."""
    match address.rpartition("."):
        case ("", _, name):
            return "resource", name
        case ("data", _, name):
            return "data", name
        case ("ephemeral", _, name):
            return "ephemeral", name
        case ("provider", _, name):
            return "provider", name
    raise ValueError(f"not an address: {address!r}")


def provider_of(address: str) -> str:
    """The local name of the provider that an address belongs to by Terraform's convention."""
    return split_address(address)[1].split("_")[0]


def _folder(pin: PinnedProvider) -> Path:
    return cache_root() / "schemas" / f"{pin.package}-{pin.package_version}-{_extractor_version()}"


@functools.cache
def _extractor_version() -> str:
    sources = (Path(__file__).with_name(name).read_bytes() for name in _EXTRACTOR)
    return hashlib.sha256(b"".join(sources)).hexdigest()[:12]


def _file(pin: PinnedProvider, address: str) -> Path:
    return _folder(pin) / f"{address}.json.gz"


def _load(pin: PinnedProvider, wanted: set[str]) -> dict[str, Schema]:
    cached = {address: read_json(_file(pin, address)) for address in wanted}
    missing = {address for address, schema in cached.items() if schema is None}
    if missing:
        with exclusive(_folder(pin).with_suffix(".lock")):
            # Another process may have made some of them meanwhile.
            cached |= {address: read_json(_file(pin, address)) for address in missing}
            missing = {address for address, schema in cached.items() if schema is None}
            if missing:
                cached |= _extract(pin, missing)
    return {address: schema for address, schema in cached.items() if schema}


def _extract(pin: PinnedProvider, addresses: set[str]) -> dict[str, Any]:
    sys.stderr.write(f"terraform_offline: reading {len(addresses)} schemas of {pin.name} {pin.version}\n")
    donors = {STATEMENT_DONOR} if addresses.intersection(STATEMENT_OWNERS) else set()
    keys = {module_key(address, pin.name) for address in addresses | donors}
    with pinned_wheel(pin) as wheel:
        found = _schemas(pin, read_modules(wheel, keys))
    for owner in addresses.intersection(STATEMENT_OWNERS):
        rebuild_statement(found[owner], found[STATEMENT_DONOR])
    extracted = {address: found.get(address, _ABSENT) for address in addresses}
    for address, schema in extracted.items():
        write_json(_file(pin, address), schema)
    return extracted


def _schemas(pin: PinnedProvider, modules: dict[str, str]) -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    for text in modules.values():
        extracted = extract(text)
        if extracted is None:
            continue
        if extracted.provider_version and extracted.provider_version != pin.version:
            raise SchemaUnreadableError(
                f"{pin.wheel_name} was generated from {pin.name} {extracted.provider_version}, not {pin.version}"
            )
        kind, name = extracted.kind, extracted.type_name
        address = name if kind == "resource" else f"{kind}.{name}"
        restore(address, extracted.schema)
        found[address] = extracted.schema
    return found


def _all_addresses(pin: PinnedProvider) -> set[str]:
    """Every address of a provider. The first time it parses the whole wheel."""
    path = _folder(pin) / "index.json.gz"
    index = read_json(path)
    if index is None:
        with exclusive(path.with_suffix(".lock")):
            with pinned_wheel(pin) as wheel:
                index = sorted(_schemas(pin, read_modules(wheel, EVERYTHING)))
            write_json(path, index)
    return set(index)
