"""Which PostgreSQL servers there are, as the settings name them."""

from dataclasses import dataclass

from ..settings import Settings


@dataclass(frozen=True, slots=True)
class Server:
    """One server. Its name is short and stays, for metrics and logs; its address may change."""

    name: str
    host: str
    port: int
    primary: bool = False


def primary_of(settings: Settings) -> Server:
    """The server that takes writes."""
    return Server("primary", settings.database_host, settings.database_port, primary=True)


def replicas_of(settings: Settings) -> tuple[Server, ...]:
    """The servers that take reads only.

    Each entry must be one server. Behind a name that leads to several in turn (the "reader
    endpoint" of some services) nobody knows whose progress was measured and who answers.
    """
    entries = [entry.strip() for entry in settings.database_replica_hosts.split(",")]
    return tuple(
        Server(f"replica-{number}", *_address(entry, settings.database_port))
        for number, entry in enumerate(filter(None, entries), start=1)
    )


def _address(entry: str, port: int) -> tuple[str, int]:
    host, _, own = entry.partition(":")
    return host, int(own) if own else port
