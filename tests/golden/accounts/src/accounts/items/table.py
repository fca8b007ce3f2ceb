"""How items are stored. What changes here needs a migration."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, String, func
from sqlalchemy.orm import Mapped, mapped_column

from ..database.models import Base


class ItemRow(Base):
    """An item."""

    __tablename__ = "items"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    quantity: Mapped[int]
    version: Mapped[int] = mapped_column(BigInteger)
    # The clock of the server: those of the pods differ. When a change waited for another one, its
    # statement began after that one's end, and its transaction did not.
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), onupdate=func.statement_timestamp()
    )

    __table_args__ = (
        CheckConstraint("name <> ''", name="name_is_not_empty"),
        CheckConstraint("quantity BETWEEN 0 AND 1000000", name="quantity_in_range"),
        # The order of the list, for all items and for those of one name: each page is read from
        # where it begins, however far into the list that is.
        Index(None, "created_at", "id"),
        Index(None, "name", "created_at", "id"),
    )
    # SQLAlchemy counts it up, and changes only the version that it has read.
    __mapper_args__ = {"version_id_col": version, "eager_defaults": True}  # noqa: RUF012
