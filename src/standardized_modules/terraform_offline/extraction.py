"""Terraform schemas out of generated TypeScript.

Takes the source text of one module, gives its schema in the shape of `terraform providers schema -json`.
Never reads files. What the generator drops is put back by `overlay`.
"""

import re
from dataclasses import dataclass, field

from .errors import SchemaUnreadableError
from .schema_types import Attribute, Block, CtyType, NestedBlock, Nesting, Schema
from .typescript import Accessor, Entry, Source

_PRIMITIVES = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
_GETTERS: tuple[tuple[str, CtyType], ...] = (
    ("getStringAttribute(", "string"),
    ("getNumberAttribute(", "number"),
    ("getBooleanAttribute(", "bool"),
    ("getStringMapAttribute(", ["map", "string"]),
    ("getNumberMapAttribute(", ["map", "number"]),
    ("getBooleanMapAttribute(", ["map", "bool"]),
)
_MAPPER_CALL = re.compile(r"(?:(list|hash)MapperHcl\()?(\w+)ToHclTerraform(?:, (true|false))?\)?\(")


@dataclass
class Extracted:
    """One schema, and the places where the generated source says less than the provider does."""

    kind: str
    type_name: str
    provider_version: str
    schema: Schema
    losses: list[str] = field(default_factory=list)


def extract(text: str) -> Extracted | None:
    """Schema of the resource, data source or provider configuration in one module's source."""
    source = Source(text)
    construct = source.construct()
    if construct is None:
        return None
    reader = _Reader(source, [])
    accessors = dict(construct.accessors)
    if construct.kind == "provider":
        accessors.pop("alias", None)  # a meta argument of the core, not of the provider
    block = reader.block(accessors, construct.entries, construct.type_name, ())
    schema: Schema = {"version": 0, "block": block}
    return Extracted(construct.kind, construct.type_name, construct.provider_version, schema, reader.losses)


