"""Fills what a configuration leaves to the provider, in the shape that the core insists on.

plan: unknown for what is computed. apply: a made-up value for what is still unknown. Write-only values become null.
"""

from collections.abc import Callable
from typing import Any

from .fakes import fake
from .schema_types import Attribute, Block, NestedBlock
from .values import UNKNOWN, Config, is_unknown

Filler = Callable[[str, Attribute], Any]


def planned(block: Block, proposed: Config, prior: Config | None, known: Callable[[str], Any]) -> Config:
    """The planned state: what was computed before stays, what is computed now is unknown unless `known` has it."""

    def unknown(name: str, _attribute: Attribute) -> Any:
        value = known(name)
        return UNKNOWN if value is None else value

    return _fill(block, proposed, prior, unknown, unknown_too=False)


def applied(block: Block, planned_state: Config, answers: Config, seed: str) -> Config:
    """The new state: every unknown replaced by its answer or a made-up value, the same way for the same seed."""

    def answer(name: str, attribute: Attribute) -> Any:
        return answers[name] if name in answers else fake(attribute["type"], name, seed)

    return _fill(block, planned_state, None, answer, True)


def answered(block: Block, config: Config, answers: Config, seed: str) -> Config:
    """What a data source returns: its configuration, the answers given for it, and made-up values for the rest."""

    def answer(name: str, attribute: Attribute) -> Any:
        return answers[name] if name in answers else fake(attribute["type"], name, seed)

    return _fill(block, {**config, **answers}, None, answer, True)


def _fill(block: Block, config: Config, prior: Config | None, filler: Filler, unknown_too: bool) -> Config:
    out = dict(config)
    for name, attribute in block.get("attributes", {}).items():
        value = out.get(name)
        if attribute.get("write_only"):
            out[name] = None
        elif value is None and attribute.get("computed"):
            before = prior.get(name) if prior else None
            out[name] = filler(name, attribute) if before is None else before
        elif unknown_too and is_unknown(value):
            out[name] = filler(name, attribute)
    for name, nested in block.get("block_types", {}).items():
        value = out.get(name)
        if value is not None and not is_unknown(value):
            out[name] = _fill_nested(nested, value, (prior or {}).get(name), filler, unknown_too)
    return out


def _fill_nested(nested: NestedBlock, value: Any, prior: Any, filler: Filler, unknown_too: bool) -> Any:
    block = nested["block"]
    if isinstance(value, list):
        # Elements of a set have no position, hence no "same element before".
        before = prior if isinstance(prior, list) and nested["nesting_mode"] == "list" else []
        before = [*before, *[None] * len(value)]
        return [_fill(block, item, before[at], filler, unknown_too) for at, item in enumerate(value)]
    if nested["nesting_mode"] == "map":
        earlier = prior if isinstance(prior, dict) else {}
        return {key: _fill(block, item, earlier.get(key), filler, unknown_too) for key, item in value.items()}
    return _fill(block, value, prior if isinstance(prior, dict) else None, filler, unknown_too)
