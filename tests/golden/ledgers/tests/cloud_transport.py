"""Answers in place of Azure, below the SDK: no socket, and the requests as they would be sent."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import AsyncHttpResponse, AsyncHttpTransport, HttpRequest
from multidict import CIMultiDict


@dataclass
class Answer:
    """What the service says."""

    status: int = 200
    content: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Pieces:
    """Content in one piece; clients write on it what they know of it."""

    def __init__(self, response: AsyncHttpResponse, content: bytes) -> None:
        self.response = response
        self.content_length = len(content)
        self._left = [content]

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop()


class Response(AsyncHttpResponse):
    """An answer as the SDK wants it."""

    def __init__(self, request: HttpRequest, answer: Answer) -> None:
        super().__init__(request, None)
        self.status_code = answer.status
        self.headers = CIMultiDict({"Content-Type": "application/json"})
        self.headers.update(answer.headers)
        self.reason = "of the test"
        self.content_type = self.headers["Content-Type"]
        self._content = answer.content

    def body(self) -> bytes:
        """All of it."""
        return self._content

    async def read(self) -> bytes:
        """All of it, as clients of a newer make ask for it."""
        return self._content

    def json(self) -> Any:  # noqa: ANN401 any JSON
        """The content, read."""
        return json.loads(self._content)

    async def load_body(self) -> None:
        """It is there."""

    def stream_download(self, *_: object, **__: object) -> Pieces:
        """In one piece."""
        return Pieces(self, self._content)


class Transport(AsyncHttpTransport):  # type: ignore[type-arg]  # of the requests that it sends
    """Gives every request to a function."""

    def __init__(self, answer: Callable[[HttpRequest], Answer]) -> None:
        self._answer = answer

    async def send(self, request: HttpRequest, **_: Any) -> Response:  # noqa: ANN401 the SDK's
        """See AsyncHttpTransport."""
        return Response(request, self._answer(request))

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        """Nothing to close."""


class Credential:
    """A token of nobody."""

    async def get_token(self, *_: str, **__: Any) -> AccessToken:  # noqa: ANN401 the SDK's
        """See AsyncTokenCredential."""
        return AccessToken("of-nobody", 2_000_000_000)

    async def close(self) -> None:
        """Nothing to close."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing to close."""
