"""Values for attributes that only the cloud knows: made up, the same on every run, of the right type and shape."""

import hashlib
import json
from typing import Any

from .schema_types import CtyType

ACCOUNT = "000000000000"
REGION = "eu-west-1"


def fake(cty: CtyType, name: str, seed: str) -> Any:
    """A value of the given type for the attribute `name` of the object that `seed` identifies."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()
    match cty:
        case "string":
            return _string(name, seed, digest)
        case "number":
            return int(digest[:3], 16)
        case "bool":
            return False
        case "dynamic":
            return [
                json.dumps("string").encode(),
                digest,
            ]  # cty writes a dynamic value as [type, value]
        case ["object", fields]:
            return {key: fake(inner, key, f"{seed}/{name}") for key, inner in fields.items()}
        case ["map", _]:
            return {}
        case [_, ["object", _] as item]:
            # One element, so that `one(...)`, `[0]` and `for` over a computed list have something to work on.
            return [fake(item, name, seed)]
        case _:
            return []


def _string(name: str, seed: str, digest: str) -> str:
    if name == "arn" or name.endswith("_arn"):
        service = [*seed.split("/")[0].split("_"), "", "service"][1]
        return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{digest[:12]}"
    if name in ("account_id", "owner_id", "registry_id"):
        return ACCOUNT
    if name == "region":
        return REGION
    return f"{name.replace('_', '-')}-{digest[:12]}"
