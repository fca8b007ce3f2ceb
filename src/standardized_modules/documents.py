"""YAML text → plain data that remembers the line of every key and value.

Takes text, returns a `Document`. Refuses what a configuration file has no use for: duplicate
keys, anchors and aliases (an alias bomb expands 1 KB to gigabytes), tags, several documents.
Never reads a file.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
import yaml

from standardized_modules.errors import SmError

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
T = TypeVar("T")
Path = tuple[str | int, ...]

MAXIMUM_BYTES = 1_048_576
"""A definition file of more than 1 MiB is a mistake: ours has about 30 KB."""
MAXIMUM_DEPTH = 32
"""Deeper nesting than any of our files has (7), and far below Python's recursion limit."""


class Document:
    """Parsed YAML with positions."""

    def __init__(self, data: Any, name: str, lines: dict[Path, int]) -> None:
        self.data = data
        self.name = name
        self._lines = lines

    def where(self, path: Path) -> str:
        """ "file:line" of the value at `path`, or of the nearest parent that has a line."""
        while path and path not in self._lines:
            path = path[:-1]
        return f"{self.name}:{self._lines.get(path, 1)}"

    def at(self, path: Path) -> Any:
        """The data at `path`; None where there is nothing."""
        data = self.data
        for part in path:
            data = data.get(part) if isinstance(data, dict) else None
        return data

    def convert(self, kind: type[T], error: type[SmError], path: Path = ()) -> T:
        """The data at `path` as a `kind`.

        Raises:
            error: with file, line and the expectation that was not met.
        """
        data = self.at(path)
        try:
            return msgspec.convert(data, kind)
        except msgspec.ValidationError as problem:
            reason, inner = _split(str(problem), data)
            raise error(
                f"{_label((*path, *inner))}{reason}",
                hint="compare with the JSON Schema that the file's first line names",
                where=self.where((*path, *inner)),
            ) from None

    def entries(self, kind: type[T], error: type[SmError], path: Path) -> dict[str, T]:
        """The mapping at `path`, each value as a `kind`, converted one by one so that an error
        names its own line; an absent mapping is empty."""
        data = self.at(path)
        if data is None:
            return {}
        if not isinstance(data, dict):
            raise error(
                f"{_label(path)}expected a mapping",
                hint="write 'key: value' lines below it",
                where=self.where(path),
            )
        return {key: self.convert(kind, error, (*path, key)) for key in data}


def parse(text: str, name: str, error: type[SmError]) -> Document:
    """Parse one YAML document.

    Args:
        text: The YAML text.
        name: The file's name, for messages.
        error: The class to raise.

    Raises:
        error: with file and line when the text is not YAML, or uses what is refused.
    """
    if len(text.encode()) > MAXIMUM_BYTES:
        raise error(
            f"the file is larger than {MAXIMUM_BYTES:,} bytes",
            hint="split it, or check that it is the right file",
            where=name,
        )
    try:
        loader = _Loader(text)
        try:
            _check_events(text, name, error)
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.YAMLError as problem:
        raise _syntax_error(problem, name, error) from None
    lines: dict[Path, int] = {}
    data = {} if node is None else _build(node, (), lines, name, error)
    return Document(data, name, lines)


def _check_events(text: str, name: str, error: type[SmError]) -> None:
    """Refuse aliases, tags and deep nesting before anything is built.

    The composer recurses in C: a hundred thousand brackets would overflow its stack.
    """
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        refused = _refused(event, depth)
        if refused is not None:
            reason, hint = refused
            raise error(reason, hint=hint, where=f"{name}:{_line(event)}")


def _refused(event: yaml.Event, depth: int) -> tuple[str, str] | None:
    if depth > MAXIMUM_DEPTH:
        return f"nested deeper than {MAXIMUM_DEPTH} levels", "flatten the file"
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        return "anchors and aliases are not allowed here", "write the value out in each place"
    tag = getattr(event, "tag", None)
    if tag:
        hint = "write a plain value; quote it when it is a string that begins with '!'"
        return f"the tag {tag!r} is not allowed here", hint
    return None


