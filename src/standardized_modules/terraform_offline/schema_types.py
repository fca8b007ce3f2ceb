"""The shape of `terraform providers schema -json`, as far as this package reads and writes it.

A cty type is written the way Terraform writes it: "string", ["set", "string"], ["object", {"name": "string"}].
"""

from typing import Any, Literal, TypedDict

CtyType = Any
"""Recursive JSON (a name, or [constructor, argument]); no precise static type buys anything here."""

Nesting = Literal["single", "list", "set", "map"]
Kind = Literal["resource", "data", "ephemeral", "provider"]


class Attribute(TypedDict, total=False):
    """One attribute of a block."""

    type: CtyType
    required: bool
    optional: bool
    computed: bool
    sensitive: bool
    write_only: bool


class NestedBlock(TypedDict, total=False):
    """One block type inside a block."""

    nesting_mode: Nesting
    block: "Block"
    min_items: int
    max_items: int


class Block(TypedDict, total=False):
    """Attributes and nested blocks."""

    attributes: dict[str, Attribute]
    block_types: dict[str, NestedBlock]


class Schema(TypedDict):
    """One resource type, data source, ephemeral resource or provider configuration."""

    version: int
    block: Block


class ProviderSchema(TypedDict):
    """All that one provider offers (or the part of it that was asked for)."""

    provider: Schema
    resource_schemas: dict[str, Schema]
    data_source_schemas: dict[str, Schema]
    ephemeral_resource_schemas: dict[str, Schema]


SECTIONS: dict[Kind, Literal["resource_schemas", "data_source_schemas", "ephemeral_resource_schemas"]] = {
    "resource": "resource_schemas",
    "data": "data_source_schemas",
    "ephemeral": "ephemeral_resource_schemas",
}
