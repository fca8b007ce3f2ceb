"""Messages of plugin protocol 6 that the provider sends.

Field numbers: https://github.com/hashicorp/terraform/blob/main/docs/plugin-protocol/tfplugin6.proto
"""

import json
from dataclasses import dataclass
from enum import IntEnum

from .schema_types import SECTIONS, Block, ProviderSchema, Schema
from .wire import integer, member, message, text

_NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}
_SCHEMA_FIELDS = {"resource": 2, "data": 3, "ephemeral": 8}
_METADATA_FIELDS = {"data": 3, "resource": 4, "ephemeral": 6}

# plan_destroy: the provider is asked about deletions too. get_provider_schema_optional: a cached copy will do.
_CAPABILITIES = integer(1, 1) + integer(2, 1)

Path = tuple[str | int, ...]


class Severity(IntEnum):
    """Severity of a diagnostic, as numbered by the protocol."""

    ERROR = 1
    WARNING = 2


@dataclass(frozen=True)
class Complaint:
    """What a provider objects to, and where in the configuration."""

    summary: str
    detail: str = ""
    path: Path = ()
    severity: Severity = Severity.ERROR

    def encode(self) -> bytes:
        """Diagnostic message."""
        steps = b"".join(message(1, _step(step)) for step in self.path)
        where = message(4, steps) if self.path else b""
        return integer(1, self.severity) + text(2, self.summary) + text(3, self.detail) + where


def complaints(number: int, found: list[Complaint]) -> bytes:
    """The repeated `diagnostics` field of a response."""
    return b"".join(message(number, complaint.encode()) for complaint in found)


def provider_schema(schema: ProviderSchema) -> bytes:
    """GetProviderSchema.Response."""
    out = [message(1, _schema(schema["provider"])), message(6, _CAPABILITIES)]
    for kind, section in SECTIONS.items():
        for name, one in sorted(schema[section].items()):
            out.append(message(_SCHEMA_FIELDS[kind], text(1, name) + message(2, _schema(one))))
    return b"".join(out)


def metadata(schema: ProviderSchema) -> bytes:
    """GetMetadata.Response."""
    out = [message(1, _CAPABILITIES)]
    for kind, section in SECTIONS.items():
        out += [message(_METADATA_FIELDS[kind], text(1, name)) for name in sorted(schema[section])]
    return b"".join(out)


def _schema(schema: Schema) -> bytes:
    return integer(1, schema["version"]) + message(2, _block(schema["block"]))


def _block(block: Block) -> bytes:
    out = b""
    for name, attribute in sorted(block.get("attributes", {}).items()):
        body = text(1, name) + text(2, json.dumps(attribute["type"]))
        body += integer(4, attribute.get("required", False)) + integer(5, attribute.get("optional", False))
        body += integer(6, attribute.get("computed", False)) + integer(7, attribute.get("sensitive", False))
        out += message(2, body + integer(11, attribute.get("write_only", False)))
    for name, nested in sorted(block.get("block_types", {}).items()):
        body = text(1, name) + message(2, _block(nested["block"])) + integer(3, _NESTING[nested["nesting_mode"]])
        out += message(
            3,
            body + integer(4, nested.get("min_items", 0)) + integer(5, nested.get("max_items", 0)),
        )
    return out


def _step(step: str | int) -> bytes:
    return text(1, step) if isinstance(step, str) else member(3, step)
