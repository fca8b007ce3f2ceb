"""AWS: backups in a bucket of S3, whose object lock wants a checksum with everything that comes."""

import asyncio
import os
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError

from ..database_admin.session import JobError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_s3.type_defs import CompletedPartTypeDef

PART = 64 << 20
"""Bytes. An upload has 10,000 parts at most, which is 625 GiB; one part at a time is in memory."""

# A part may take a while; what failed is sent again.
_CONFIG = AioConfig(
    connect_timeout=5, read_timeout=60, retries={"mode": "standard", "max_attempts": 8}
)


class Bucket:
    """Objects below a prefix. See Objects."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._stack = AsyncExitStack()
        self._opened: S3Client | None = None

    async def put(self, name: str, path: Path) -> None:
        """See Objects. In parts, so the size does not matter."""
        key = self._prefix + name
        async with self._client() as client:
            upload = await client.create_multipart_upload(
                Bucket=self._bucket, Key=key, ChecksumAlgorithm="SHA256"
            )
            identifier = upload["UploadId"]
            try:
                parts = await self._put_parts(client, key, identifier, path)
                await client.complete_multipart_upload(
                    Bucket=self._bucket,
                    Key=key,
                    UploadId=identifier,
                    MultipartUpload={"Parts": parts},
                )
            except BaseException:
                # What was sent would be kept, and paid for.
                await asyncio.shield(
                    client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=identifier)
                )
                raise

    async def _put_parts(
        self, client: "S3Client", key: str, identifier: str, path: Path
    ) -> "list[CompletedPartTypeDef]":
        parts: list[CompletedPartTypeDef] = []
        with path.open("rb") as file:
            while (content := await asyncio.to_thread(file.read, PART)) or not parts:
                number = len(parts) + 1
                answer = await client.upload_part(
                    Bucket=self._bucket,
                    Key=key,
                    UploadId=identifier,
                    PartNumber=number,
                    Body=content,
                    ChecksumAlgorithm="SHA256",
                )
                parts.append(
                    {
                        "PartNumber": number,
                        "ETag": answer["ETag"],
                        "ChecksumSHA256": answer["ChecksumSHA256"],
                    }
                )
        return parts

    async def get(self, name: str, path: Path) -> None:
        """See Objects."""
        async with self._client() as client:
            answer = await client.get_object(Bucket=self._bucket, Key=self._prefix + name)
            async with answer["Body"] as body:
                with path.open("wb") as file:
                    async for chunk in body.iter_chunks(1 << 20):
                        await asyncio.to_thread(file.write, chunk)

    async def names(self, prefix: str) -> list[str]:
        """See Objects."""
        found: list[str] = []
        async with self._client() as client:
            pages = client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix
            )
            async for page in pages:
                found += [
                    item["Key"].removeprefix(self._prefix) for item in page.get("Contents", ())
                ]
        return sorted(found)

    async def close(self) -> None:
        """See Objects."""
        await self._stack.aclose()

    @asynccontextmanager
    async def _client(self) -> "AsyncIterator[S3Client]":
        try:
            if self._opened is None:
                # The variable that EKS sets; this SDK reads another one by itself.
                region = os.environ.get("AWS_REGION") or None
                self._opened = await self._stack.enter_async_context(
                    get_session().create_client("s3", region_name=region, config=_CONFIG)
                )
            yield self._opened
        except (ClientError, BotoCoreError) as error:
            raise JobError(f"s3://{self._bucket}: {error}") from error


def open_cloud_objects(url: str) -> Bucket | None:
    """s3://<bucket>/<prefix>"""
    parts = urlsplit(url)
    if parts.scheme != "s3":
        return None
    return Bucket(parts.netloc, parts.path.strip("/"))
