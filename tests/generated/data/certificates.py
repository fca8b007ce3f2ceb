"""An authority of the tests' own, and TLS in front of servers that have none.

The wheels hold PostgreSQL and Valkey without TLS. What has to be tested is the client: whom it
trusts. It can't tell who ends the encryption, the server or something in front of it, which is what
the proxies of cloud providers do as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from standardized_modules.engines.running import LOOPBACK

# "May we speak TLS?", as PostgreSQL's protocol has it: a length and a number, answered by a letter.
_SSL_REQUEST = (8).to_bytes(4) + (80877103).to_bytes(4)


class Authority:
    """Signs certificates.

    Args:
        folder: Where it keeps them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Authority of {folder.name}")])
        made = self._certificate(self._name, self._key, x509.BasicConstraints(ca=True, path_length=0))
        self.file = folder / "authority.pem"
        self.file.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def context(self, host: str, *, age: timedelta = timedelta()) -> ssl.SSLContext:
        """What a server of this name works with; its certificate was made at that time, for a day."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        made = self._certificate(name, key, names, age)
        both = self._folder / f"{host}-{age.days}.pem"
        both.touch(mode=0o600)
        both.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + made.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(both)
        return context

    def _certificate(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        extension: x509.ExtensionType,
        age: timedelta = timedelta(),
    ) -> x509.Certificate:
        begins = datetime.now(UTC) - timedelta(minutes=1) - age
        ours, theirs = self._key.public_key(), key.public_key()
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
            key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
            decipher_only=False,
        )  # fmt: skip
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(theirs)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(begins + timedelta(days=1))
            .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(theirs), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ours), critical=False)
            .sign(self._key, hashes.SHA256())
        )


Greet = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


async def of_postgresql(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Its clients ask in plain text whether they may encrypt; one that does not is sent away."""
    if await reader.readexactly(len(_SSL_REQUEST)) != _SSL_REQUEST:
        raise ConnectionError("it speaks in plain text")
    writer.write(b"S")
    await writer.drain()


async def of_valkey(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Everybody encrypts from the first byte."""


class Front:
    """Ends TLS in front of a port, in a thread of its own; counts whom it has understood."""

    def __init__(self, target: int, context: ssl.SSLContext, greet: Greet) -> None:
        self._target, self._context, self._greet = target, context, greet
        self.port = self.understood = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._server: asyncio.Server | None = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far = None
        try:
            await self._greet(reader, writer)
            await writer.start_tls(self._context)
            self.understood += 1
            far_reader, far = await asyncio.open_connection(LOOPBACK, self._target)
            await asyncio.gather(_copy(reader, far), _copy(far_reader, writer))
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            for each in (writer, far):
                if each is not None:
                    each.transport.abort()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    @contextmanager
    def running(self) -> Iterator[Front]:
        """As long as the context lasts."""
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(30)
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(30)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    with contextlib.suppress(OSError, NotImplementedError):  # TLS has no end of one direction
        writer.write_eof()
