"""The operations of a queue's `$management` node
(https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from standardized_modules.engines.servicebus import codec
from standardized_modules.engines.servicebus import message as wire
from standardized_modules.engines.servicebus.broker import Message, Queue
from standardized_modules.engines.servicebus.codec import Array, Int, MalformedError, Symbol, Timestamp
from standardized_modules.engines.servicebus.errors import (
    ArgumentError,
    BrokerError,
    NotImplementedHereError,
    SessionLockLostError,
)
from standardized_modules.engines.servicebus.message import Content, Request

MANAGEMENT = "/$management"
_NO_FILTER = 253_402_300_799_999
"""Milliseconds of the year 9999's end. Clients that want all sessions ask for changes after that, or a little later."""

Stored = Message[Content]
Holder = Callable[[str], UUID | None]
"""Finds the lock that the asking connection has on a session."""
Answer = tuple[int, dict[str, object] | None]


def handle(queue: Queue[Content], request: Request, holder: Holder) -> bytes:
    """Do what a request asks for, and put the answer together."""
    operation = str(request.properties.get("operation"))
    body = request.body if isinstance(request.body, dict) else {}
    try:
        action = _OPERATIONS.get(operation)
        if action is None:
            raise NotImplementedHereError(f"{operation} is not implemented in this emulator")
        status, result = action(queue, {str(key): value for key, value in body.items()}, holder)
    except BrokerError as problem:
        return _failure(request, problem)
    except (KeyError, TypeError, ValueError) as problem:  # fields that are missing or of another type
        return _failure(request, ArgumentError(f"{operation}: {problem!r}"))
    description = "OK" if status == 200 else "No Content"
    return wire.render_response(request.id, narrowed({"statusCode": status, "statusDescription": description}), result)


def narrowed(properties: dict[str, object]) -> dict[str, object]:
    """Properties of an answer, with numbers as wide as clients expect them."""
    return {key: Int(value) if isinstance(value, int) else value for key, value in properties.items()}


def annotated(message: Stored) -> bytes:
    """A message as it leaves, with what the broker says about it."""
    annotations = {
        "x-opt-enqueued-time": wire.timestamp(message.enqueued_at),
        "x-opt-sequence-number": codec.encode(message.number),
        "x-opt-message-state": codec.encode(Int(message.state)),
    }
    if message.lock:
        annotations["x-opt-locked-until"] = wire.timestamp(message.lock.until)
    properties: dict[str, bytes] = {}
    if message.dead_letter:
        why = {
            "DeadLetterReason": message.dead_letter.reason,
            "DeadLetterErrorDescription": message.dead_letter.description,
        }
        properties = {name: codec.encode(text) for name, text in why.items() if text is not None}
    return wire.render(
        message.content,
        delivery_count=message.delivery_count,
        annotations=annotations,
        application_properties=properties,
    )


def _failure(request: Request, problem: BrokerError) -> bytes:
    properties = {
        "statusCode": problem.status,
        "statusDescription": str(problem),
        "errorCondition": Symbol(problem.condition),
    }
    return wire.render_response(request.id, narrowed(properties), None)


def _session(queue: Queue[Content], body: dict[str, Any], holder: Holder) -> UUID | None:
    """The lock of the session that a request is about."""
    if not queue.sessions_required:
        return None
    session_id = str(body["session-id"])
    found = holder(session_id)
    if found is None:
        raise SessionLockLostError(f"this connection has no lock on session {session_id!r}")
    return found


def _renew_lock(queue: Queue[Content], body: dict[str, Any], _holder: Holder) -> Answer:
    moments = [Timestamp.of(queue.renew(token)) for token in _tokens(body)]
    return 200, {"expirations": Array(moments)}


def _renew_session_lock(queue: Queue[Content], body: dict[str, Any], holder: Holder) -> Answer:
    until = queue.renew_session(_session(queue, body, holder))
    return 200, {"expiration": Timestamp.of(until)}


