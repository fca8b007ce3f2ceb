"""What the pipeline starts the image with, as far as it can be had without Docker."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from tests.generated.data.conftest import OpenApi
from tests.generated.data.servers import PATIENCE


def example_settings(service: Path) -> dict[str, str]:
    """What `docker run --env-file .env.example` makes of the file."""
    lines = (service / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def health_command(service: Path) -> list[str]:
    """What Docker runs inside of the container."""
    found = re.search(r"^HEALTHCHECK .*\\\n +CMD (\[.*\])$", (service / "Dockerfile").read_text(), re.MULTILINE)
    assert found
    command: list[str] = json.loads(found[1])
    return command


def test_the_image_is_healthy_where_there_is_no_database(service: Path, python: Path, start: OpenApi) -> None:
    """Or `scripts/test-image.sh` fails and nothing can ever be deployed."""
    assert "--env-file .env.example" in (service / "scripts/test-image.sh").read_text()
    settings = example_settings(service)
    assert settings["APP_DATABASE_HOST"] == "", "else there would be a database"
    for port in ("APP_PORT", "APP_METRICS_PORT"):
        del settings[port]
    # It ends with the test, by SIGTERM, and must do so in order.
    api = start(settings, ready=False)
    name, *arguments = health_command(service)
    assert name == "python"
    asked = subprocess.run([python, *arguments], env={"APP_PORT": str(api.port)}, timeout=PATIENCE, check=False)
    assert asked.returncode == 0, api.log.read_text()
    assert not api.is_ready(), "it gets no requests, though"
    refused = api.ask("GET", "/v1/items")
    assert (refused.status, refused.headers["content-type"]) == (503, "application/problem+json")
    assert refused.headers["retry-after"]


def test_compose_is_not_offered(service: Path) -> None:
    """It would start the image alone, which can do nothing without a database."""
    assert not (service / "compose.yaml").exists()
    for name in ("Makefile", ".env.example", "Dockerfile"):
        assert "compose" not in (service / name).read_text(), name
        assert "make up" not in (service / name).read_text(), name
