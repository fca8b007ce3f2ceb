"""What a backup contains. It is written last: without one a backup has not been finished."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..database_admin.names import PACKAGE
from ..database_admin.session import JobError

FORMAT = 1
STAMP = "%Y%m%dT%H%M%SZ"
DUMP = "dump.pgcustom"
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Table:
    """What was in a table."""

    name: str
    rows: int
    checksum: str
    """Of all rows as text, whatever their order."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A backup."""

    created_at: str
    """When its snapshot was taken: all that was committed before is in it."""
    database: str
    server_version: str
    revision: str
    """The last migration that had run."""
    bytes: int
    sha256: str
    tables: tuple[Table, ...]
    service: str = PACKAGE
    format: int = FORMAT

    @property
    def taken(self) -> datetime:
        """`created_at` as a moment."""
        return datetime.fromisoformat(self.created_at)

    @property
    def name(self) -> str:
        """By which it is found; names sort by time."""
        return f"{PACKAGE}/{self.taken.astimezone(UTC).strftime(STAMP)}"

    def write(self, path: Path) -> None:
        """As JSON, for people and programs, with a checksum of its own."""
        fields = asdict(self)
        fields["manifest_sha256"] = _sha256(fields)
        path.write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")


def read_manifest(path: Path) -> Manifest:
    """Raises JobError when it is not one, or not as it was written."""
    try:
        fields = json.loads(path.read_bytes())
        if fields.get("format") != FORMAT:
            raise JobError(f"the manifest has format {fields.get('format')!r}, not {FORMAT}")
        if fields.pop("manifest_sha256") != _sha256(fields):
            raise JobError("the manifest is damaged: its SHA-256 is not what it was")
        tables = tuple(Table(**table) for table in fields.pop("tables"))
        return Manifest(**fields, tables=tables)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise JobError(f"the manifest cannot be read: {error}") from error


def _sha256(fields: dict[str, object]) -> str:
    """Of what they say, whatever it looks like."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def differences(expected: tuple[Table, ...], found: tuple[Table, ...]) -> list[str]:
    """What is not as it was, a line each."""
    before, after = ({table.name: table for table in tables} for tables in (expected, found))
    lines = [f"{name}: missing" for name in sorted(before.keys() - after.keys())]
    lines += [f"{name}: was not there" for name in sorted(after.keys() - before.keys())]
    for name in sorted(before.keys() & after.keys()):
        was, now = before[name], after[name]
        if was.rows != now.rows:
            lines.append(f"{name}: {was.rows} rows, and now {now.rows}")
        elif was.checksum != now.checksum:
            lines.append(f"{name}: {was.rows} rows, not the same ones")
    return lines
