"""Values on the wire: MessagePack, with an extension type for "not known yet".

The mapping is that of go-cty (cty/msgpack): null is nil, list and set are arrays, object and map are maps.
"""

import json
from typing import Any

import msgpack

from . import wire

UNKNOWN = msgpack.ExtType(0, b"\0")
"""A value that is known after apply only."""

Config = dict[str, Any]


def is_unknown(value: object) -> bool:
    """Also true of unknown values that carry refinements ("not null", "starts with arn:"): extension type 12."""
    return isinstance(value, msgpack.ExtType)


def is_known(value: object) -> bool:
    """Whether there is a concrete value to look at."""
    return value is not None and not is_unknown(value)


def load(dynamic_value: bytes) -> Any:
    """Decodes a DynamicValue: MessagePack in field 1, or JSON in field 2."""
    fields = wire.parse(dynamic_value)
    if packed := wire.first(fields, 1):
        return msgpack.unpackb(packed, raw=False, strict_map_key=False)
    plain = wire.first(fields, 2)
    return json.loads(plain) if plain else None


def dump(value: Any) -> bytes:
    """Encodes a DynamicValue."""
    return wire.octets(1, msgpack.packb(value, use_bin_type=True))


def dump_json(raw: bytes) -> bytes:
    """A DynamicValue from JSON that is passed on untouched."""
    return wire.octets(2, raw)
