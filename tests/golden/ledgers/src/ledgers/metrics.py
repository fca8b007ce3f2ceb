"""Prometheus metrics: the separate port that serves them, and which version runs.

Your own metrics: declare them at module level with `prometheus_client` and they are served too.
Keep label values few and known in advance; an id in a label is a time series for ever.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Gauge, disable_created_metrics, start_http_server

# A time stamp beside each counter, twice the series: Prometheus has no use for it.
disable_created_metrics()  # type: ignore[no-untyped-call]  # untyped upstream

INFO = Gauge("app_info", "Always 1; the label says which version runs.", ["version"])


_log = logging.getLogger(__name__)


@contextmanager
def metrics_server(host: str, port: int) -> Iterator[None]:
    """Serve the metrics while the block runs, on a port that no public route leads to.

    It has a thread of its own: a scrape neither passes through nor waits for the application. When
    the port is taken the process ends with exit code 1.
    """
    try:
        server, thread = start_http_server(port, host)
    except OSError as error:
        _log.critical("cannot serve metrics on %s:%d (APP_METRICS_PORT): %s", host, port, error)
        sys.exit(1)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
