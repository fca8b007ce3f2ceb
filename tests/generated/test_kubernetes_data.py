"""The manifests and alert rules of a service with a database, a cache and backups, on every cloud."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from standardized_modules.checks import Check, Tree, discover
from standardized_modules.engine import InfrastructurePatternEngine
from tests.conftest import Sm

CHECKS = tuple(check for check in discover() if check.ID.startswith("SM2"))
SERVICES = ("data_api", "data_api on azure")
ENVIRONMENTS = ("dev", "staging", "prod")
CRON = re.compile(r"\d+ (\*|\*/\d+|\d+) (\*|1) (\*|\*/3) (\*|[1-6])")


@pytest.fixture(scope="module")
def trees(service_folder: Callable[[str], Path]) -> Callable[[str], Tree]:
    """Fresh services by name; the overlays of each are built once."""
    return cache(lambda name: Tree.read(service_folder(name)))


def objects(tree: Tree, environment: str, *kinds: str) -> dict[str, dict[str, Any]]:
    overlay = next(each for each in tree.overlays if each.name == environment)
    assert not overlay.error
    return {each["metadata"]["name"]: each for each in overlay.manifests if each["kind"] in kinds}


def pod_of(workload: dict[str, Any]) -> dict[str, Any]:
    spec = workload["spec"]
    spec = spec["jobTemplate"]["spec"] if workload["kind"] == "CronJob" else spec
    return spec["template"]["spec"]  # type: ignore[no-any-return]


def secrets(pod: dict[str, Any]) -> set[str]:
    return {volume["csi"]["volumeAttributes"]["secretProviderClass"] for volume in pod["volumes"] if "csi" in volume}


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.ID)
def test_check_is_clean(trees: Callable[[str], Tree], name: str, check: Check) -> None:
    assert list(check.check(trees(name))) == []


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_each_process_mounts_its_own_secrets_and_no_other(
    trees: Callable[[str], Tree], name: str, environment: str
) -> None:
    found = objects(trees(name), environment, "Deployment", "Job", "CronJob")
    mounted = {each: secrets(pod_of(workload)) for each, workload in found.items()}

    assert mounted == {
        "orders": {"orders-database"} | ({"orders-cache"} if name == "data_api" else set()),
        "orders-migrate": {"orders-database-admin"},
        "orders-rotate": {"orders-database-admin"},
        "orders-backup": {"orders-database-backup"},
        "orders-drill": {"orders-database-backup"},
    }
    accounts = {each: pod_of(workload)["serviceAccountName"] for each, workload in found.items()}
    assert accounts == {
        "orders": "orders",
        "orders-migrate": "orders-migrate",
        "orders-rotate": "orders-migrate",
        "orders-backup": "orders-backup",
        "orders-drill": "orders-backup",
    }


@pytest.mark.parametrize("name", SERVICES)
def test_files_are_where_the_settings_say(trees: Callable[[str], Tree], name: str) -> None:
    found = objects(trees(name), "prod", "ConfigMap")
    settings = next(each["data"] for each in found.values() if "APP_ENVIRONMENT" in each.get("data", {}))
    classes = objects(trees(name), "prod", "SecretProviderClass")
    files = set()
    for workload in objects(trees(name), "prod", "Deployment", "Job", "CronJob").values():
        pod = pod_of(workload)
        volumes = {volume["name"]: volume for volume in pod["volumes"] if "csi" in volume}
        for mount in pod["containers"][0]["volumeMounts"]:
            assert "subPath" not in mount, "such a file is never brought up to date"
            if mount["name"] in volumes:
                given = volumes[mount["name"]]["csi"]["volumeAttributes"]["secretProviderClass"]
                alias = re.search(r"objectAlias: (\S+)", classes[given]["spec"]["parameters"]["objects"])
                assert alias
                files.add(f"{mount['mountPath']}/{alias[1]}")
    given = {value for key, value in settings.items() if key.endswith("_CREDENTIALS_FILE") and value}
    assert given == files


@pytest.mark.parametrize("name", SERVICES)
def test_no_secret_of_the_cluster_holds_a_password(trees: Callable[[str], Tree], name: str) -> None:
    for environment in ENVIRONMENTS:
        assert objects(trees(name), environment, "Secret") == {}
        for each in objects(trees(name), environment, "SecretProviderClass").values():
            assert "secretObjects" not in each["spec"]


@pytest.mark.parametrize("name", SERVICES)
def test_jobs_connect_to_the_primary_itself(trees: Callable[[str], Tree], name: str) -> None:
    for environment in ENVIRONMENTS:
        found = objects(trees(name), environment, "ConfigMap")
        jobs = next(each for key, each in found.items() if key.startswith("orders-jobs"))
        assert jobs["data"]["APP_DATABASE_POOLER"] == "false"
        assert jobs["data"]["APP_DATABASE_PORT"] == "5432"
        for workload in objects(trees(name), environment, "Job", "CronJob").values():
            pod = pod_of(workload)
            for container in (*pod.get("initContainers", ()), *pod["containers"]):
                last = container["envFrom"][-1]["configMapRef"]["name"]
                assert last == jobs["metadata"]["name"], "what comes last counts"


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_runs_twice_at_a_time_or_for_ever(trees: Callable[[str], Tree], name: str) -> None:
    jobs = objects(trees(name), "prod", "Job", "CronJob")
    assert len(jobs) == 4
    for workload in jobs.values():
        spec = workload["spec"]
        if workload["kind"] == "CronJob":
            assert spec["concurrencyPolicy"] == "Forbid"
            assert spec["timeZone"] == "Etc/UTC"
            assert CRON.fullmatch(spec["schedule"]), spec["schedule"]
            spec = spec["jobTemplate"]["spec"]
        assert spec["activeDeadlineSeconds"] > 0
        assert spec["template"]["spec"]["restartPolicy"] == "Never"


@pytest.mark.parametrize("name", SERVICES)
def test_no_job_is_thrown_out_to_empty_a_node(trees: Callable[[str], Tree], name: str) -> None:
    jobs = objects(trees(name), "prod", "CronJob", "Job")
    assert set(jobs) == {"orders-migrate", "orders-rotate", "orders-backup", "orders-drill"}
    for each, workload in jobs.items():
        job = workload["spec"]["jobTemplate"]["spec"] if workload["kind"] == "CronJob" else workload["spec"]
        annotations = job["template"]["metadata"]["annotations"]
        assert annotations["karpenter.sh/do-not-disrupt"] == "true", each
        assert annotations["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false", each
        ignored = {"type": "DisruptionTarget", "status": "True"}
        assert {"action": "Ignore", "onPodConditions": [ignored]} in job["podFailurePolicy"]["rules"], each


@pytest.mark.parametrize("name", SERVICES)
def test_dashboard_shows_what_runbooks_ask_for(trees: Callable[[str], Tree], name: str) -> None:
    dashboard = trees(name)["deploy/kubernetes/overlays/prod/dashboards/overview.json"]
    for metric in ("database_replica_usable", "cache_up", "cache_invalidations_owed"):
        assert f"({metric}{{" in dashboard, metric
    for job in ("rotate", "backup", "drill"):
        assert f'cronjob=\\"orders-{job}\\"' in dashboard, job


def test_time_of_statements_is_measured_up_to_where_they_are_ended(trees: Callable[[str], Tree]) -> None:
    buckets = re.search(r"^_SLOW = \((.+)\)$", trees("data_api")["src/orders/database/metrics.py"], re.MULTILINE)
    assert buckets
    longest = InfrastructurePatternEngine.load().library.parameters["database.statement_timeout"].maximum
    assert float(buckets[1].split(", ")[-1]) == longest


@pytest.mark.parametrize("name", SERVICES)
def test_every_alert_has_a_unit_test(trees: Callable[[str], Tree], name: str) -> None:
    tree = trees(name)
    tests = "\n".join(tree[path] for path in tree.glob("deploy/kubernetes/tests/*.test.yaml"))
    rules = objects(tree, "prod", "PrometheusRule")
    alerts = {
        rule["alert"]
        for manifest in rules.values()
        for group in manifest["spec"]["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    assert {"DatabaseUnavailable", "CacheAway", "BackupTooOld", "RestoreDrillFailed", "MigrationFailed"} <= alerts
    assert {alert for alert in alerts if alert not in tests} == set()
    for environment in ENVIRONMENTS:
        text = yaml.safe_dump_all(objects(tree, environment, "PrometheusRule").values())
        assert ("severity: page" in text) == (environment == "prod")


OTHERS = {
    "often": (
        "backup.interval=1",
        "backup.drill_interval=1",
        "database.credentials_rotation=7",
        "database.pool_wait=500",
    ),
    "seldom": (
        "backup.interval=168",
        "backup.drill_interval=30",
        "dev.backup.retention=35",
        "database.credentials_rotation=90",
    ),
    "large": ("database.storage=16384", "database.max_replica_lag=300", "database.pool_wait=2000"),
}


@pytest.mark.parametrize("values", OTHERS.values(), ids=OTHERS)
def test_alerts_and_schedules_of_other_values(sm: Sm, tmp_path: Path, values: tuple[str, ...]) -> None:
    assignments = [word for value in values for word in ("--set", value)]
    cloud = ("--cloud", "azure") if "database.storage=16384" in values else ("--cloud", "aws")
    done = sm("create-microservice", "orders", "--pattern", "data_api", *cloud, "--output-dir", tmp_path, *assignments)
    assert done.returncode == 0, done.stderr
    tested = subprocess.run([tmp_path / "orders/scripts/test-alerts.sh"], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout + tested.stderr

    tree = Tree.read(tmp_path / "orders")
    for environment in ENVIRONMENTS:
        for job in objects(tree, environment, "CronJob").values():
            assert CRON.fullmatch(job["spec"]["schedule"]), job["spec"]["schedule"]
            assert job["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"] > 0
