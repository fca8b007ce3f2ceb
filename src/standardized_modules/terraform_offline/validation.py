"""What every provider refuses on its own, beyond what the core checks against the schema."""

from .messages import Complaint, Path
from .schema_types import Block
from .values import Config


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
        if attribute.get("computed")
        and not attribute.get("optional")
        and config.get(name) is not None
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
