"""What clients send and get."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ..preconditions import entity_tag

FORM = 1
"""Of Item as clients get it. Raise it when you change its fields: ETags and cached items of before
then count no more."""

# PostgreSQL stores no NUL, and no name needs the other control characters.
Name = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$"
    ),
]


class NewItem(BaseModel):
    """An item as a client describes it. Unknown fields are refused: they are mostly typos."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    quantity: Annotated[int, Field(ge=0, le=1_000_000)] = 1


class Item(BaseModel):
    """An item as it is stored.

    Its fields have no limits: what was stored under the rules of last year can still be read.
    """

    id: UUID
    name: str
    quantity: int
    version: int = Field(description="Goes up with each change.")
    created_at: datetime
    updated_at: datetime

    @property
    def tag(self) -> str:
        """Its ETag."""
        return entity_tag(FORM, self.version)
