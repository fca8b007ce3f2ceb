"""scripts/smoke-test.sh of a generated service, against servers that answer rightly, late and never."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

PROBLEM = (404, "application/problem+json")
LOAD_BALANCER = (503, "text/html")


@contextmanager
def server(*answers: tuple[int, str]) -> Iterator[str]:
    """A server that gives these answers in turn, then the last one for ever."""
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content_type = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing on standard error."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=httpd.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{httpd.server_port}"
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


def smoke(service: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script without its pauses."""
    return subprocess.run(
        [service / "scripts/smoke-test.sh", *arguments],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "SMOKE_TEST_PAUSE": "0"},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_the_service_answers(web_api_service: Path) -> None:
    with server(PROBLEM) as url:
        done = smoke(web_api_service, url)

    assert (done.returncode, done.stdout, done.stderr) == (0, f"smoke-test: {url} answers\n", "")


def test_it_waits_until_the_load_balancer_has_targets(web_api_service: Path) -> None:
    with server(LOAD_BALANCER, LOAD_BALANCER, PROBLEM) as url:
        done = smoke(web_api_service, url)

    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        f"smoke-test: try {n}: '503 text/html' instead of the service's own 404" for n in (1, 2)
    ]


def test_a_404_of_the_load_balancer_is_not_the_service(web_api_service: Path) -> None:
    with server((404, "text/html")) as url:
        done = smoke(web_api_service, url)

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 30


def test_nobody_answers(web_api_service: Path) -> None:
    done = smoke(web_api_service, "http://127.0.0.1:1")

    assert done.returncode == 1
    assert "try 30: '000 ' instead" in done.stderr


def test_without_a_host_it_says_how(web_api_service: Path) -> None:
    done = smoke(web_api_service)

    assert done.returncode != 0
    assert "usage: scripts/smoke-test.sh https://HOST" in done.stderr
