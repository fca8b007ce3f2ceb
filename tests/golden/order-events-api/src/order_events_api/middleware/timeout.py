"""Bounds the time until an answer begins."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..problems import problem_response


class TimeoutMiddleware:
    """Cancels a handler that has not begun to answer in time, and answers 504 in its place.

    Once an answer has begun it may take as long as it needs: a download or an event stream is not
    a hung request. A handler declared without `async` runs in a thread, which nothing can cancel;
    its client waits until it returns. Prefer `async def` with clients that can be cancelled.

    `asyncio.timeout` would do the same at nearly twice the price: it is made for nesting and for
    moving deadlines, and here a timer and a flag are enough.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        if scope["type"] != "http" or task is None:
            await self.app(scope, receive, send)
            return
        expired = False

        def expire() -> None:
            nonlocal expired
            expired = True
            task.cancel()

        timer = asyncio.get_running_loop().call_later(self.seconds, expire)

        async def send_in_time(message: Message) -> None:
            timer.cancel()
            await send(message)

        try:
            await self.app(scope, receive, send_in_time)
        except asyncio.CancelledError:
            # uncancel() counts down our own request; what is left is someone else's, a shutdown.
            if not expired or task.uncancel():
                raise
            detail = f"There was no answer within {self.seconds:g} seconds."
            await problem_response(504, detail)(scope, receive, send)
        finally:
            timer.cancel()
