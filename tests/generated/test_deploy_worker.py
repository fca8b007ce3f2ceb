"""scripts/deploy.sh of a service with a worker: two Deployments, and a rollout that may have no pods."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.generated.test_deploy_script import ACCOUNT, IMAGE, OUTPUTS, PREVIOUS, Deployment, prepared

QUEUE = f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/orders-staging"
VALUES = {
    **OUTPUTS,
    "queue_url": QUEUE,
    "dead_letter_queue_url": f"{QUEUE}-dead-letters",
    "idempotency_table": "orders-staging-idempotency",
    "keda_role_arn": f"arn:aws:iam::{ACCOUNT}:role/orders-staging-keda",
}
HOLD = "autoscaling.keda.sh/paused-replicas=1"
RELEASE = "autoscaling.keda.sh/paused-replicas-"


def calls(deployment: Deployment, *words: str) -> list[str]:
    """What was asked of the cluster, in its order, by words that tell it."""
    found = [next((word for word in words if word in line), "") for line in deployment.record]
    return [word for word in found if word]


@pytest.fixture
def worker(service_folder: Callable[[str], Path], tmp_path: Path) -> Deployment:
    deployment = prepared(service_folder("worker"), tmp_path)
    deployment.answers = {"OUTPUTS": json.dumps(VALUES)}
    return deployment


def test_values_of_terraform_reach_settings_and_keda(worker: Deployment) -> None:
    done = worker.run("--yes", "staging", IMAGE)

    assert done.returncode == 0, done.stderr
    applied = worker.applied_file.read_text()
    for name in ("queue_url", "dead_letter_queue_url", "idempotency_table", "keda_role_arn", "dns_cidr"):
        assert VALUES[name] in applied
    assert IMAGE in applied
    assert applied.count(QUEUE) == 3, "the queue in the settings and in the trigger, its dead letters in the settings"


@pytest.mark.parametrize("key", ["queue_url", "dead_letter_queue_url", "keda_role_arn"])
def test_refuses_manifests_for_which_terraform_gave_no_value(worker: Deployment, key: str) -> None:
    worker.answers = {"OUTPUTS": json.dumps({name: value for name, value in VALUES.items() if name != key})}
    done = worker.run("--yes", "staging", IMAGE)

    assert done.returncode == 1
    assert "placeholders are left" in done.stderr
    assert "kubectl apply" not in worker.commands()


def test_running_workers_are_left_to_the_rollout(worker: Deployment) -> None:
    worker.answers["REPLICAS"] = "2"
    done = worker.run("--yes", "staging", IMAGE)

    assert done.returncode == 0, done.stderr
    assert calls(worker, "rollout status deployment/orders-worker", HOLD, RELEASE) == [
        "rollout status deployment/orders-worker"
    ]


def test_without_pods_one_is_started_and_let_go(worker: Deployment) -> None:
    worker.answers["REPLICAS"] = "0"
    done = worker.run("--yes", "staging", IMAGE)

    assert done.returncode == 0, done.stderr
    assert calls(worker, "rollout status", HOLD, "wait deployment/orders-worker", RELEASE) == [
        "rollout status",
        HOLD,
        "wait deployment/orders-worker",
        RELEASE,
    ]
    assert list((worker.folder / "tmp").iterdir()) == [], "temporary files must be gone"


def test_worker_that_does_not_start_fails_the_deployment_and_is_let_go(worker: Deployment) -> None:
    worker.answers |= {"REPLICAS": "0", "STARTS": "1"}
    done = worker.run("--yes", "staging", IMAGE)

    assert done.returncode == 1
    assert f"to go back: scripts/deploy.sh staging {PREVIOUS}" in done.stderr
    assert "ModuleNotFoundError" in done.stderr, "the logs of the pods must be shown"
    assert calls(worker, HOLD, RELEASE) == [HOLD, RELEASE]


def test_workers_that_somebody_paused_stay_paused(worker: Deployment) -> None:
    worker.answers |= {"REPLICAS": "0", "ANNOTATIONS": '{"autoscaling.keda.sh/paused-replicas":"0"}'}
    done = worker.run("--yes", "staging", IMAGE)

    assert done.returncode == 0, done.stderr
    assert "somebody has paused the workers" in done.stderr
    assert calls(worker, HOLD, RELEASE) == []


def test_both_processes_are_waited_for_with_the_longer_grace_period(
    service_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    both = prepared(service_folder("web_api and worker"), tmp_path)
    both.answers = {"OUTPUTS": json.dumps(VALUES)}
    done = both.run("--yes", "staging", IMAGE)

    assert done.returncode == 0, done.stderr
    waited = [line for line in both.record if "rollout status" in line]
    assert [line.split()[5] for line in waited] == ["deployment/orders", "deployment/orders-worker"]
    assert {line.split()[6] for line in waited} == {f"--timeout={3 * 300 + 47}s"}
    assert both.applied_file.read_text().count(f"image: {IMAGE}") == 2
