"""The API as a process: logs, metrics port, then HTTP."""

from . import routes
from .app import Routes, create_app
from .metrics import metrics_server
from .server import serve
from .settings import Settings
from .startup import start_logging


def run_api(settings: Settings, include_routes: Routes = routes.include_routes) -> int:
    """Returns the exit code of the process."""
    start_logging(settings)
    with metrics_server(settings.host, settings.metrics_port):
        return serve(create_app(settings, include_routes), settings)
