"""What every provider refuses on its own, beyond what the core checks against the schema."""

from dataclasses import replace

from .messages import Complaint, Path
from .schema_types import Block
from .values import Config


def addressable(complaint: Complaint, block: Block) -> Complaint:
    """Cuts the path where a set begins: its elements have no index by which the core could find their line."""
    path: Path = ()
    for step in complaint.path:
        if isinstance(step, str):
            nested = block.get("block_types", {}).get(step)
            attribute = block.get("attributes", {}).get(step)
            path = (*path, step)
            if nested is None:
                of_set = attribute is not None and attribute["type"][0] == "set"
                # Inside an attribute the core needs exact steps; a set of it is named as a whole.
                return replace(complaint, path=path if of_set else complaint.path)
            if nested["nesting_mode"] == "set":
                return replace(complaint, path=path)
            block = nested["block"]
        else:
            path = (*path, step)
    return complaint


def read_only_complaints(block: Block, config: Config, path: Path = ()) -> list[Complaint]:
    """Values for attributes that only the provider sets: the core accepts them, provider SDKs do not."""
    found = [
        Complaint(
            "Value for unconfigurable attribute",
            f'Can\'t configure a value for "{name}": its value will be decided automatically '
            "based on the result of applying this configuration.",
            (*path, name),
        )
        for name, attribute in block.get("attributes", {}).items()
        if attribute.get("computed") and not attribute.get("optional") and config.get(name) is not None
    ]
    for name, nested in block.get("block_types", {}).items():
        value = config.get(name)
        if isinstance(value, dict) and nested["nesting_mode"] == "single":
            found += read_only_complaints(nested["block"], value, (*path, name))
        for at, item in enumerate(value if isinstance(value, list) else []):
            # A set element has no index that the core could show; the block as a whole is named instead.
            step = (name, at) if nested["nesting_mode"] == "list" else (name,)
            if isinstance(item, dict):
                found += read_only_complaints(nested["block"], item, (*path, *step))
    return found
