"""Bounds the time until an answer begins."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..problems import problem_response


class TimeoutMiddleware:
    """Cancels a handler that has not begun to answer in time, and answers 504 in its place.

    Once an answer has begun it may take as long as it needs: a download or an event stream is not
    a hung request. A handler declared without `async` runs in a thread, which nothing can cancel;
    its client waits until it returns. Prefer `async def` with clients that can be cancelled.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        deadline = asyncio.timeout(self.seconds)

        async def send_in_time(message: Message) -> None:
            if message["type"] == "http.response.start":
                deadline.reschedule(None)
            await send(message)

        try:
            async with deadline:
                await self.app(scope, receive, send_in_time)
        except TimeoutError:
            if not deadline.expired():
                raise  # A TimeoutError of the handler's own is an error like any other.
            detail = f"There was no answer within {self.seconds:g} seconds."
            await problem_response(504, detail)(scope, receive, send)
