"""Backups in S3: what is sent, with its checksums, and what comes back."""

import base64
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from aiohttp import web

from accounts.database_admin.session import JobError
from accounts.database_backup import cloud
from accounts.database_backup.objects import open_objects
from accounts.settings import Settings
from tests.cloud_server import serving


class S3:
    """One bucket with an object lock: it takes nothing without a checksum."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.parts: dict[int, bytes] = {}
        self.aborted = False
        self.damages = False

    async def answer(self, request: web.Request) -> web.Response:
        """As the service does."""
        key, query = request.path.removeprefix("/bucket").lstrip("/"), request.query
        content = await request.read()
        match request.method:
            case "POST" if "uploads" in query:
                return self._xml("InitiateMultipartUploadResult", "<UploadId>u</UploadId>")
            case "PUT":
                return self._part(int(query["partNumber"]), content, request)
            case "POST":
                self.objects[key] = b"".join(self.parts[number] for number in sorted(self.parts))
                self.parts = {}
                return self._xml("CompleteMultipartUploadResult", "<ETag>e</ETag>")
            case "DELETE":
                self.aborted = True
                return web.Response(status=204)
            case _ if "list-type" in query:
                return self._listing(query["prefix"])
            case _:
                return self._object(key)

    def _part(self, number: int, content: bytes, request: web.Request) -> web.Response:
        checksum = base64.b64encode(hashlib.sha256(content).digest()).decode()
        if self.damages or request.headers.get("x-amz-checksum-sha256") != checksum:
            return self._xml("Error", "<Code>BadDigest</Code><Message>no</Message>", 400)
        self.parts[number] = content
        headers = {"ETag": '"e"', "x-amz-checksum-sha256": checksum}
        return web.Response(headers=headers)

    def _object(self, key: str) -> web.Response:
        if key in self.objects:
            return web.Response(body=self.objects[key])
        return self._xml("Error", "<Code>NoSuchKey</Code><Message>no key</Message>", 404)

    def _listing(self, prefix: str) -> web.Response:
        names = [name for name in self.objects if name.startswith(prefix)]
        keys = "".join(f"<Contents><Key>{escape(name)}</Key></Contents>" for name in names)
        return self._xml("ListBucketResult", f"<IsTruncated>false</IsTruncated>{keys}")

    @staticmethod
    def _xml(name: str, content: str, status: int = 200) -> web.Response:
        text = "<" + name + ">" + content + "</" + name + ">"
        return web.Response(text=text, status=status, content_type="application/xml")


@pytest.fixture
async def bucket(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[S3]:
    """See S3."""
    made = S3()
    async with serving(made.answer, monkeypatch):
        yield made


@pytest.fixture
async def objects(bucket: S3) -> AsyncIterator[cloud.Bucket]:  # noqa: ARG001 it has to be there
    """The client's side of it."""
    made = cloud.open_cloud_objects("s3://bucket/logical")
    assert made is not None
    yield made
    await made.close()


@pytest.mark.parametrize("size", [0, 1, 100, 101])
async def test_files_go_in_parts_and_come_back(
    bucket: S3,
    objects: cloud.Bucket,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
) -> None:
    monkeypatch.setattr(cloud, "PART", 50)
    content = bytes(number % 251 for number in range(size))
    (tmp_path / "sent").write_bytes(content)
    await objects.put("orders/1/dump", tmp_path / "sent")
    assert bucket.objects == {"logical/orders/1/dump": content}
    await objects.get("orders/1/dump", tmp_path / "came")
    assert (tmp_path / "came").read_bytes() == content


async def test_names_are_those_below_the_prefix(bucket: S3, objects: cloud.Bucket) -> None:
    bucket.objects = {f"logical/{name}": b"" for name in ("orders/2", "orders/1", "others/1")}
    assert await objects.names("orders/") == ["orders/1", "orders/2"]


async def test_what_arrives_damaged_is_given_up(
    bucket: S3, objects: cloud.Bucket, tmp_path: Path
) -> None:
    bucket.damages = True
    (tmp_path / "sent").write_bytes(b"x")
    with pytest.raises(JobError, match="BadDigest"):
        await objects.put("orders/1/dump", tmp_path / "sent")
    assert bucket.aborted
    assert bucket.objects == {}


async def test_what_is_not_there(objects: cloud.Bucket, tmp_path: Path) -> None:
    with pytest.raises(JobError, match="NoSuchKey"):
        await objects.get("orders/1/dump", tmp_path / "came")


def test_settings_lead_to_it() -> None:
    assert isinstance(open_objects(Settings(backup_target="s3://bucket/x")), cloud.Bucket)
