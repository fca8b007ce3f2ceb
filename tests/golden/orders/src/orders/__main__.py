"""Start the service: settings, logs, metrics port, then HTTP."""

import logging
import sys

from . import routes
from .app import Routes, create_app
from .logs import configure_logging
from .metrics import metrics_server
from .server import serve
from .settings import SettingsError, load_settings, unknown_variables

EX_CONFIG = 78
"""sysexits.h: the configuration is wrong, so a restart will not help."""


def main(include_routes: Routes = routes.include_routes) -> int:
    """Returns the exit code of the process."""
    try:
        settings = load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 logging is not set up yet
        return EX_CONFIG
    configure_logging(settings.log_level)
    log = logging.getLogger(__package__)
    for name in unknown_variables():
        log.warning("unknown setting ignored", extra={"variable": name})
    with metrics_server(settings.host, settings.metrics_port):
        return serve(create_app(settings, include_routes), settings)


if __name__ == "__main__":
    sys.exit(main())
