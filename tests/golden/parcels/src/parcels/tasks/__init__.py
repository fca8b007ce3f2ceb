"""Your tasks. This folder is yours: replace the example with your own.

A task is listed here, or the worker does not know it and its messages become dead letters. A
renamed task stays listed under its old name, too, until no message with it is left.
"""

from typing import Any

from ..worker import Task
from .invoices import send_invoice

TASKS: tuple[Task[Any], ...] = (send_invoice,)
