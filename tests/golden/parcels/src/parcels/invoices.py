"""An example of a route that leaves its work to the worker. Replace it together with the task."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from .background import Tasks
from .caller import caller
from .idempotency import IdempotencyKey, fingerprint
from .tasks.invoices import SendInvoice

router = APIRouter(prefix="/invoices", tags=["invoices"])


class InvoiceToSend(BaseModel):
    """What a client asks for. Unknown fields are refused: they are mostly typos."""

    model_config = ConfigDict(extra="forbid")

    invoice_id: Annotated[str, Field(min_length=1, max_length=64)]
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]


class Accepted(BaseModel):
    """The work is queued; nobody has done it yet."""

    task_key: Annotated[str, Field(description="Names the task in logs and among dead letters.")]


@router.post("", status_code=202, summary="Send an invoice")
async def post_invoice(
    request: Request, invoice: InvoiceToSend, tasks: Tasks, key: IdempotencyKey = None
) -> Accepted:
    """Send an invoice by mail, soon. With an Idempotency-Key it is safe to retry."""
    payload = SendInvoice(**invoice.model_dump())
    task_key = None
    if key is not None:
        # Of this caller and this request: another one with the same key is another task.
        parts = (caller(request), key, payload.model_dump_json())
        task_key = fingerprint(*(part.encode() for part in parts))
    # What goes to one recipient keeps its order.
    group = fingerprint(payload.email.encode())
    return Accepted(task_key=await tasks.enqueue(payload, key=task_key, group=group))
