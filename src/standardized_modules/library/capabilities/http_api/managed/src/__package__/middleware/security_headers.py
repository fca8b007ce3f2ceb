"""Headers that tell browsers how little an API needs. Load balancers add none of them."""

from collections.abc import Iterable

Header = tuple[bytes, bytes]

DEFAULTS: tuple[Header, ...] = (
    # Answers are for one caller at one moment; a handler that knows better sets its own value.
    (b"cache-control", b"no-store"),
    # An API answer loads nothing, is framed nowhere and is no base for anything.
    (
        b"content-security-policy",
        b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    # Other sites may not embed our answers; CORS, when you add it, is a different matter.
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"referrer-policy", b"no-referrer"),
    # Two years, as hstspreload.org asks for; browsers ignore it on plain HTTP.
    (b"strict-transport-security", b"max-age=63072000; includeSubDomains"),
    (b"x-content-type-options", b"nosniff"),
)
_NAMES = frozenset(name for name, _ in DEFAULTS)


def complete_headers(given: Iterable[Header]) -> list[Header]:
    """The given headers and every default whose name is not among them."""
    headers = list(given)
    present = _NAMES.intersection(name for name, _ in headers)
    if present:
        headers.extend(header for header in DEFAULTS if header[0] not in present)
    else:
        headers.extend(DEFAULTS)
    return headers
