"""What every process of the service does first."""

import logging
import sys

from .logs import configure_logging
from .settings import Settings, SettingsError, load_settings, unknown_variables

EX_CONFIG = 78
"""sysexits.h: the configuration is wrong, so a restart will not help."""


def read_settings() -> Settings:
    """The settings; a configuration that is not valid ends the process and says why."""
    try:
        return load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 logging is not set up yet
        sys.exit(EX_CONFIG)


def start_logging(settings: Settings) -> None:
    """From here on everything is a JSON line on standard output."""
    configure_logging(settings.log_level)
    log = logging.getLogger(__package__)
    for name in unknown_variables():
        log.warning("unknown setting ignored", extra={"variable": name})
