"""How a task travels: the payload as JSON, everything about it in the message's attributes.

Any program can enqueue a task that sends a JSON body with the attribute `task`. Without an
`idempotency_key`, or with one that `valid_key` refuses, the id of the message is the key. It is the
same at every delivery, so the task is still done once for each sending; a second sending has an id
of its own and is not recognised. A key that is refused is logged as a warning: the task is worth
more than its key, and nobody here can correct the sender.
"""

import logging
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from ..queue import Message, OutgoingMessage
from .registry import Registry, UnknownTaskError
from .task import Task

TASK = "task"
KEY = "idempotency_key"
CONTENT_TYPE = "content_type"
JSON = "application/json"

# What every broker takes as the id of a group or of a deduplication, too.
_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_SHOWN_FAULTS = 5

_log = logging.getLogger(__name__)


class NotATaskError(Exception):
    """A message that no attempt can turn into a task: it goes to the dead letters at once."""

    def __init__(self, reason: str, description: str) -> None:
        super().__init__(description)
        self.reason = reason
        self.description = description


def valid_key(key: str) -> bool:
    """Whether a text can be an idempotency key or a group: 1 to 128 visible ASCII characters."""
    return _KEY.fullmatch(key) is not None


def idempotency_key(message: Message) -> str:
    """The producer's, or the message's id when there is none that could be one."""
    key = message.attributes.get(KEY, "")
    return key if valid_key(key) else message.id


def attributes(task: Task[Any], key: str, trace: Mapping[str, str]) -> dict[str, str]:
    """What stands on the outside of a message."""
    return {TASK: task.name, KEY: key, CONTENT_TYPE: JSON, **trace}


def size_of(message: OutgoingMessage) -> int:
    """Bytes as brokers count them: the body, and names and values of the attributes."""
    return len(message.body) + sum(
        len(name.encode()) + len(value.encode()) for name, value in message.attributes.items()
    )


def decode(message: Message, registry: Registry) -> tuple[Task[Any], BaseModel]:
    """The task of a message and its payload, or NotATaskError."""
    name = message.attributes.get(TASK, "")
    try:
        task = registry.named(name)
    except UnknownTaskError as error:
        raise NotATaskError("unknown_task", str(error)) from None
    try:
        payload: BaseModel = task.payload.model_validate_json(message.body)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        reason = "undecodable_body" if faults[0]["type"] == "json_invalid" else "invalid_payload"
        raise NotATaskError(reason, _describe(faults)) from None
    except Exception as error:  # noqa: BLE001 whatever a validator of the service's raises
        # A validator that fails in a way of its own would do so at every delivery. Its text stays
        # out for the reason below; the log has it, with where it came from.
        _log.exception("fault in a validator of %s", name)
        raise NotATaskError("invalid_payload", f"the model raised {type(error).__name__}") from None
    return task, payload


def _describe(faults: list[Any]) -> str:
    """Where and why, without the value: it may be a secret, and descriptions are read by many."""
    texts = [
        f"{'.'.join(map(str, fault['loc'])) or 'body'}: {fault['msg']}"
        for fault in faults[:_SHOWN_FAULTS]
    ]
    more = len(faults) - len(texts)
    return "; ".join(texts) + (f"; and {more} more" if more else "")
