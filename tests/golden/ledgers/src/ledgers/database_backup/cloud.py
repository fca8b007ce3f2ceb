"""Azure: backups in a container of Blob Storage, whose policy keeps them from being overwritten."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from azure.identity.aio import DefaultAzureCredential
from azure.storage.blob.aio import ContainerClient

from ..database_admin.session import JobError

BLOCK = 64 << 20
"""Bytes. A blob has 50,000 blocks at most, which is 3 TiB; two are in memory at a time."""


class Container:
    """Blobs below a prefix. See Objects."""

    def __init__(
        self, client: ContainerClient, prefix: str, credential: AsyncTokenCredential | None = None
    ) -> None:
        self._client = client
        self._prefix = f"{prefix}/" if prefix else ""
        self._credential = credential

    async def put(self, name: str, path: Path) -> None:
        """See Objects. Each block goes with its MD5, which the service compares."""
        length = await asyncio.to_thread(os.path.getsize, path)
        with _translated(self._client), path.open("rb") as file:
            await self._client.upload_blob(
                self._prefix + name,
                file,
                length=length,
                overwrite=False,
                validate_content=True,
                max_concurrency=2,
            )

    async def get(self, name: str, path: Path) -> None:
        """See Objects."""
        with _translated(self._client):
            blob = await self._client.download_blob(self._prefix + name)
            with path.open("wb") as file:
                async for chunk in blob.chunks():
                    await asyncio.to_thread(file.write, chunk)

    async def names(self, prefix: str) -> list[str]:
        """See Objects."""
        with _translated(self._client):
            names = self._client.list_blob_names(name_starts_with=self._prefix + prefix)
            return sorted([name.removeprefix(self._prefix) async for name in names])

    async def close(self) -> None:
        """See Objects."""
        await self._client.close()
        if self._credential is not None:
            await self._credential.close()


@contextmanager
def _translated(client: ContainerClient) -> Iterator[None]:
    try:
        yield
    except AzureError as error:
        raise JobError(f"{client.url}: {error}") from error


def open_cloud_objects(url: str) -> Container | None:
    """https://<account>.blob.core.windows.net/<container>/<prefix>, with the pod's identity."""
    parts = urlsplit(url)
    if parts.scheme != "https":
        return None
    container, _, prefix = parts.path.strip("/").partition("/")
    credential = DefaultAzureCredential()
    client = ContainerClient(f"https://{parts.netloc}", container, credential, max_block_size=BLOCK)
    return Container(client, prefix, credential)
