"""Drains a queue, with the generated worker or with a bare loop. Run by the Python of a generated service.

python worker_programs.py bare|worker MESSAGES

Prints JSON: seconds, CPU seconds, and for the worker its resident memory while messages pass.
"""

import json
import os
import resource
import signal
import sys
import time
from pathlib import Path

import uvloop
from orders.aws_client import client_config, session
from orders.settings import load_settings
from orders.worker import TaskContext, task
from orders.worker.process import run_worker
from pydantic import BaseModel

MESSAGES = int(sys.argv[2])
PAGE = os.sysconf("SC_PAGE_SIZE")


class Nothing(BaseModel):
    """No payload."""


class Clock:
    """Time and CPU from the first message to the last."""

    def __init__(self) -> None:
        self.handled = 0
        self.began = self.cpu = 0.0
        self.memory: dict[int, int] = {}
        self.report: dict[str, object] = {}

    def message(self) -> None:
        """One more."""
        if not self.handled:
            self.began, self.cpu = time.perf_counter(), cpu()
        self.handled += 1
        if self.handled % max(1, MESSAGES // 10) == 0:
            self.memory[self.handled] = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
        if self.handled == MESSAGES:
            self.report = {
                "seconds": time.perf_counter() - self.began,
                "cpu": cpu() - self.cpu,
                "memory": self.memory,
            }


def cpu() -> float:
    """Seconds of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


CLOCK = Clock()


@task("nothing")
async def nothing(payload: Nothing, context: TaskContext) -> None:
    """Do nothing."""
    del payload, context
    CLOCK.message()
    if CLOCK.handled == MESSAGES:
        os.kill(os.getpid(), signal.SIGTERM)


async def bare() -> None:
    """Receive ten, delete ten."""
    settings = load_settings()
    async with session().create_client("sqs", region_name=settings.aws_region, config=client_config(30)) as client:
        while CLOCK.handled < MESSAGES:
            answer = await client.receive_message(
                QueueUrl=settings.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=20
            )
            found = answer.get("Messages", [])
            for _ in found:
                CLOCK.message()
            if found:
                await client.delete_message_batch(
                    QueueUrl=settings.queue_url,
                    Entries=[
                        {"Id": str(number), "ReceiptHandle": each["ReceiptHandle"]} for number, each in enumerate(found)
                    ],
                )


if sys.argv[1] == "bare":
    uvloop.run(bare())
else:
    run_worker(load_settings(), [nothing])
print(json.dumps(CLOCK.report))
