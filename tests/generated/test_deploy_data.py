"""scripts/deploy.sh of a service with a database: the schema first, then the code."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.generated.test_deploy_script import ACCOUNT, IMAGE, KINDS, OUTPUTS, PREVIOUS, TOOLS, Deployment, prepared

SECRET = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:orders-staging"
VALUES = {
    **OUTPUTS,
    "region": "eu-west-1",
    "data_cidr": "10.20.64.0/18",
    "database_host": "orders-staging.abc.eu-west-1.rds.amazonaws.com",
    "database_primary_host": "orders-staging-primary.abc.eu-west-1.rds.amazonaws.com",
    "database_replica_hosts": "",
    "database_secret_arn": f"{SECRET}/database-app-AbCdEf",
    "database_admin_secret_arn": f"{SECRET}/database-admin-AbCdEf",
    "database_backup_secret_arn": f"{SECRET}/database-backup-AbCdEf",
    "cache_host": "master.orders-staging.abc.euw1.cache.amazonaws.com",
    "cache_secret_arn": f"{SECRET}/cache-AbCdEf",
    "backup_target": "s3://orders-staging-backups/logical",
}
BEFORE = {"Namespace", "ServiceAccount", "ConfigMap", "SecretProviderClass", "NetworkPolicy"}


def objects(deployment: Deployment, file: str) -> list[dict[str, Any]]:
    """What a call to kubectl was given."""
    return [*yaml.safe_load_all((deployment.folder / f"applied-{file}.yaml").read_text())]


def steps(deployment: Deployment) -> list[str]:
    """What changed the cluster, and what was waited for, in its order."""
    names = {
        "before.yaml": "what the job needs",
        " create -f ": "job",
        " get job": "look",
        "manifests.yaml": "rest",
        "rollout status": "rollout",
    }
    lines = [line for line in deployment.record if line.startswith("kubectl ") and " diff " not in f" {line} "]
    return [step for line in lines for text, step in names.items() if text in line]


@pytest.fixture
def data(service_folder: Callable[[str], Path], tmp_path: Path) -> Deployment:
    deployment = prepared(service_folder("data_api"), tmp_path)
    deployment.answers = {"OUTPUTS": json.dumps(VALUES)}
    return deployment


def test_migrations_are_done_before_anything_of_the_new_version_is_there(data: Deployment) -> None:
    data.answers["JOB_TAKES"] = "2"
    done = data.run("--yes", "staging", IMAGE)

    assert done.returncode == 0, done.stderr
    assert steps(data) == ["what the job needs", "job", "look", "look", "look", "rest", "rollout"]
    assert {each["kind"] for each in objects(data, "before")} == BEFORE
    rest = objects(data, "manifests")
    assert {"Deployment", "CronJob", *BEFORE} <= {each["kind"] for each in rest}
    assert "Job" not in {each["kind"] for each in rest}, "a Job cannot be applied twice"
    assert list((data.folder / "tmp").iterdir()) == [], "temporary files must be gone"


def test_job_is_a_new_one_with_the_image_and_the_settings_of_this_deployment(data: Deployment) -> None:
    done = data.run("--yes", "staging", IMAGE)

    assert done.returncode == 0, done.stderr
    (job,) = objects(data, "job")
    assert job["metadata"]["generateName"] == "orders-migrate-"
    assert "name" not in job["metadata"]
    pod = job["spec"]["template"]["spec"]
    images = {container["image"] for container in (*pod["initContainers"], *pod["containers"])}
    assert images == {IMAGE}
    assert [container["args"] for container in (*pod["initContainers"], *pod["containers"])] == [
        ["database-roles"],
        ["migrate", "up", "--within=3600"],
    ]
    given = {each["configMapRef"]["name"] for each in pod["containers"][0]["envFrom"]}
    applied = {each["metadata"]["name"] for each in objects(data, "before") if each["kind"] == "ConfigMap"}
    assert given <= applied, "the settings must be there before the job starts"


@pytest.mark.parametrize(
    ("previous", "goes_on"), [(PREVIOUS, f"pods of {PREVIOUS} go on"), ("", "")], ids=["rollout", "first deployment"]
)
def test_failed_migration_stops_the_deployment_and_shows_why(data: Deployment, previous: str, goes_on: str) -> None:
    data.answers |= {"JOB": "FailureTarget Failed", "PREVIOUS": previous}
    done = data.run("--yes", "staging", IMAGE)

    assert done.returncode == 1
    assert "the migrations did not finish" in done.stderr
    assert "docs/runbook.md#migrationfailed" in done.stderr
    assert "ModuleNotFoundError" in done.stderr, "the log of the job must be shown"
    assert goes_on in done.stderr
    assert steps(data) == ["what the job needs", "job", "look"]


def test_migration_that_never_ends_is_given_up(data: Deployment) -> None:
    manifest = data.service / "deploy/kubernetes/base/migration-job.yaml"
    manifest.write_text(manifest.read_text().replace("activeDeadlineSeconds: 3600", "activeDeadlineSeconds: 10"))
    data.answers["JOB"] = ""
    done = data.run("--yes", "staging", IMAGE)

    assert done.returncode == 1
    assert "the migrations did not finish" in done.stderr
    assert "rest" not in steps(data)


def test_a_cluster_that_is_silent_for_a_while_is_asked_again(data: Deployment) -> None:
    data.answers["JOB_FAILS"] = "19"
    done = data.run("--yes", "staging", IMAGE)

    assert done.returncode == 0, done.stderr
    assert steps(data).count("look") == 20
    assert steps(data)[-2:] == ["rest", "rollout"]


def test_credentials_that_have_run_out_are_not_taken_for_a_migration_that_failed(data: Deployment) -> None:
    data.answers["JOB_FAILS"] = "1000"
    done = data.run("--yes", "staging", IMAGE)

    assert done.returncode == 1
    assert "You must be logged in to the server" in done.stderr
    assert "the migrations did not finish" not in done.stderr
    assert steps(data) == ["what the job needs", "job", *["look"] * 20]


def test_credentials_of_the_pipeline_last_as_long_as_its_job(service_folder: Callable[[str], Path]) -> None:
    service = service_folder("data_api")
    workflow = yaml.safe_load((service / ".github/workflows/deploy-environment.yaml").read_text())
    job = workflow["jobs"]["deploy"]
    (sign_in,) = (step["with"] for step in job["steps"] if step["name"] == "Sign in to AWS")
    assert sign_in["role-duration-seconds"] > job["timeout-minutes"] * 60
    allowed = f"--max-session-duration {sign_in['role-duration-seconds']}"
    assert allowed in (service / "docs/aws-access.md").read_text()


@pytest.mark.parametrize(
    ("classes", "disks", "reason"),
    [
        ("", "True", "no default StorageClass"),
        ("gp2 Delete ", "False", "gp2 are not encrypted"),
        ("gp3 Delete true\ngp2 Delete false", "False", "gp2 are not encrypted"),
        ("gp3 Retain true", "True", "gp3 stay"),
        ("error", "True", "deploy/kubernetes/access/staging.yaml"),
    ],
)
def test_a_copy_of_the_database_is_on_no_disk_that_is_plain_or_stays(
    data: Deployment, classes: str, disks: str, reason: str
) -> None:
    data.answers |= {"CLASSES": classes, "DISKS": disks}
    done = data.run("--yes", "staging", IMAGE)

    assert done.returncode == 1
    assert reason in done.stderr
    assert steps(data) == []


@pytest.mark.parametrize("classes", ["gp2 Delete ", "gp2 Delete false\ngp3 Delete true"])
def test_an_account_that_encrypts_every_disk_is_fine(data: Deployment, classes: str) -> None:
    data.answers |= {"CLASSES": classes, "DISKS": "True"}
    done = data.run("--yes", "staging", IMAGE)

    assert done.returncode == 0, done.stderr


def test_dry_run_shows_the_job_as_well(data: Deployment) -> None:
    done = data.run("--dry-run", "staging", IMAGE)

    assert done.returncode == 0, done.stderr
    assert "Job" in [each["kind"] for each in yaml.safe_load_all(done.stdout)]


def test_values_of_terraform_reach_settings_secrets_and_jobs(data: Deployment) -> None:
    data.run("--yes", "staging", IMAGE)

    found = {(each["kind"], each["metadata"]["name"].rpartition("-")[0]): each for each in objects(data, "manifests")}
    settings, jobs = found["ConfigMap", "orders"]["data"], found["ConfigMap", "orders-jobs"]["data"]
    assert settings["APP_DATABASE_HOST"] == VALUES["database_host"]
    assert settings["APP_CACHE_HOST"] == VALUES["cache_host"]
    assert settings["APP_BACKUP_TARGET"] == VALUES["backup_target"]
    assert jobs["APP_DATABASE_HOST"] == VALUES["database_primary_host"]
    classes = {
        each["metadata"]["name"]: each["spec"]["parameters"]
        for each in objects(data, "manifests")
        if each["kind"] == "SecretProviderClass"
    }
    assert {name: yaml.safe_load(each["objects"])[0]["objectName"] for name, each in classes.items()} == {
        "orders-database": VALUES["database_secret_arn"],
        "orders-database-admin": VALUES["database_admin_secret_arn"],
        "orders-database-backup": VALUES["database_backup_secret_arn"],
        "orders-cache": VALUES["cache_secret_arn"],
    }
    assert {each["region"] for each in classes.values()} == {"eu-west-1"}


@pytest.mark.parametrize("key", ["database_host", "database_admin_secret_arn", "cache_host", "backup_target"])
def test_refuses_manifests_for_which_terraform_gave_no_value(data: Deployment, key: str) -> None:
    data.answers = {"OUTPUTS": json.dumps({name: value for name, value in VALUES.items() if name != key})}
    done = data.run("--yes", "staging", IMAGE)

    assert done.returncode == 1
    assert "placeholders are left" in done.stderr
    assert steps(data) == []


@pytest.mark.parametrize("cloud", ["data_api", "data_api on azure"])
def test_who_deploys_may_make_jobs_and_neither_read_secrets_nor_change_a_job(
    service_folder: Callable[[str], Path], cloud: str
) -> None:
    service = service_folder(cloud)
    access = [*yaml.safe_load_all((service / "deploy/kubernetes/access/staging.yaml").read_text())]
    granted = {
        resource: set(rule["verbs"])
        for each in access
        for rule in each.get("rules", [])
        for resource in rule["resources"]
    }
    assert "secrets" not in granted
    assert granted["jobs"] == {"get", "list", "watch", "create"}
    assert granted["storageclasses"] == {"get", "list"}
    rendered = subprocess.run(
        [str(shutil.which("kubectl", path=TOOLS)), "kustomize", "deploy/kubernetes/overlays/staging"],
        cwd=service, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    plurals = {line.split()[-1]: line.split()[0] for line in KINDS.splitlines()}
    kinds = {each["kind"] for each in yaml.safe_load_all(rendered)} & plurals.keys() - {"Job", "Namespace"}
    assert {"CronJob", "SecretProviderClass"} <= kinds
    for kind in kinds:
        assert granted[plurals[kind]] == {"get", "list", "watch", "create", "patch"}, kind
