"""Which address a request is counted for."""

import pytest

from accounts.rate_limit.client import client_address, client_key


def _scope(*forwarded: str) -> dict[str, object]:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    return {"client": ("10.0.0.9", 1), "headers": [(b"accept", b"*/*"), *headers]}


@pytest.mark.parametrize(
    ("hops", "forwarded", "expected"),
    [
        (0, [], "10.0.0.9"),
        (0, ["203.0.113.1"], "10.0.0.9"),
        (1, ["203.0.113.1"], "203.0.113.1"),
        (1, ["6.6.6.6, 203.0.113.1"], "203.0.113.1"),
        (2, ["6.6.6.6, 203.0.113.1, 10.1.1.1"], "203.0.113.1"),
        (2, ["6.6.6.6, 203.0.113.1", "10.1.1.1"], "203.0.113.1"),
        (1, [], "10.0.0.9"),
        (2, ["203.0.113.1"], "10.0.0.9"),
        (1, ["203.0.113.1:4711"], "203.0.113.1"),
        (1, ["[2001:db8::1]:4711"], "2001:db8::1"),
        (1, ["2001:db8::1"], "2001:db8::1"),
        (1, ["6.6.6.6,"], "10.0.0.9"),
        (1, ["unknown"], "10.0.0.9"),
        (1, ['"}'], "10.0.0.9"),
        (1, ["999.1.1.1"], "10.0.0.9"),
        (1, ["fe80::1%made-up"], "10.0.0.9"),
        (1, ["1" * 5000], "10.0.0.9"),
        (1, ["2001:DB8:0::1"], "2001:db8::1"),
    ],
)
def test_only_our_own_proxies_are_believed(hops: int, forwarded: list[str], expected: str) -> None:
    assert client_address(_scope(*forwarded), hops) == expected


def test_a_request_without_a_peer_has_an_address_too() -> None:
    assert client_address({"client": None, "headers": []}, 0) == "unknown"


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("203.0.113.1", "203.0.113.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.1", "203.0.113.1"),
        ("not:an:address", "not:an:address"),
    ],
)
def test_ipv6_clients_count_by_network(address: str, key: str) -> None:
    assert client_key(address) == key
