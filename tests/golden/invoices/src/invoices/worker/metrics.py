"""The worker's metrics. Alerts and the dashboard read them by these names."""

from prometheus_client import Counter, Gauge, Histogram

UNKNOWN = "unknown"
"""Label of messages that are no task of ours: anyone can invent a name."""

# From a no-op to half an hour; a task's own goal should be one of the bounds.
DURATION_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 1800)
# A wait is what acceptable_latency is about: seconds when all is well, hours after an outage. The
# alert TasksLate looks for five times a goal of a day at most, so the last bound is five days.
WAIT_BUCKETS = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600, 14400, 86400, 432000)
ATTEMPT_BUCKETS = (1, 2, 3, 4, 5, 7, 10, 20)

TASKS = Counter("tasks_total", "Messages handled, by what became of them.", ["task", "outcome"])
DURATION = Histogram(
    "task_duration_seconds", "Time in the handler.", ["task"], buckets=DURATION_BUCKETS
)
ATTEMPTS = Histogram(
    "task_attempts",
    "Attempts that a message took until it was done or given up.",
    ["task"],
    buckets=ATTEMPT_BUCKETS,
)
WAIT = Histogram(
    "task_queue_wait_seconds",
    "Time from sending to the first handling.",
    ["task"],
    buckets=WAIT_BUCKETS,
)
IN_FLIGHT = Gauge("tasks_in_flight", "Messages that this process has received and not settled.")
MESSAGES = Gauge("queue_messages", "Messages in the queue, as its broker counts them.", ["state"])
OLDEST = Gauge("queue_oldest_message_age_seconds", "Age of the oldest message that waits.")
LAST_POLL = Gauge("worker_last_poll_timestamp_seconds", "When the broker last answered, UNIX time.")
QUEUE_ERRORS = Counter(
    "queue_errors_total", "Calls to the queue or the idempotency store that failed.", ["operation"]
)
