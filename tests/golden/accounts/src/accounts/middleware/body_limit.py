"""Refuses request bodies above a limit, announced or streamed, before they fill the memory."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..problems import ProblemError, problem_response

# The rest of the body is not going to be read, so the connection cannot be used again.
_CLOSE = {"connection": "close"}


class BodyLimitMiddleware:
    """413 at once when Content-Length says too much, else as soon as the stream exceeds it."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        for name, value in scope["headers"]:
            if name == b"content-length":
                # The HTTP parser refused anything but digits, and holds the body to this length.
                if int(value) > self.max_bytes:
                    response = problem_response(413, self._detail(), headers=_CLOSE)
                    await response(scope, receive, send)
                    return
            elif name == b"transfer-encoding":
                receive = self._counted(receive)
        await self.app(scope, receive, send)

    def _counted(self, receive: Receive) -> Receive:
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.max_bytes:
                # Raised where the handler reads; the problem handlers turn it into the answer.
                raise ProblemError(413, self._detail(), headers=_CLOSE)
            return message

        return receive_counted

    def _detail(self) -> str:
        return f"The body may have at most {self.max_bytes} bytes."
