"""Sending mail: the port that tasks use, and an adapter that only logs."""

import logging
from typing import Protocol

_log = logging.getLogger(__name__)


class AddressRefusedError(Exception):
    """The recipient does not exist: no attempt can deliver it."""


class Mail(Protocol):
    """What the tasks need."""

    async def send(self, to: str, subject: str, *, message_id: str) -> None:
        """Send a mail; a second one with the same id is dropped. AddressRefusedError."""
        ...


class LoggedMail:
    """Writes to the log that it would have sent something: replace it before production."""

    async def send(self, to: str, subject: str, *, message_id: str) -> None:
        """See Mail. Where it would go stays out of the log: it is personal data."""
        _log.info("mail", extra={"domain": to.partition("@")[2], "mail_id": message_id})
        _log.debug("subject: %s", subject)
