"""Puts back what the generated source does not carry, as data with a reason each.

Known and left out, because nothing that we check depends on it: descriptions, deprecations, `max_items` above one other
than below, schema versions, identity schemas and provider functions.
"""

import copy

from .schema_types import Block, NestedBlock, Schema

SENSITIVE: dict[str, tuple[str, ...]] = {
    # The generator drops `sensitive`; write-only attributes are recognised by their rendering and marked in extraction.
    # Without these an output of a secret would pass here and fail with the real provider.
    "aws_acm_certificate": ("private_key",),
    "aws_db_instance": ("password",),
    "aws_rds_cluster": ("master_password",),
    "aws_elasticache_replication_group": ("auth_token",),
    "aws_secretsmanager_secret_version": ("secret_binary", "secret_string"),
    "data.aws_secretsmanager_secret_version": ("secret_binary", "secret_string"),
    "random_password": ("bcrypt_hash", "result"),
    "azurerm_postgresql_flexible_server": ("administrator_password",),
    "azurerm_key_vault_secret": ("value",),
    "data.azurerm_key_vault_secret": ("value",),
    "kubernetes_secret": ("binary_data", "data"),
    "kubernetes_secret_v1": ("binary_data", "data"),
}

_LOGIC = ("and_statement", "or_statement", "not_statement")
_TOP_LEVEL_ONLY = (
    "managed_rule_group_statement",
    "rate_based_statement",
    "rule_group_reference_statement",
)
"""AWS WAF nests neither of them inside a logical or a scope-down statement."""

_STATEMENT_DEPTH = 3
"""Levels of and/or/not that the provider unrolls for `rule.statement` (internal/service/wafv2/web_acl.go: 3)."""

STATEMENT_OWNERS = ("aws_wafv2_web_acl", "aws_wafv2_rule_group")
STATEMENT_DONOR = "aws_wafv2_web_acl_rule"
"""The generator types `rule.statement` of the owners as `any`; the newer resource for a single rule has it in full."""


def mark_sensitive(address: str, schema: Schema) -> None:
    """Sets the `sensitive` flags that are known for this address."""
    attributes = schema["block"].get("attributes", {})
    for name in SENSITIVE.get(address, ()):
        if name in attributes:
            attributes[name]["sensitive"] = True


def rebuild_statement(owner: Schema, donor: Schema) -> None:
    """Gives `rule.statement` of a web ACL or rule group its tree back."""
    statements = donor["block"]["block_types"]["statement"]["block"]["block_types"]
    leaves = {name: block for name, block in statements.items() if name not in _LOGIC}
    inner = {name: block for name, block in leaves.items() if name not in _TOP_LEVEL_ONLY}
    top = copy.deepcopy(leaves)
    for name in _TOP_LEVEL_ONLY:
        nested = top[name]["block"].setdefault("block_types", {})
        if name != "rule_group_reference_statement":
            nested["scope_down_statement"] = _one(_statement(_STATEMENT_DEPTH - 1, inner))
    rule = owner["block"]["block_types"]["rule"]["block"]
    rule.get("attributes", {}).pop("statement", None)
    statement = _one(_statement(_STATEMENT_DEPTH - 1, inner, top))
    statement["min_items"] = 1
    rule.setdefault("block_types", {})["statement"] = statement


def _statement(depth: int, inner: dict[str, NestedBlock], kinds: dict[str, NestedBlock] | None = None) -> Block:
    blocks = dict(inner if kinds is None else kinds)
    if depth:
        for name in _LOGIC:
            operand: NestedBlock = {
                "nesting_mode": "list",
                "min_items": 1,
                "block": _statement(depth - 1, inner),
            }
            if name == "not_statement":
                operand["max_items"] = 1
            blocks[name] = _one({"block_types": {"statement": operand}})
    return {"block_types": blocks}


def _one(block: Block) -> NestedBlock:
    return {"nesting_mode": "list", "max_items": 1, "block": block}
