"""The metrics of requests. Alerts and the dashboard read them by these names."""

from prometheus_client import Counter, Gauge, Histogram

# Every latency objective that can be chosen (slo.latency) is a bound, so that alerts count requests
# instead of interpolating between buckets.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD = "_OTHER"
"""What OpenTelemetry calls methods beyond these: anyone can invent one."""

REQUESTS = Counter(
    "http_requests_total",
    "Requests answered, by method, route template and status.",
    ["method", "route", "status"],
)
DURATION = Histogram(
    "http_request_duration_seconds",
    "Time from request to the last byte of the answer.",
    ["method", "route"],
    buckets=BUCKETS,
)
IN_FLIGHT = Gauge("http_requests_in_flight", "Requests being served now.")


class InFlight:
    """A plain number, read at each scrape: two changes a request through a lock cost more."""

    count = 0


in_flight = InFlight()
IN_FLIGHT.set_function(lambda: in_flight.count)

# Looking a child up by labels takes a lock and builds strings; the set of them is small and fixed.
_children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}


def observe_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count one finished request."""
    key = (method if method in METHODS else OTHER_METHOD, route, status)
    children = _children.get(key)
    if children is None:
        counter = REQUESTS.labels(key[0], route, str(status))
        children = _children[key] = (counter, DURATION.labels(key[0], route))
    children[0].inc()
    children[1].observe(seconds)
