"""Spans of sampled requests reach a collector over real HTTP; without one nothing is loaded."""

import subprocess
import sys

import pytest

from ledgers.settings import Settings
from tests.observing import Collector, attributes
from tests.support import client_for, misbehaving

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def _settings(collector: Collector, ratio: float) -> Settings:
    endpoint = f"http://127.0.0.1:{collector.server_port}"
    return Settings(otel_exporter_otlp_endpoint=endpoint, trace_sample_ratio=ratio)


async def test_a_sampled_request_is_one_span(collector: Collector) -> None:
    async with client_for(_settings(collector, 1), misbehaving) as client:
        await client.get("/v1/things/5")
        await client.get("/v1/things/5/crash")
        await client.get("/livez")
        await client.get("/none")
    good, bad, lost = collector.spans
    assert good.name == "GET /v1/things/{number}"
    found = attributes(good)
    assert found["http.route"] == "/v1/things/{number}"
    assert found["http.response.status_code"] == 200
    assert bad.status.code == 2
    assert lost.name == "GET"


# The lowest trace id there is: a sampler that decides by the id would always keep it.
LOWEST = "0" * 31 + "1"


@pytest.mark.parametrize("trace_id", [TRACE, LOWEST])
@pytest.mark.parametrize("flag", ["00", "01"])
@pytest.mark.parametrize("ratio", [0.0, 1.0])
@pytest.mark.parametrize("trusted", [False, True])
async def test_only_a_trusted_caller_decides_what_is_traced(
    collector: Collector, trace_id: str, flag: str, ratio: float, *, trusted: bool
) -> None:
    settings = _settings(collector, ratio).model_copy(update={"trust_trace_context": trusted})
    headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-{flag}"}
    async with client_for(settings, misbehaving) as client:
        await client.get("/v1/things/5", headers=headers)
    expected = flag == "01" if trusted else ratio == 1.0
    assert [span.trace_id.hex() for span in collector.spans] == [trace_id] * expected


async def test_errors_say_what_they_are(collector: Collector) -> None:
    settings = _settings(collector, 1).model_copy(update={"request_timeout_seconds": 0.05})
    async with client_for(settings, misbehaving) as client:
        await client.get("/v1/things/5/crash")
        await client.get("/v1/things/slow/9")
        with pytest.raises(RuntimeError):
            await client.post("/v1/things/broken-stream")
        await client.get("/none")
    *failed, lost = collector.spans
    assert [span.status.code for span in failed] == [2, 2, 2]
    kinds = [attributes(span)["error.type"] for span in failed]
    assert kinds == ["RuntimeError", "504", "RuntimeError"]
    assert [[event.name for event in span.events] for span in failed] == [
        ["exception"],
        [],
        ["exception"],
    ]
    assert attributes(failed[2])["http.response.status_code"] == 200
    assert (lost.status.code, "error.type" in attributes(lost)) == (0, False)


async def test_methods_of_the_callers_invention_are_one(collector: Collector) -> None:
    async with client_for(_settings(collector, 1), misbehaving) as client:
        await client.request("BREW", "/none")
    [span] = collector.spans
    found = attributes(span)
    assert (span.name, found["http.request.method"]) == ("HTTP", "_OTHER")
    assert found["http.request.method_original"] == "BREW"


# The client of the cache loads the SDK's metrics, whatever we do.
_LOADS_SDK = """
import sys
from ledgers.app import create_app
from ledgers.settings import Settings
create_app(Settings())
sys.exit(any(name.startswith("opentelemetry.sdk.trace") for name in sys.modules))
"""


def test_with_tracing_off_the_sdk_is_never_imported() -> None:
    done = subprocess.run([sys.executable, "-c", _LOADS_SDK], check=False)  # noqa: S603 our own code
    assert done.returncode == 0
