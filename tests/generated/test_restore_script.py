"""scripts/restore.sh and psql.sh of a service with a database: the jobs that they make, and what they say."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

NEWEST = "orders/20261123T021700Z"
KUBECTL = """\
#!/usr/bin/env bash
echo "${*//$'\n'/ }" >> "$FOLDER/record"
case " $* " in
  *" create job "*) sed "s/NAME/$5/" "$FOLDER/${6#--from=cronjob/}.json" ;;
  *" patch --local "*) exec "$REAL" "$@" ;;
  *" create -f - "*) cat > "$FOLDER/made-$(ls "$FOLDER" | grep -c made).json" ;;
  *" get job/"*) [[ -z ${AWAY:-} ]] && printf '%s' "$STATE" ;;
  *" logs "*) printf '{"message": "a line of the log"}\\n'; printf '%b' "$LISTED" ;;
  *" config current-context "*) echo a-cluster ;;
  *" wait pod "* | *" exec "* | *" delete job "*) exit "${EXEC:-0}" ;;
  *) exit 9 ;;
esac
"""


def job_of(service: Path, kind: str) -> dict[str, Any]:
    """What `kubectl create job --from` makes of a CronJob."""
    cron = yaml.safe_load((service / f"deploy/kubernetes/base/{kind}-cron-job.yaml").read_text())
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": cron["metadata"]["name"], "uid": "1"}
    template = cron["spec"]["jobTemplate"]
    metadata = {"name": "NAME", "ownerReferences": [owner], "annotations": {"cronjob.kubernetes.io/instantiate": "m"}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}


class Restore:
    """The script with a cluster in its place."""

    def __init__(self, service: Path, folder: Path) -> None:
        self.scripts, self.folder = service / "scripts", folder
        real = shutil.which("kubectl", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        assert real, "kubectl is beside the Python of the tests"
        (folder / "kubectl").write_text(KUBECTL)
        (folder / "kubectl").chmod(0o755)
        for kind in ("drill", "rotation"):
            (folder / f"orders-{kind}.json").write_text(json.dumps(job_of(service, kind)))
        (folder / "orders-rotation.json").rename(folder / "orders-rotate.json")
        self.answers = {"REAL": real, "STATE": "Complete", "LISTED": f"orders/20261122T021700Z\\n{NEWEST}\\n"}

    def run(self, *arguments: str, script: str = "restore") -> subprocess.CompletedProcess[str]:
        """With nobody to ask."""
        return subprocess.run(
            ["bash", self.scripts / f"{script}.sh", *arguments],
            env={"PATH": f"{self.folder}:/usr/bin:/bin", "FOLDER": str(self.folder), "RESTORE_PAUSE": "0"}
            | self.answers,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def jobs(self) -> list[Any]:
        """What it gave to the cluster."""
        return [json.loads(path.read_text()) for path in sorted(self.folder.glob("made-*.json"))]


@pytest.fixture(params=["data_api", "data_api on azure"])
def restore(request: pytest.FixtureRequest, service_folder: Callable[[str], Path], tmp_path: Path) -> Restore:
    return Restore(service_folder(request.param), tmp_path)


def test_it_restores_as_the_migrations_without_a_deadline(restore: Restore) -> None:
    done = restore.run("--yes", "staging", "orders/20261122T021700Z")
    assert done.returncode == 0, done.stderr
    (job,) = restore.jobs()
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["args"] == ["restore", "orders/20261122T021700Z"]
    assert pod["serviceAccountName"] == "orders-migrate"
    assert "activeDeadlineSeconds" not in job["spec"]
    assert job["spec"]["backoffLimit"] == 0
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    admin = volumes[mounts["/run/secrets/database-admin"]]
    assert admin["csi"]["volumeAttributes"]["secretProviderClass"] == "orders-database-admin"
    assert "/run/secrets/database-backup" not in mounts, "its identity may not read that secret by the driver"
    assert "ephemeral" in volumes[mounts["/tmp"]], "room for the backup"
    commands = (restore.folder / "record").read_text().splitlines()
    assert all("-n orders-staging" in line for line in commands if "config" not in line and "--local" not in line)


def test_it_is_no_drill(restore: Restore) -> None:
    """A restore that went well says nothing about the CronJob, whose alerts count what it owns and what is named so."""
    assert restore.run("--yes", "prod", NEWEST).returncode == 0
    (job,) = restore.jobs()
    assert "ownerReferences" not in job["metadata"]
    assert job["metadata"]["name"].startswith("orders-restore-")
    assert job["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"] == "restore"
    assert job["spec"]["ttlSecondsAfterFinished"] > 0, "it has no owner to clean it up"


def test_the_newest_is_named_before_anything_is_done(restore: Restore) -> None:
    done = restore.run("--yes", "prod")
    assert done.returncode == 0, done.stderr
    look, job = restore.jobs()
    assert look["spec"]["template"]["spec"]["containers"][0]["args"] == ["backups"]
    assert look["spec"]["template"]["spec"]["serviceAccountName"] == "orders-backup"
    assert job["spec"]["template"]["spec"]["containers"][0]["args"] == ["restore", NEWEST]
    assert f"backup: {NEWEST}" in done.stderr


def test_backups_are_listed(restore: Restore) -> None:
    done = restore.run("--list", "prod")
    assert done.stdout.split() == ["orders/20261122T021700Z", NEWEST]
    assert len(restore.jobs()) == 1


@pytest.mark.parametrize(
    ("arguments", "answers", "said", "made"),
    [
        (("prod", NEWEST), {}, "cannot ask", 0),
        (("--yes", "production"), {}, "usage", 0),
        (("--yes", "prod", 'x", "--force'), {}, "no name of a backup", 0),
        (("--yes", "prod"), {"LISTED": ""}, "there is no backup", 1),
        (("--yes", "prod", NEWEST), {"STATE": "Failed"}, "failed, its log says why", 1),
        (("--yes", "prod", NEWEST), {"AWAY": "yes"}, "the cluster does not answer", 1),
    ],
)
def test_it_ends_and_says_why(
    restore: Restore, arguments: tuple[str, ...], answers: dict[str, str], said: str, made: int
) -> None:
    restore.answers |= answers
    done = restore.run(*arguments)
    assert done.returncode != 0
    assert said in done.stderr
    assert "restored; deploy next" not in done.stderr
    assert len(restore.jobs()) == made


@pytest.mark.parametrize("result", [0, 3])
def test_a_session_for_a_person_leaves_nothing_behind(restore: Restore, result: int) -> None:
    restore.answers |= {"EXEC": str(result)}
    done = restore.run("prod", "postgres", script="psql")
    assert done.returncode == result, done.stderr
    (job,) = restore.jobs()
    name = job["metadata"]["name"]
    assert "ownerReferences" not in job["metadata"], "it is no rotation"
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert (container["command"], container["args"]) == (["sleep", "14400"], []), "it must do nothing by itself"
    assert "/run/secrets/database-admin" in [mount["mountPath"] for mount in container["volumeMounts"]]
    record = (restore.folder / "record").read_text().splitlines()
    assert record[-1].startswith(f"-n orders-prod delete job {name}")
    if not result:
        assert f"-n orders-prod exec -it job/{name} -- python -m orders psql postgres" in record
    assert restore.run("production", script="psql").returncode == 2
