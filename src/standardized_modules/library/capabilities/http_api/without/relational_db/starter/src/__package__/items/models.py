"""What clients send and get."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class NewItem(BaseModel):
    """An item as a client describes it. Unknown fields are refused: they are mostly typos."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    quantity: Annotated[int, Field(ge=0, le=1_000_000)] = 1


class Item(NewItem):
    """An item as it is stored."""

    id: UUID
    created_at: datetime
