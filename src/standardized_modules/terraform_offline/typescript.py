"""Reads the TypeScript that the CDK generators write, as text: classes, attributes, and how each is rendered to HCL.

Takes source text, gives `Source`. Knows the generator's layout, knows nothing of Terraform schemas.
"""

import re
from dataclasses import dataclass

from .errors import SchemaUnreadableError

_ATTRIBUTE = re.compile(
    r"^  // (?P<name>\w+) - computed: (?P<computed>true|false), optional: (?P<optional>true|false), "
    r"required: (?P<required>true|false)\n",
    re.MULTILINE,
)
_MAPPER = re.compile(r"^export function (\w+)ToHclTerraform\([^\n]*\): any \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_CLASS = re.compile(r"^export class (\w+) extends (?:cdktn|cdktf)\.(\w+) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_ENTRY = re.compile(
    r'^\s+"?(?P<name>\w+)"?: \{\n\s+value: (?P<value>.*?),\n\s+isBlock: (?P<block>true|false),\n'
    r'\s+type: "(?P<kind>\w+)",\n\s+storageClassType: "(?P<storage>\w+)",\n\s+\},',
    re.MULTILINE | re.DOTALL,
)
_CONSTRUCTS = {
    "TerraformResource": "resource",
    "TerraformDataSource": "data",
    "TerraformEphemeralResource": "ephemeral",
    "TerraformProvider": "provider",
}


@dataclass(frozen=True)
class Accessor:
    """The comment and the getter of one attribute or block inside a class."""

    computed: bool
    optional: bool
    required: bool
    body: str


@dataclass(frozen=True)
class Entry:
    """How one attribute or block is written to HCL; read-only attributes have none."""

    value: str
    kind: str
    storage: str


@dataclass(frozen=True)
class Construct:
    """The one class of a module that stands for a resource, a data source or the provider."""

    kind: str
    type_name: str
    provider_version: str
    accessors: dict[str, Accessor]
    entries: dict[str, Entry]


class Source:
    """All TypeScript of one module directory."""

    def __init__(self, text: str) -> None:
        self._classes = {name: (base, body) for name, base, body in _CLASS.findall(text)}
        self._mappers = {name: _entries(body) for name, body in _MAPPER.findall(text)}
        self._folded = {name.lower(): name for name in self._classes}

    def construct(self) -> Construct | None:
        """The resource, data source or provider in this module (a module of provider functions has none)."""
        for base, body in self._classes.values():
            type_name = re.search(r'static readonly tfResourceType = "(\w+)"', body)
            if base in _CONSTRUCTS and type_name:
                version = re.search(r"providerVersion: '([^']+)'", body)
                rendering = body.partition("synthesizeHclAttributes()")[2]
                return Construct(
                    _CONSTRUCTS[base],
                    type_name[1],
                    version[1] if version else "",
                    _accessors(body.partition("// SYNTHESIS")[0]),
                    _entries(rendering),
                )
        return None

    def struct(self, mapper: str) -> str | None:
        """Name of the struct that a mapper function renders, if it has a class of its own."""
        name = self._folded.get(f"{mapper}OutputReference".lower())
        return name.removesuffix("OutputReference") if name else None

    def accessors(self, struct: str) -> dict[str, Accessor]:
        """Attributes and blocks of a struct, in the generator's order."""
        return _accessors(self._classes[f"{struct}OutputReference"][1])

    def entries(self, mapper: str) -> dict[str, Entry] | None:
        """What a struct's mapper renders; None when there is no such mapper."""
        return self._mappers.get(mapper[0].lower() + mapper[1:])

    def has_struct(self, struct: str) -> bool:
        """Whether a struct of this exact name has a class."""
        return f"{struct}OutputReference" in self._classes


def _accessors(body: str) -> dict[str, Accessor]:
    marks = list(_ATTRIBUTE.finditer(body))
    ends = [*(mark.start() for mark in marks[1:]), len(body)][: len(marks)]
    return {
        mark["name"]: Accessor(
            mark["computed"] == "true",
            mark["optional"] == "true",
            mark["required"] == "true",
            body[mark.end() : end],
        )
        for mark, end in zip(marks, ends, strict=True)
    }


def _entries(body: str) -> dict[str, Entry]:
    found = {mark["name"]: Entry(mark["value"], mark["kind"], mark["storage"]) for mark in _ENTRY.finditer(body)}
    # One entry that the pattern does not match would vanish silently and take an attribute with it.
    if body.count("storageClassType:") != len(found):
        raise SchemaUnreadableError(
            f"{body.count('storageClassType:')} entries in the generated source, {len(found)} understood"
        )
    return found
