"""A server that answers like SQS, in the words that the test gives it, and remembers the questions.

For what no emulator does: failures of single messages, answers about messages that are not in
flight, errors of the service. What SQS does with messages is tested by `make test-broker`.
"""

import asyncio
import email
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

JSON = dict[str, Any]


class SqsServer:
    """Answers each call with the next of its answers; without one it hangs up."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, JSON]] = []
        self.answers: deque[tuple[int, JSON]] = deque()
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.url = ""

    def will(self, *answers: JSON) -> None:
        """Answer with these, in this order."""
        self.answers += [(200, answer) for answer in answers]

    def will_refuse(self, code: str, status: int = 400) -> None:
        """Answer with an error."""
        error = {"__type": f"com.amazonaws.sqs#{code}", "message": f"{code} of the test"}
        self.answers.append((status, error))

    @property
    def operations(self) -> list[str]:
        """What was asked for."""
        return [operation for operation, _ in self.calls]

    @asynccontextmanager
    async def running(self) -> AsyncIterator["SqsServer"]:
        """Listen on a free port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                headers = email.message_from_bytes(head.partition(b"\r\n")[2])
                body = await reader.readexactly(int(headers["Content-Length"]))
                operation = headers["X-Amz-Target"].removeprefix("AmazonSQS.")
                self.calls.append((operation, json.loads(body)))
                self.asked.set()
                await self.may_answer.wait()
                if not self.answers:
                    break
                writer.write(_response(*self.answers.popleft()))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def _response(status: int, answer: JSON) -> bytes:
    body = json.dumps(answer).encode()
    head = (
        f"HTTP/1.1 {status} Answer\r\nContent-Type: application/x-amz-json-1.0\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
