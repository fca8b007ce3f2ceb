"""Leaves out of a schema the nested blocks that a configuration never names.

`aws_wafv2_web_acl` alone is half a megabyte of statements within statements, and the core decodes
the schema and checks every value against it at each step: for one firewall, six of seven seconds.
A block whose name is nowhere in the configuration can neither be written nor referred to, so
leaving it out changes no answer: a misspelt block is as unknown as before.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from .schema_types import Block, NestedBlock, ProviderSchema, Schema
from .workspace import with_modules

_WORD = re.compile(r"[a-z][a-z0-9_]*")


def words_in(directories: Iterable[Path]) -> frozenset[str]:
    """Every word that these configurations, their local modules and their tests are written with."""
    words: set[str] = set()
    for directory in directories:
        for folder in with_modules(directory):
            for file in (path for suffix in ("*.tf", "*.tf.json", "*.hcl") for path in folder.rglob(suffix)):
                words.update(_WORD.findall(file.read_text(encoding="utf-8")))
    return frozenset(words)


def pruned(schema: ProviderSchema, words: frozenset[str]) -> ProviderSchema:
    """The schema without the nested blocks that none of these words names."""

    def section(schemas: dict[str, Schema]) -> dict[str, Schema]:
        return {name: {**each, "block": _block(each["block"], words)} for name, each in schemas.items()}

    return {
        **schema,
        "resource_schemas": section(schema["resource_schemas"]),
        "data_source_schemas": section(schema["data_source_schemas"]),
        "ephemeral_resource_schemas": section(schema["ephemeral_resource_schemas"]),
    }


def _block(block: Block, words: frozenset[str]) -> Block:
    nested: dict[str, NestedBlock] = {
        name: {**each, "block": _block(each["block"], words)}
        for name, each in block.get("block_types", {}).items()
        if name in words or each.get("min_items")
    }
    return {**block, "block_types": nested}