def _line(event: yaml.Event | yaml.Node) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _syntax_error(problem: yaml.YAMLError, name: str, error: type[SmError]) -> SmError:
    mark = getattr(problem, "problem_mark", None) or getattr(problem, "context_mark", None)
    said = getattr(problem, "problem", None) or getattr(problem, "reason", None) or str(problem)
    return error(
        f"not valid YAML: {said}",
        hint="check indentation, quotes and colons on this line and the one above",
        where=f"{name}:{mark.line + 1}" if mark else name,
    )


def _build(node: yaml.Node, path: Path, lines: dict[Path, int], name: str, error: type[SmError]) -> Any:
    lines[path] = lines.get(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, lines, name, error)
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, (*path, index), lines, name, error) for index, item in enumerate(node.value)]
    assert isinstance(node, yaml.ScalarNode)
    return _scalar(node, name, error)


def _mapping(
    node: yaml.MappingNode, path: Path, lines: dict[Path, int], name: str, error: type[SmError]
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode) or key_node.value == "<<":
            raise error("a key must be a plain word", hint="rename the key", where=f"{name}:{line}")
        key = key_node.value
        if key in result:
            first = lines[(*path, key)]
            raise error(
                f"the key {key!r} stands here a second time, first on line {first}",
                hint="remove one of the two",
                where=f"{name}:{line}",
            )
        lines[(*path, key)] = line
        result[key] = _build(value_node, (*path, key), lines, name, error)
    return result


_CONSTRUCTOR = yaml.constructor.SafeConstructor()
_TYPED = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "bool", "null"))
"""Everything else (dates, '=') is the text that it is."""


def _scalar(node: yaml.ScalarNode, name: str, error: type[SmError]) -> Any:
    if node.tag not in _TYPED:
        return node.value
    try:
        return _CONSTRUCTOR.construct_object(node)
    except (ValueError, yaml.YAMLError):
        raise error(
            f"{node.value[:40]!r} is not a number",
            hint="quote it when it is a text",
            where=f"{name}:{_line(node)}",
        ) from None


def _split(message: str, data: Any) -> tuple[str, Path]:
    """msgspec's "Expected `int`, got `str` - at `$.a.b[0]`" as reason and path.

    Keys of ours may hold dots ("http.port"), so the path is matched against the data.
    """
    reason, _, raw = message.partition(" - at `")
    path = _match(raw.rstrip("`").removeprefix("key in ").removeprefix("$"), data, ())
    if reason.startswith("Object contains unknown field `"):
        key = reason.split("`")[1]
        return f"unknown key {key!r}", (*path, key)
    if reason.startswith("Object missing required field `"):
        return f"the key {reason.split('`')[1]!r} is missing", path
    return reason[0].lower() + reason[1:], path


def _match(rest: str, data: Any, path: Path) -> Path:
    if rest.startswith("[...]") and isinstance(data, dict):
        return _first_that_fits(rest[5:], data, path)
    if rest.startswith("[") and isinstance(data, list):
        number, _, tail = rest[1:].partition("]")
        index = int(number) if number.isdigit() else 0
        return _match(tail, data[index], (*path, index)) if index < len(data) else path
    if rest.startswith(".") and isinstance(data, dict):
        names = sorted((key for key in data if rest[1:].startswith(key)), key=len, reverse=True)
        if names:
            return _match(rest[1 + len(names[0]) :], data[names[0]], (*path, names[0]))
    return path


def _first_that_fits(rest: str, data: dict[str, Any], path: Path) -> Path:
    candidates = [_match(rest, value, (*path, key)) for key, value in data.items()]
    return max(candidates, key=len, default=path)


def _label(path: Path) -> str:
    names = ".".join(str(part) for part in path)
    return f"{names}: " if names else ""
