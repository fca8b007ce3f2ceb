"""Runs tasks from the queue. Your tasks import from here: `from ..worker import task`."""

from .task import PermanentError, Retry, Task, TaskContext, task

__all__ = ["PermanentError", "Retry", "Task", "TaskContext", "task"]
