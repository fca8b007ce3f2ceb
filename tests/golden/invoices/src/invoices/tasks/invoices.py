"""An example task, to be replaced by yours."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ..worker import Retry, TaskContext, task
from .mail import AddressRefusedError


class SendInvoice(BaseModel):
    """What a producer says. Messages outlive deployments: new fields need a default.

    Unknown fields are ignored, so that a newer producer may already send one.
    """

    model_config = ConfigDict(frozen=True)

    invoice_id: Annotated[str, Field(min_length=1, max_length=64)]
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]


@task("send_invoice", retry=Retry(permanent=(AddressRefusedError,)))
async def send_invoice(invoice: SendInvoice, context: TaskContext) -> None:
    """Send an invoice by mail.

    Another attempt is on its way when this one is cut off between its effect and the note of it, so
    the mail carries the task's key: whoever delivers it can drop the second one.
    """
    subject = f"Your invoice {invoice.invoice_id}"
    await context.resources.mail.send(invoice.email, subject, message_id=context.idempotency_key)