def _get_session_state(queue: Queue[Content], body: dict[str, Any], holder: Holder) -> Answer:
    return 200, {"session-state": queue.session_of(_session(queue, body, holder)).state}


def _set_session_state(queue: Queue[Content], body: dict[str, Any], holder: Holder) -> Answer:
    state = body["session-state"]
    if state is not None and not isinstance(state, bytes):
        raise ArgumentError("a session's state is bytes")
    queue.set_session_state(_session(queue, body, holder), state)
    return 200, {}


def _list_sessions(queue: Queue[Content], body: dict[str, Any], _holder: Holder) -> Answer:
    since = body["last-updated-time"]
    after = None if since >= _NO_FILTER else since / 1000
    found = queue.list_sessions(after, body["skip"], body["top"])
    return (200, {"skip": Int(body["skip"] + len(found)), "sessions-ids": found}) if found else (204, None)


def _peek(queue: Queue[Content], body: dict[str, Any], _holder: Holder) -> Answer:
    session_id = body.get("session-id")
    found = queue.peek(body["from-sequence-number"], body["message-count"], session_id)
    return (200, {"messages": [{"message": annotated(each)} for each in found]}) if found else (204, None)


def _receive_deferred(queue: Queue[Content], body: dict[str, Any], holder: Holder) -> Answer:
    # A settle mode of 0 is "receive and delete".
    deletes = body["receiver-settle-mode"] == 0
    found = queue.receive_deferred(body["sequence-numbers"], _session(queue, body, holder), delete=deletes)
    messages = []
    for each in found:
        message: dict[str, object] = {"message": annotated(each)}
        if each.lock:
            message["lock-token"] = each.lock.token
        messages.append(message)
    return 200, {"messages": messages}


def _update_disposition(queue: Queue[Content], body: dict[str, Any], _holder: Holder) -> Answer:
    status = str(body["disposition-status"])
    why = (body.get("deadletter-reason"), body.get("deadletter-description"))
    actions: dict[str, Callable[[UUID], None]] = {
        "completed": queue.complete,
        "abandoned": queue.abandon,
        "defered": queue.defer,  # [sic], that is how it stands in the protocol
        "suspended": lambda token: queue.dead_letter(token, *why),
    }
    if status not in actions:
        raise ArgumentError(f"{status!r} is no disposition")
    for token in _tokens(body):
        actions[status](token)
    return 200, {}


def _schedule(queue: Queue[Content], body: dict[str, Any], _holder: Holder) -> Answer:
    try:
        contents = [wire.parse(each["message"]) for each in body["messages"]]
    except MalformedError as problem:
        raise ArgumentError(str(problem)) from problem
    return 200, {"sequence-numbers": Array(queue.send(contents))}


def _cancel(queue: Queue[Content], body: dict[str, Any], _holder: Holder) -> Answer:
    queue.cancel_scheduled(body["sequence-numbers"])
    return 200, {}


def _tokens(body: dict[str, Any]) -> Iterable[UUID]:
    tokens = body["lock-tokens"]
    if not all(isinstance(token, UUID) for token in tokens):
        raise ArgumentError("lock tokens are UUIDs")
    return list(tokens)


_OPERATIONS: dict[str, Callable[[Queue[Content], dict[str, Any], Holder], Answer]] = {
    "com.microsoft:renew-lock": _renew_lock,
    "com.microsoft:renew-session-lock": _renew_session_lock,
    "com.microsoft:get-session-state": _get_session_state,
    "com.microsoft:set-session-state": _set_session_state,
    "com.microsoft:get-message-sessions": _list_sessions,
    "com.microsoft:peek-message": _peek,
    "com.microsoft:receive-by-sequence-number": _receive_deferred,
    "com.microsoft:update-disposition": _update_disposition,
    "com.microsoft:schedule-message": _schedule,
    "com.microsoft:cancel-scheduled-message": _cancel,
}
