"""The engine for SQS over the wire: what a service finds in it, and what is said when it does not start."""

from __future__ import annotations

import http.client
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

import pytest

from standardized_modules import InfrastructurePatternEngine
from standardized_modules.engines import _MODULES, EngineError, Facts, Running, open_engine
from standardized_modules.engines import running as running_module
from standardized_modules.errors import UsageError
from standardized_modules.model.library import EngineName

VALUES = {
    "queue.ordered": False,
    "queue.max_message": 200_000,
    "queue.retention": 345_600,
    "queue.dead_letter_retention": 1_209_600,
    "queue.visibility_timeout": 2,
    "worker.max_attempts": 5,
}
ORDERS = Facts("orders", "eu-west-1", VALUES)


def call(running: Running, target: str, **body: object) -> dict[str, Any]:
    """A request as the SDK makes it, with the settings that the service gets."""
    scope = f"{running.settings['AWS_ACCESS_KEY_ID']}/20261123/{running.settings['AWS_REGION']}"
    service = "dynamodb" if target.startswith("DynamoDB") else "sqs"
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": target,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}/{service}/aws4_request, SignedHeaders=host, Signature=0",
    }
    connection = http.client.HTTPConnection(urlsplit(running.settings["AWS_ENDPOINT_URL"]).netloc, timeout=30)
    connection.request("POST", "/", json.dumps(body), headers)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    assert response.status == 200, text
    return json.loads(text or b"{}")  # type: ignore[no-any-return]


def attributes(running: Running, url: str) -> dict[str, Any]:
    found = call(running, "AmazonSQS.GetQueueAttributes", QueueUrl=url, AttributeNames=["All"])
    return found["Attributes"]  # type: ignore[no-any-return]


def test_a_service_finds_its_queues_and_its_table(tmp_path: Path) -> None:
    with open_engine("sqs", ORDERS, tmp_path) as running:
        queue, dead_letters = running.settings["APP_QUEUE_URL"], running.settings["APP_DEAD_LETTER_QUEUE_URL"]
        assert queue == f"{running.address}/000000000000/orders-local"
        assert running.address.startswith("http://127.0.0.1:")

        found = attributes(running, queue)
        assert found["VisibilityTimeout"] == "2"
        assert found["MaximumMessageSize"] == "200000"
        assert found["MessageRetentionPeriod"] == "345600"
        assert found["QueueArn"].startswith("arn:aws:sqs:eu-west-1:")
        redrive = json.loads(found["RedrivePolicy"])
        others = attributes(running, dead_letters)
        assert redrive == {"deadLetterTargetArn": others["QueueArn"], "maxReceiveCount": 20}
        assert others["MessageRetentionPeriod"] == "1209600"

        table = running.settings["APP_IDEMPOTENCY_TABLE"]
        described = call(running, "DynamoDB_20120810.DescribeTable", TableName=table)["Table"]
        assert described["KeySchema"] == [{"AttributeName": "key", "KeyType": "HASH"}]
        expiry = call(running, "DynamoDB_20120810.DescribeTimeToLive", TableName=table)["TimeToLiveDescription"]
        assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}

        call(running, "AmazonSQS.SendMessage", QueueUrl=queue, MessageBody="{}")
        received = call(running, "AmazonSQS.ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=1)["Messages"]
        assert [each["Body"] for each in received] == ["{}"]
        assert running.notes == ()
    assert running.child.code is not None
    assert [each.name for each in tmp_path.iterdir()] == ["sqs.log"], "it keeps no file of its own"


def test_ordered_queues_and_what_is_smaller_here(tmp_path: Path) -> None:
    facts = Facts("orders", "eu-west-1", {**VALUES, "queue.ordered": True, "queue.max_message": 1_048_576})
    with open_engine("sqs", facts, tmp_path) as running:
        queue = running.settings["APP_QUEUE_URL"]
        assert queue.endswith("/orders-local.fifo")
        found = attributes(running, queue)
        assert (found["FifoQueue"], found["ContentBasedDeduplication"]) == ("true", "false")
        assert attributes(running, running.settings["APP_DEAD_LETTER_QUEUE_URL"])["FifoQueue"] == "true"
        assert found["MaximumMessageSize"] == "262144"
        assert running.notes == ("ministack takes messages up to 262144 bytes; the queue in AWS takes 1048576",)


def test_it_is_out_of_reach_for_other_machines_and_real_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-a-person")
    with open_engine("sqs", ORDERS, tmp_path) as running:
        process = Path("/proc", str(running.child.pid))
        assert b"of-a-person" not in (process / "environ").read_bytes()
        sockets = {
            each.readlink().name[8:-1] for each in (process / "fd").iterdir() if "socket:" in str(each.readlink())
        }
        tables = [*(process / "net/tcp").read_text().splitlines(), *(process / "net/tcp6").read_text().splitlines()]
        rows = [row.split() for row in tables]
        listening = [row[1] for row in rows if row[3] == "0A" and row[9] in sockets]
        assert listening == [f"0100007F:{urlsplit(running.address).port:04X}"], "one port, on 127.0.0.1"
    assert "AWS_PROFILE" in running.removed
    assert "of-a-person" not in running.settings.values()


def test_a_limit_of_sqs_is_explained(tmp_path: Path) -> None:
    with (
        pytest.raises(EngineError, match=r"refuses AmazonSQS.CreateQueue: .*VisibilityTimeout"),
        open_engine("sqs", Facts("orders", "eu-west-1", {**VALUES, "queue.visibility_timeout": 50_000}), tmp_path),
    ):
        pass


def test_its_package_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ministack", None)
    with pytest.raises(UsageError, match="needs the package ministack") as caught, open_engine("sqs", ORDERS, tmp_path):
        pass
    assert caught.value.hint == "pip install 'standardized-modules-framework[local]'"


def test_what_it_said_when_it_did_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken" / "ministack"
    broken.mkdir(parents=True)
    (broken / "__init__.py").touch()
    (broken / "__main__.py").write_text("raise SystemExit('no room on this ship')")
    monkeypatch.setenv("PYTHONPATH", str(broken.parent))
    with (
        pytest.raises(EngineError, match=r"(?s)'sqs' does not start; it said:.*no room on this ship"),
        open_engine("sqs", ORDERS, tmp_path),
    ):
        pass


def test_nobody_waits_for_it_any_more(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(EngineError), open_engine("sqs", ORDERS, tmp_path, cancelled=lambda: True):
        pass
    assert time.monotonic() - started < running_module.START_SECONDS / 2


def test_every_engine_of_the_library_is_there() -> None:
    assert set(get_args(EngineName)) == set(_MODULES)
    library = InfrastructurePatternEngine.load().library
    used = {name for each in library.implementations.values() for found in each.values() for name in found.engines}
    assert used <= set(_MODULES)


def test_proxies_are_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setitem(os.environ, name, "http://127.0.0.1:9")
    with open_engine("sqs", ORDERS, tmp_path) as running:
        assert attributes(running, running.settings["APP_QUEUE_URL"])
