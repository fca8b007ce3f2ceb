"""YAML text → plain data that remembers the line of every key and value.

Takes text, returns a `Document`. Refuses what a configuration file has no use for: duplicate
keys, anchors and aliases (an alias bomb expands 1 KB to gigabytes), tags, several documents.
A plain word is a number only as people write numbers: `1:00`, `020000`, `1_0` and `yes` are texts.
Reads a file only where `read` is asked to, and never writes.
"""

from __future__ import annotations

import math
import re
import stat
from pathlib import Path as FilePath
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


MAXIMUM_DIGITS = 18
"""A longer integer fits neither JSON readers nor any of our parameters."""
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+([eE][+-]?[0-9]{1,3})?")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}


class Document:
    """Parsed YAML with positions.

    Args:
        data: What the text says.
        name: The file's name, for messages.
        lines: Line of each key and value.
        shape: Where the reader finds what the file may hold.
    """

    def __init__(
        self, data: Any, name: str, lines: dict[Path, int], shape: str = "compare with one that works"
    ) -> None:
        self.data = data
        self.name = name
        self._lines = lines
        self._shape = shape

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
                hint=self._shape,
                where=self.where((*path, *inner)),
            ) from None

    def mapping(self, error: type[SmError], path: Path) -> dict[str, Any]:
        """The mapping at `path`; an absent or empty one is empty.

        Raises:
            error: when something else stands there.
        """
        data = self.at(path)
        if data is None:
            return {}
        if not isinstance(data, dict):
            raise error(
                f"{_label(path)}expected a mapping",
                hint="write 'key: value' lines below it",
                where=self.where(path),
            )
        return data

    def entries(self, kind: type[T], error: type[SmError], path: Path, key: Any = str) -> dict[str, T]:
        """The mapping at `path`, each value as a `kind`, converted one by one so that an error
        names its own line; keys must be a `key`."""
        found = {}
        for name in self.mapping(error, path):
            try:
                msgspec.convert(name, key)
            except msgspec.ValidationError as problem:
                raise error(
                    f"{_label(path)}{name!r} can't be a key here: {str(problem)[0].lower()}{str(problem)[1:]}",
                    hint="rename it",
                    where=self.where((*path, name)),
                ) from None
            found[name] = self.convert(kind, error, (*path, name))
        return found


def read(path: FilePath, error: type[SmError]) -> str:
    """The text of a file that somebody wrote.

    Raises:
        error: when it is no regular file, larger than `MAXIMUM_BYTES`, or not UTF-8.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise error("is not a regular file", hint="name a file", where=str(path))
        with path.open("rb") as file:
            content = file.read(MAXIMUM_BYTES + 1)
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise error(
            f"can't be read: {reason}",
            hint="check the folder, the name and the permissions",
            where=str(path),
        ) from None
    except ValueError:
        raise error("can't be read: not a path", hint="name a file", where=repr(path)) from None
    _check_size(content, str(path), error)
    try:
        return content.decode()
    except UnicodeDecodeError as problem:
        raise error(f"is not UTF-8 text (byte {problem.start})", hint="save it as UTF-8", where=str(path)) from None


def _check_size(content: bytes, name: str, error: type[SmError]) -> None:
    if len(content) > MAXIMUM_BYTES:
        raise error(
            f"the file is larger than {MAXIMUM_BYTES:,} bytes",
            hint="split it, or check that it is the right file",
            where=name,
        )


def parse(text: str, name: str, error: type[SmError], shape: str = "compare with one that works") -> Document:
    """Parse one YAML document.

    Args:
        text: The YAML text.
        name: The file's name, for messages.
        error: The class to raise.
        shape: Hint of an error about the data's shape: where its schema is.

    Raises:
        error: with file and line when the text is not YAML, or uses what is refused.
    """
    _check_size(text.encode(errors="surrogatepass"), name, error)
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
    return Document(data, name, lines, shape)


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


def _scalar(node: yaml.ScalarNode, name: str, error: type[SmError]) -> Any:
    if node.style:  # quoted or a block
        return node.value
    try:
        return plain(node.value)
    except ValueError:
        raise error(
            f"{node.value[:40]!r} is too large a number",
            hint="quote it when it is a text",
            where=f"{name}:{_line(node)}",
        ) from None


def plain(text: str) -> bool | int | float | str | None:
    """An unquoted word as what it says: a decimal number, true, false, null, or else the text.

    Raises:
        ValueError: for a number that is too large to be meant.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        if len(text) > MAXIMUM_DIGITS:
            raise ValueError(text)
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if not math.isfinite(number):
            raise ValueError(text)
        return number
    return text


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
