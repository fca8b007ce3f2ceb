"""Bounds the time until an answer begins."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..problems import problem_response


class TimeoutMiddleware:
    """Cancels a handler that has not begun to answer in time, and answers in its place.

    504 when the time went by in here; 408 when more than half of it was spent waiting for the body,
    which is the client's doing and no failure of the service.

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
        loop = asyncio.get_running_loop()
        expired = complete = False
        waited = 0.0

        def expire() -> None:
            nonlocal expired
            expired = True
            task.cancel()

        async def receive_timed() -> Message:
            nonlocal complete, waited
            if complete:  # From here on it is only about whether the client is still there.
                return await receive()
            began = loop.time()
            try:
                message = await receive()
            finally:
                waited += loop.time() - began
            complete = not message.get("more_body", False)
            return message

        timer = loop.call_later(self.seconds, expire)

        async def send_in_time(message: Message) -> None:
            timer.cancel()
            await send(message)

        try:
            await self.app(scope, receive_timed, send_in_time)
        except asyncio.CancelledError:
            # uncancel() counts down our own request; what is left is someone else's, a shutdown.
            if not expired or task.uncancel():
                raise
            if waited > self.seconds / 2:
                detail = f"The body did not arrive within {self.seconds:g} seconds."
                # What is still to come of it would be taken for the next request.
                refusal = problem_response(408, detail, headers={"connection": "close"})
            else:
                detail = f"There was no answer within {self.seconds:g} seconds."
                refusal = problem_response(504, detail)
            await refusal(scope, receive, send)
        finally:
            timer.cancel()
