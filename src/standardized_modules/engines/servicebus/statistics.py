"""`GET /statistics` on the emulator's port: how many messages each queue holds, as JSON.

Service Bus counts through its administration API, over HTTPS alone, which needs a certificate that clients trust.
Tests and `sm dev` ask here.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from standardized_modules.engines.servicebus.broker import Broker
from standardized_modules.engines.servicebus.message import Content

PATH = "/statistics"
_LIMIT = 8192  # bytes of a request


def is_complete(request: bytes | bytearray) -> bool:
    """Whether the request has ended, or is no sensible one."""
    return b"\r\n\r\n" in request or len(request) > _LIMIT


def answer(request: bytes | bytearray, broker: Broker[Content]) -> bytes:
    """The response, after which the connection closes."""
    path = bytes(request).split(b" ", 2)[1].decode("ascii", "replace")
    found = path.partition("?")[0] == PATH
    body = {queue.name: asdict(queue.counts()) for queue in broker.queues.values()} if found else {"paths": [PATH]}
    text = json.dumps(body).encode()
    status = "200 OK" if found else "404 Not Found"
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\nConnection: close"
    return head.encode() + b"\r\n\r\n" + text