@dataclass
class _Reader:
    source: Source
    losses: list[str]

    def block(
        self,
        accessors: dict[str, Accessor],
        entries: dict[str, Entry],
        where: str,
        parents: tuple[str, ...],
    ) -> Block:
        attributes: dict[str, Attribute] = {}
        blocks: dict[str, NestedBlock] = {}
        for name, accessor in accessors.items():
            place = f"{where}.{name}"
            entry = entries.get(name)
            if entry is None:
                attributes[name] = _attribute(self._read_only_type(name, accessor, place, ()), accessor)
            elif (scalar := _storage_type(entry)) is not None:
                attributes[name] = _attribute(scalar, accessor, write_only="markWriteOnlyAttribute(" in entry.value)
                if scalar == "dynamic":
                    self.losses.append(f"{place}: type not given")
            else:
                self._struct(name, accessor, entry, place, parents, attributes, blocks)
        block: Block = {}
        if attributes:
            block["attributes"] = attributes
        if blocks:
            block["block_types"] = blocks
        return block

    def _struct(
        self,
        name: str,
        accessor: Accessor,
        entry: Entry,
        place: str,
        parents: tuple[str, ...],
        attributes: dict[str, Attribute],
        blocks: dict[str, NestedBlock],
    ) -> None:
        call = _MAPPER_CALL.search(entry.value)
        if call is None:
            raise SchemaUnreadableError(f"{place}: no mapper in {entry.value!r}")
        mapper = call[2]
        struct = self.source.struct(mapper)
        if call[3] == "false" and struct is not None:
            # The provider declares "attributes as blocks": a list of objects, written with or without `=`.
            object_type = self._object_type(struct, ())
            collection = [entry.kind, object_type] if entry.kind in ("list", "set", "map") else object_type
            attributes[name] = _attribute(collection, accessor)
        elif struct in parents:
            # The generator folds recursion (a WAF statement inside a statement) into one class; the level ends here.
            self.losses.append(f"{place}: recursive, cut")
        else:
            block = self._nested(mapper, struct, parents)
            blocks[name] = _nested_block(block, entry, accessor, repeated=call[1] is not None)

    def _nested(self, mapper: str, struct: str | None, parents: tuple[str, ...]) -> Block:
        entries = self.source.entries(mapper) or {}
        if struct is None:
            # Blocks of a provider configuration have no class, hence no flags: all of them are optional.
            accessors = {name: Accessor(False, True, False, "") for name in entries}
            return self.block(accessors, entries, mapper, parents)
        return self.block(self.source.accessors(struct), entries, struct, (*parents, struct))

    def _object_type(self, struct: str, parents: tuple[str, ...]) -> CtyType:
        if struct in parents:
            self.losses.append(f"{struct}: recursive, cut")
            return "dynamic"
        entries = self.source.entries(struct) or {}
        fields: dict[str, CtyType] = {}
        for name, accessor in self.source.accessors(struct).items():
            entry = entries.get(name)
            scalar = _storage_type(entry) if entry else None
            fields[name] = scalar or self._read_only_type(name, accessor, f"{struct}.{name}", (*parents, struct))
        return ["object", fields]

    def _read_only_type(self, name: str, accessor: Accessor, place: str, parents: tuple[str, ...]) -> CtyType:
        """Type of an attribute that is never rendered: only its getter tells."""
        body = accessor.body
        struct = re.search(
            rf"= new (\w+?)(MapList|List|Map|OutputReference)\(this, [\"']{re.escape(name)}[\"'](?:, (true|false))?",
            body,
        )
        if struct and self.source.has_struct(struct[1]):
            object_type = self._object_type(struct[1], parents)
            if struct[2] == "OutputReference":
                return object_type
            if struct[2] == "MapList":
                return ["list", ["map", object_type]]
            return [
                "map" if struct[2] == "Map" else "set" if struct[3] == "true" else "list",
                object_type,
            ]
        maps = re.search(r"= new cdkt[nf]\.(String|Number|Boolean|Any)Map(List)?\(", body)
        if maps:
            map_type: CtyType = ["map", _PRIMITIVES[maps[1].lower()]]
            return ["list", map_type] if maps[2] else map_type
        for getter, cty in _GETTERS:
            if getter in body:
                return cty
        lists = re.search(r"(tolist\()?this\.get(Number)?ListAttribute\(", body)
        if lists:
            return ["set" if lists[1] else "list", "number" if lists[2] else "string"]
        self.losses.append(f"{place}: type not given")
        return "dynamic"


def _storage_type(entry: Entry) -> CtyType | None:
    """`stringList` of kind set is ["set", "string"]; None for a struct."""
    parts = re.fullmatch(r"(string|number|boolean|any)((?:List|Map)*)", entry.storage)
    if parts is None:
        return None
    cty: CtyType = _PRIMITIVES[parts[1]]
    wrappers = re.findall("List|Map", parts[2])
    for position, wrapper in enumerate(wrappers, start=1):
        outermost = position == len(wrappers)
        cty = [
            "map" if wrapper == "Map" else "set" if outermost and entry.kind == "set" else "list",
            cty,
        ]
    return cty


def _attribute(cty: CtyType, accessor: Accessor, *, write_only: bool = False) -> Attribute:
    attribute: Attribute = {"type": cty}
    if accessor.required:
        attribute["required"] = True
    if accessor.optional:
        attribute["optional"] = True
    if accessor.computed:
        attribute["computed"] = True
    if write_only:
        attribute["write_only"] = True
    return attribute


def _nested_block(block: Block, entry: Entry, accessor: Accessor, *, repeated: bool) -> NestedBlock:
    nesting: Nesting
    match entry.kind:
        case "struct":
            nesting = "single"
        case "list" | "set" | "map" as known:
            nesting = known
        case other:
            raise SchemaUnreadableError(f"unknown nesting {other!r}")
    nested: NestedBlock = {"nesting_mode": nesting, "block": block}
    if nesting in ("list", "set"):
        if not repeated:
            nested["max_items"] = 1
        if accessor.required:
            nested["min_items"] = 1
    return nested
