"""Puts back what the generated source does not carry: flags and limits from `losses`, and the WAF statement.

Left out for good, because nothing that we check depends on it: descriptions, deprecations, schema versions, identity
schemas, provider functions and attributes that force a replacement.
"""

import copy

from .losses import MAX_ITEMS, SENSITIVE
from .schema_types import Block, NestedBlock, Schema

_LOGIC = ("and_statement", "or_statement", "not_statement")
_NOT_NESTED = ("managed_rule_group_statement", "rate_based_statement", "rule_group_reference_statement")
"""AWS WAF takes none of them inside a logical or a scope-down statement."""

_LEVELS = 3
"""Levels of and/or/not that the provider unrolls below a rule (`webACLRootStatementSchemaLevel`); one less below
`scope_down_statement`: https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/wafv2/schemas.go"""

STATEMENT_OWNERS = ("aws_wafv2_web_acl", "aws_wafv2_rule_group")
STATEMENT_DONOR = "aws_wafv2_web_acl_rule"
"""The generator types `rule.statement` of the owners as `any`; the newer resource for a single rule has it in full."""


def restore(address: str, schema: Schema) -> None:
    """Sets what `losses` knows of this address. A path that the provider no longer has is passed over."""
    for path in SENSITIVE.get(address, ()):
        *blocks, name = path.split(".")
        attribute = _descend(schema["block"], blocks).get("attributes", {}).get(name)
        if attribute is not None:
            attribute["sensitive"] = True
    for path, limit in MAX_ITEMS.get(address, {}).items():
        *blocks, name = path.split(".")
        nested = _descend(schema["block"], blocks).get("block_types", {}).get(name)
        if nested is not None:
            nested["max_items"] = limit


def _descend(block: Block, names: list[str]) -> Block:
    for name in names:
        nested = block.get("block_types", {}).get(name)
        block = nested["block"] if nested else {}
    return block


def rebuild_statement(owner: Schema, donor: Schema) -> None:
    """Gives `rule.statement` of a web ACL or rule group its tree back."""
    statements = donor["block"]["block_types"]["statement"]["block"]["block_types"]
    leaves = {name: _one(_as_owned(nested["block"])) for name, nested in statements.items() if name not in _LOGIC}
    inner = {name: nested for name, nested in leaves.items() if name not in _NOT_NESTED}
    top = copy.deepcopy(leaves)
    _relax_rate(top["rate_based_statement"]["block"])
    for name in ("managed_rule_group_statement", "rate_based_statement"):
        nested = top[name]["block"].setdefault("block_types", {})
        nested["scope_down_statement"] = _one(_statement(inner, _LEVELS - 1, inner))
    rule = owner["block"]["block_types"]["rule"]["block"]
    rule.get("attributes", {}).pop("statement", None)
    statement = _one(_statement(top, _LEVELS, inner))
    statement["min_items"] = 1
    rule.setdefault("block_types", {})["statement"] = statement


def _statement(kinds: dict[str, NestedBlock], levels: int, inner: dict[str, NestedBlock]) -> Block:
    blocks = dict(kinds)
    if levels:
        operand: NestedBlock = {"nesting_mode": "list", "min_items": 1, "block": _statement(inner, levels - 1, inner)}
        blocks |= {name: _one({"block_types": {"statement": operand}}) for name in _LOGIC}
    return {"block_types": blocks}


def _as_owned(block: Block) -> Block:
    """The donor limits blocks by validators, the owners by their schemas."""
    copied = copy.deepcopy(block)
    for name, nested in copied.get("block_types", {}).items():
        if name == "text_transformation":
            nested["nesting_mode"], nested["min_items"] = "set", 1
        elif name == "rule_action_override":
            nested["max_items"] = 100
            action = nested["block"]["block_types"]["action_to_use"]
            action["min_items"] = action["max_items"] = 1
        elif name != "managed_rule_group_configs":
            nested["max_items"] = 1
    return copied


def _relax_rate(block: Block) -> None:
    """The owners have defaults (aggregate by IP, over 300 s) and another name for the custom keys."""
    block["attributes"]["aggregate_key_type"] = {"type": "string", "optional": True}
    block["attributes"]["evaluation_window_sec"] = {"type": "number", "optional": True}
    keys = block["block_types"].pop("custom_keys")
    block["block_types"]["custom_key"] = {**keys, "max_items": 5}


def _one(block: Block) -> NestedBlock:
    return {"nesting_mode": "list", "max_items": 1, "block": block}
