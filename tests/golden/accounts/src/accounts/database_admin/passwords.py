"""Passwords that nobody types, and what the server gets to see of them."""

import base64
import hashlib
import hmac
import secrets

ITERATIONS = 4096
"""PostgreSQL's own number. It slows down guessing, and there is nothing to guess in 256 bits."""


def new_password() -> str:
    """256 bits, in letters and digits and `-_`: good in every file and URL."""
    return secrets.token_urlsafe(32)


def verifier(password: str) -> str:
    """What ALTER ROLE … PASSWORD gets, so the password itself is in no log of statements.

    SCRAM-SHA-256, RFC 5802 and 7677. SASLprep changes nothing in ASCII.
    https://www.postgresql.org/docs/current/catalog-pg-authid.html
    """
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${ITERATIONS}:{_text(salt)}${_text(stored)}:{_text(server)}"


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
