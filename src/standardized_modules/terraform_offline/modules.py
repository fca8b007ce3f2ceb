"""Reads the modules inside a provider wheel: one folder of generated source for each resource or data source."""

import base64
import io
import json
import re
import tarfile
import zipfile
from collections import defaultdict
from collections.abc import Container
from pathlib import Path

from .errors import SchemaUnreadableError

_SOURCE_MAP = re.compile(r"^//# sourceMappingURL=data:application/json;base64,(\S+)", re.MULTILINE)


class _Everything:
    def __contains__(self, item: object) -> bool:
        return True


EVERYTHING: Container[str] = _Everything()


def module_key(address: str, provider: str) -> str:
    """Where the generator puts an address: `aws_sqs_queue` in sqs-queue, `data.aws_region` in data-aws-region.

    Hyphens are dropped, because the generator sets them by its own idea of words (`wafv2-web-acl`, `db-instance`).
    """
    kind, _, name = address.rpartition(".")
    if kind == "provider":
        return "provider"
    return _folded(f"{kind}{name}" if kind else name.removeprefix(f"{provider}_"))


def read_modules(wheel: Path, wanted: Container[str] = EVERYTHING) -> dict[str, str]:
    """TypeScript of the wanted modules, by module key. One pass over the archive, about a second for 70 MB."""
    parts: dict[str, list[tuple[str, str]]] = defaultdict(list)
    with zipfile.ZipFile(wheel) as archive:
        inner = next(
            (name for name in archive.namelist() if "/_jsii/" in name and name.endswith(".tgz")),
            None,
        )
        if inner is None:
            raise SchemaUnreadableError(f"no generated module in {wheel.name}")
        with tarfile.open(fileobj=io.BytesIO(archive.read(inner)), mode="r|gz") as tar:
            for member in tar:
                folders = member.name.split("/")
                if folders[1] != "lib" or len(folders) < 4 or not member.name.endswith(".js"):
                    continue
                key = _folded(folders[2])
                handle = tar.extractfile(member) if key in wanted else None
                if handle is not None:
                    parts[key].append((member.name, _typescript(handle.read().decode())))
    return {key: "\n".join(text for _, text in sorted(texts)) for key, texts in parts.items()}


def _typescript(javascript: str) -> str:
    """The source map of each file carries the TypeScript it was compiled from."""
    embedded = _SOURCE_MAP.search(javascript)
    if embedded is None:
        return javascript
    return str(json.loads(base64.b64decode(embedded[1]))["sourcesContent"][0])


def _folded(name: str) -> str:
    return name.replace("-", "").replace("_", "")
