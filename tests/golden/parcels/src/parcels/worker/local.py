"""A door into the in-process queue, for a local run: POST /tasks/NAME with the payload as JSON.

In an ordered queue a task belongs to a group: POST /tasks/NAME/GROUP.

With a broker it does not exist: tasks are then enqueued through the broker alone.
"""

import json
from urllib.parse import unquote

from pydantic import ValidationError

from ..task_queue import NotEnqueuedError, TaskQueue
from .registry import UnknownTaskError
from .responder import Answer, Respond

PREFIX = "/tasks/"


class LocalDoor:
    """Answers what is below /tasks/ and hands on the rest."""

    def __init__(self, tasks: TaskQueue, otherwise: Respond) -> None:
        self.tasks = tasks
        self.otherwise = otherwise

    async def respond(self, method: str, path: str, body: bytes) -> Answer:
        """202 with the idempotency key, or what is wrong with the task."""
        if not path.startswith(PREFIX):
            return await self.otherwise(method, path, body)
        if method != "POST":
            return 405, {"status": "method not allowed"}
        name, _, group = path.removeprefix(PREFIX).partition("/")
        try:
            key = await self.tasks.enqueue_json(
                unquote(name), body, group=unquote(group) if group else None
            )
        except UnknownTaskError as error:
            return 404, {"status": str(error)}
        except ValidationError as error:
            return 422, {"status": "invalid", "errors": json.loads(error.json(include_url=False))}
        except NotEnqueuedError as error:
            return 422, {"status": str(error)}
        return 202, {"status": "enqueued", "idempotency_key": key}
