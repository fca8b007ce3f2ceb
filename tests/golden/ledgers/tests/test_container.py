"""Backups in Blob Storage: what is sent, with its checksums, and what comes back."""

import base64
import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from azure.core.pipeline.transport import HttpRequest
from azure.storage.blob.aio import ContainerClient

from ledgers.database_admin.session import JobError
from ledgers.database_backup.cloud import Container
from ledgers.database_backup.objects import open_objects
from ledgers.settings import Settings
from tests.cloud_transport import Answer, Credential, Transport

MOMENT = "Mon, 23 Nov 2026 02:17:00 GMT"


class Blobs:
    """A container whose blobs are written once."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.blocks: list[bytes] = []

    def answer(self, request: HttpRequest) -> Answer:
        """As the service does."""
        url = urlsplit(request.url)
        name, query = unquote(url.path).partition("/backups/")[2], parse_qs(url.query)
        if request.method == "PUT":
            return self._put(name, query.get("comp", [""])[0], request)
        if query.get("comp") == ["list"]:
            return self._listing(query["prefix"][0])
        if name not in self.blobs:
            return Answer(404, b"", {"x-ms-error-code": "BlobNotFound"})
        content = self.blobs[name]
        length = {"Content-Length": str(len(content)), "Content-Type": "application/octet-stream"}
        if content:
            length["Content-Range"] = f"bytes 0-{len(content) - 1}/{len(content)}"
        return Answer(206, content, {"ETag": '"1"', "Last-Modified": MOMENT, **length})

    def _put(self, name: str, comp: str, request: HttpRequest) -> Answer:
        body: Any = request.body
        data: bytes = body.read() if hasattr(body, "read") else body or b""
        if comp == "blocklist":
            data, self.blocks = b"".join(self.blocks), []
        elif request.headers.get("Content-MD5") != _md5(data):
            return Answer(400, b"", {"x-ms-error-code": "Md5Mismatch"})
        elif comp == "block":
            self.blocks.append(data)
            return Answer(201)
        if name in self.blobs and request.headers.get("If-None-Match") == "*":
            return Answer(409, b"", {"x-ms-error-code": "BlobAlreadyExists"})
        self.blobs[name] = data
        return Answer(201, b"", {"ETag": '"1"', "Last-Modified": MOMENT})

    def _listing(self, prefix: str) -> Answer:
        names = [name for name in self.blobs if name.startswith(prefix)]
        blobs = "".join(f"<Blob><Name>{name}</Name></Blob>" for name in names)
        text = f"<EnumerationResults><Blobs>{blobs}</Blobs><NextMarker/></EnumerationResults>"
        return Answer(200, text.encode(), {"Content-Type": "application/xml"})


def _md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def container_of(blobs: Blobs) -> Container:
    """The client's side of it."""
    credential = Credential()
    client = ContainerClient(
        "https://account.blob.core.windows.net",
        "backups",
        credential,
        transport=Transport(blobs.answer),
        retry_total=0,
        max_block_size=50,
        max_single_put_size=50,
    )
    return Container(client, "logical")


@pytest.mark.parametrize("size", [1, 50, 101])
async def test_files_go_in_blocks_and_come_back(tmp_path: Path, size: int) -> None:
    blobs = Blobs()
    container = container_of(blobs)
    content = bytes(number % 251 for number in range(size))
    (tmp_path / "sent").write_bytes(content)
    await container.put("orders/1/dump", tmp_path / "sent")
    assert blobs.blobs == {"logical/orders/1/dump": content}
    await container.get("orders/1/dump", tmp_path / "came")
    assert (tmp_path / "came").read_bytes() == content
    await container.close()


async def test_nothing_is_overwritten(tmp_path: Path) -> None:
    blobs = Blobs()
    blobs.blobs = {"logical/orders/1/dump": b"before"}
    (tmp_path / "sent").write_bytes(b"after")
    with pytest.raises(JobError, match="BlobAlreadyExists"):
        await container_of(blobs).put("orders/1/dump", tmp_path / "sent")
    assert blobs.blobs == {"logical/orders/1/dump": b"before"}


async def test_names_are_those_below_the_prefix() -> None:
    blobs = Blobs()
    blobs.blobs = {f"logical/{name}": b"" for name in ("orders/2", "orders/1", "others/1")}
    assert await container_of(blobs).names("orders/") == ["orders/1", "orders/2"]


async def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="BlobNotFound"):
        await container_of(Blobs()).get("orders/1/dump", tmp_path / "came")


async def test_settings_lead_to_it() -> None:
    target = "https://account.blob.core.windows.net/backups/logical"
    objects = open_objects(Settings(backup_target=target))
    assert isinstance(objects, Container)
    await objects.close()
