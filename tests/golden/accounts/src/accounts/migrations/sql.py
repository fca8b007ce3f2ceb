"""SQL as the rules compare it: one blank between words, no comments, strings apart."""

import re

_PART = re.compile(
    r"(?P<comment>--[^\n]*|/\*.*?\*/)"
    r"|(?P<string>E'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)"
    r'|(?P<name>"(?:[^"]|"")*")'
    r"|(?P<blank>\s+)"
    r"|(?P<word>[\w$]+|.)",
    re.DOTALL | re.IGNORECASE,
)


def plain(sql: str) -> str:
    """A statement on one line, without comments and what strings say: `''` stands for each."""
    parts = (
        " " if found["comment"] or found["blank"] else "''" if found["string"] else found[0]
        for found in _PART.finditer(sql)
    )
    return re.sub(r" +", " ", "".join(parts)).strip().removesuffix(";").rstrip()
