"""Faults in Dockerfile and .dockerignore."""

from __future__ import annotations

from tests.generated.mutations._mutation import Mutation as M

FILE = "Dockerfile"
MUTATIONS = (
    M("instruction misspelt", "SM101", FILE, "WORKDIR /app", "WORKDIRS /app"),
    M("relative working directory", "SM101", FILE, "WORKDIR /build", "WORKDIR build"),
    M(
        "packages without versions",
        "SM101",
        FILE,
        "RUN groupadd",
        "RUN apt-get update && apt-get install -y curl\nRUN groupadd",
    ),
    M("stage that does not exist", "SM101", FILE, "--from=build /opt/app", "--from=builds /opt/app\nCOPY --from=build"),
    M("latest", "SM102", FILE, "FROM python:3.13.15-slim-trixie AS", "FROM python:latest AS"),
    M("copies a file that is not there", "SM109", FILE, "COPY requirements.txt .", "COPY requirement.txt ."),
    M("copies what the context leaves out", "SM109", FILE, "COPY requirements.txt .", "COPY pyproject.toml ."),
    M("no tag", "SM102", FILE, "FROM python:3.13.15-slim-trixie AS", "FROM python AS"),
    M("major version only", "SM102", FILE, "FROM python:3.13.15-slim-trixie AS", "FROM python:3-slim AS"),
    M("user by name", "SM103", FILE, "USER 10001:10001", "USER app"),
    M("root", "SM103", FILE, "USER 10001:10001", "USER 0:0"),
    M("no user", "SM103", FILE, "USER 10001:10001\n", ""),
    M("user that the manifests don't know", "SM103", FILE, "USER 10001:10001", "USER 10002:10001"),
    M(
        "no health check",
        "SM104",
        FILE,
        "HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \\\n    CMD",
        "LABEL command=",
    ),
    M("health check that never gives up", "SM104", FILE, " --timeout=3s", ""),
    M("secret as build argument", "SM105", FILE, "ARG VERSION=", "ARG INDEX_PASSWORD\nARG VERSION="),
    M(
        "secret in the environment",
        "SM105",
        FILE,
        "    PYTHONUNBUFFERED=1",
        "    PYTHONUNBUFFERED=1 \\\n    API_TOKEN=abc",
    ),
    M(
        "credentials in a URL",
        "SM105",
        FILE,
        "ARG VERSION=",
        "ARG INDEX=https://me:secret@pypi.example.com\nARG VERSION=",
    ),
    M("context with everything", "SM106", ".dockerignore", "\n*\n", "\n"),
    M("local settings let in", "SM106", ".dockerignore", "!src", "!src\n!.env*"),
    M("history let in", "SM106", ".dockerignore", "!src", "!src\n!.git"),
    M("metrics port not exposed", "SM107", FILE, "EXPOSE 8080 9090", "EXPOSE 8080"),
    M("other port exposed", "SM107", FILE, "EXPOSE 8080", "EXPOSE 8000"),
    M("command under a shell", "SM108", FILE, 'ENTRYPOINT ["python", "-m", "orders"]', "ENTRYPOINT python -m orders"),
    M("no command", "SM108", FILE, 'ENTRYPOINT ["python", "-m", "orders"]', ""),
)
