"""The example task. Replace it together with the task."""

import pytest
from pydantic import ValidationError

from invoices.health import HealthChecks
from invoices.settings import Settings
from invoices.tasks import TASKS
from invoices.tasks.invoices import SendInvoice, send_invoice
from invoices.tasks.mail import AddressRefusedError
from invoices.tasks.resources import Resources, open_resources
from invoices.worker import TaskContext


class Outbox:
    """Mail that stays here."""

    def __init__(self) -> None:
        self.sent: dict[str, tuple[str, str]] = {}

    async def send(self, to: str, subject: str, *, message_id: str) -> None:
        """See Mail."""
        self.sent.setdefault(message_id, (to, subject))


def attempt(resources: Resources, number: int = 1) -> TaskContext:
    """What a handler is given."""
    return TaskContext(
        task="send_invoice",
        message_id="m-1",
        idempotency_key="invoice-17",
        resources=resources,
        attempt=number,
    )


INVOICE = SendInvoice(invoice_id="17", email="ada@example.com")


async def test_a_mail_is_sent_and_a_second_attempt_sends_the_same() -> None:
    outbox = Outbox()
    for number in (1, 2):
        await send_invoice(INVOICE, attempt(Resources(outbox), number))
    assert outbox.sent == {"invoice-17": ("ada@example.com", "Your invoice 17")}


async def test_the_adapter_that_comes_with_it_only_logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with open_resources(Settings(), HealthChecks()) as resources:
        await send_invoice(INVOICE, attempt(resources))
    assert "Your invoice 17" in caplog.text
    assert "ada@" not in caplog.text


def test_the_task_is_listed_and_knows_what_is_permanent() -> None:
    assert send_invoice in TASKS
    assert send_invoice.retry.permanent == (AddressRefusedError,)


@pytest.mark.parametrize(
    "payload",
    ["{}", '{"invoice_id": "", "email": "a@b"}', '{"invoice_id": "1", "email": "nobody"}'],
)
def test_invalid_payloads_are_refused(payload: str) -> None:
    with pytest.raises(ValidationError):
        SendInvoice.model_validate_json(payload)


def test_a_newer_producer_is_understood() -> None:
    SendInvoice.model_validate_json('{"invoice_id": "1", "email": "a@b", "language": "fr"}')
