"""The example route that leaves its work to the worker. Replace it together with the task."""

import asyncio
import uuid
from typing import TYPE_CHECKING

import pytest
from httpx import AsyncClient

from parcels.settings import Settings
from tests.support import client_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from parcels.task_queue import TaskQueue

INVOICE = {"invoice_id": "17", "email": "ada@example.com"}


@pytest.fixture
async def client() -> "AsyncIterator[AsyncClient]":
    """Of a service whose queue keeps the order of groups."""
    async with client_for(Settings(queue_ordered=True)) as opened:
        yield opened


async def _idle(client: AsyncClient) -> None:
    """Until nothing is left to do: without a broker the worker is in the API's process."""
    tasks: TaskQueue = client.app.state.tasks  # type: ignore[attr-defined]  # set by support.py
    async with asyncio.timeout(10):
        while True:
            stats = await tasks.queue.stats()
            if not (stats.visible or stats.in_flight):
                return
            await asyncio.sleep(0.01)


def _mails(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [str(each.__dict__["mail_id"]) for each in caplog.records if each.message == "mail"]


async def test_an_invoice_is_accepted_and_then_sent(
    client: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    answer = await client.post("/v1/invoices", json=INVOICE)
    assert answer.status_code == 202
    await _idle(client)
    assert _mails(caplog) == [answer.json()["task_key"]]


async def test_a_request_that_is_sent_again_sends_one_mail(
    client: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    headers = {"idempotency-key": str(uuid.uuid4())}
    keys = []
    for email in ("ada@example.com", "ada@example.com", "eve@example.com"):
        answer = await client.post("/v1/invoices", json=INVOICE | {"email": email}, headers=headers)
        keys.append(answer.json()["task_key"])
        await _idle(client)
    assert keys[0] == keys[1] != keys[2]
    assert _mails(caplog) == [keys[0], keys[2]]


@pytest.mark.parametrize("wrong", [{"invoice_id": ""}, {"email": "nobody"}, {"more": 1}])
async def test_what_the_task_would_refuse_is_refused_here(
    client: AsyncClient, wrong: dict[str, object]
) -> None:
    assert (await client.post("/v1/invoices", json=INVOICE | wrong)).status_code == 422
