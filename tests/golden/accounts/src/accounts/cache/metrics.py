"""The metrics of the cache. Alerts and the dashboard read them by these names."""

import functools

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter(
    "cache_requests_total",
    "What came of looking something up; error: the cache was away, shared: another request looked.",
    ["cache", "outcome"],
)
DURATION = Histogram(
    "cache_request_duration_seconds",
    "Time until the cache answered, or was given up.",
    ["operation"],
    buckets=(0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25),
)
UP = Gauge("cache_up", "1 when this process uses the cache, 0 when it does without.")
OWED = Gauge("cache_invalidations_owed", "Writes that the cache has to learn of when it is back.")

duration = functools.cache(DURATION.labels)
