"""The metrics of the database. Alerts and the dashboard read them by these names."""

import functools

from prometheus_client import Counter, Gauge, Histogram

# Up to the most that database.statement_timeout may be, or p99 would stop short of it.
_SLOW = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
QUERY_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, *_SLOW)
WAIT_BUCKETS = (0.0001, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

POOL_CONNECTIONS = Gauge(
    "database_pool_connections", "Connections of the pools.", ["target", "state"]
)
POOL_WAIT = Histogram(
    "database_pool_wait_seconds",
    "Time until there was a connection, including the time to open one.",
    ["target"],
    buckets=WAIT_BUCKETS,
)
QUERY_DURATION = Histogram(
    "database_query_duration_seconds",
    "Time that statements took, by their name.",
    ["statement", "target"],
    buckets=QUERY_BUCKETS,
)
SLOW_STATEMENTS = Counter(
    "database_slow_statements_total", "Statements above the limit, by their name.", ["statement"]
)
REPLICA_LAG = Gauge(
    "database_replica_lag_seconds",
    "How old the newest data of a replica is; NaN when nobody knows.",
    ["replica"],
)
REPLICA_USABLE = Gauge(
    "database_replica_usable", "1 when reads go to the replica, else 0.", ["replica"]
)
LIMIT_DIFFERS = Gauge(
    "database_limit_differs", "1 when the role has another limit of time.", ["target", "limit"]
)
READS = Counter("database_reads_total", "Where reads went, and why there.", ["target", "reason"])
UNAVAILABLE = Counter(
    "database_unavailable_total", "Reads and writes that could not be done, by reason.", ["reason"]
)

# Looking a child up by labels takes a lock and builds strings; the sets of them are small.
query_duration = functools.cache(QUERY_DURATION.labels)
reads = functools.cache(READS.labels)
