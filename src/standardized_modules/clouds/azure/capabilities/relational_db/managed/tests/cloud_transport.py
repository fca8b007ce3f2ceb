"""Answers in place of Azure, below the SDK: no socket, and the requests as they would be sent."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import AsyncHttpResponse, AsyncHttpTransport, HttpRequest


@dataclass
class Answer:
    """What the service says."""

    status: int = 200
    content: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Response(AsyncHttpResponse):  # type: ignore[misc]  # the SDK has no types for it
    """An answer as the SDK wants it."""

    def __init__(self, request: HttpRequest, answer: Answer) -> None:
        super().__init__(request, None)
        self.status_code = answer.status
        self.headers = {"content-type": "application/json", **answer.headers}
        self.reason = "of the test"
        self.content_type = self.headers["content-type"]
        self._content = answer.content

    def body(self) -> bytes:
        """All of it."""
        return self._content

    async def load_body(self) -> None:
        """It is there."""

    def stream_download(self, _: Any, **__: Any) -> AsyncIterator[bytes]:  # noqa: ANN401 the SDK's
        """In one piece."""

        async def pieces() -> AsyncIterator[bytes]:  # noqa: RUF029 the SDK's
            yield self._content

        return pieces()


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
