"""Headers that tell browsers how little an API needs. Load balancers add none of them.

Those that OWASP's REST Security Cheat Sheet asks for. Permissions-Policy is not among them: it
governs what a page may do, and these answers are no pages.
"""

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
    (b"referrer-policy", b"no-referrer"),
    # Two years, as hstspreload.org asks for; browsers ignore it on plain HTTP.
    (b"strict-transport-security", b"max-age=63072000; includeSubDomains"),
    (b"x-content-type-options", b"nosniff"),
)
_NAMES = frozenset(name for name, _ in DEFAULTS)


def complete_headers(given: Iterable[Header]) -> list[Header]:
    """The given headers and every default whose name is not among them."""
    headers = list(given)
    names = [name for name, _ in headers]
    if _NAMES.isdisjoint(names):
        headers.extend(DEFAULTS)
    else:
        headers.extend(header for header in DEFAULTS if header[0] not in names)
    return headers
