"""scripts/deploy.sh of a generated service, run for real against stand-ins for terraform, aws and the cluster.

The stand-ins only record and answer; manifests are rendered by the real kubectl.
"""

import hashlib
import json
import os
import pty
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

TOOLS = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
"""The extra `verify` brings kubectl and shellcheck into the environment of the tests."""

ACCOUNT = "111122223333"
IMAGE = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/orders@sha256:" + "ab" * 32
PREVIOUS = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/orders@sha256:" + "cd" * 32
ADDRESS = "k8s-Orders-123.eu-west-1.elb.amazonaws.com"
OUTPUTS = {
    "certificate_arn": f"arn:aws:acm:eu-west-1:{ACCOUNT}:certificate/1",
    "hostname": "orders.staging.example.com",
    "vpc_cidr": "10.20.0.0/16",
    "web_acl_arn": f"arn:aws:wafv2:eu-west-1:{ACCOUNT}:regional/webacl/orders-staging/1",
}

TERRAFORM = r"""#!/usr/bin/env bash
echo "terraform $*" >>"$RECORD"
shift # -chdir=…
case "$1 ${2:-} ${3:-}" in
  "$FAILING"*) exit 1 ;;
  "output -json kubernetes") echo "$OUTPUTS" ;;
  "output -raw cluster_name") echo -n main ;;
  "output -raw region") echo -n eu-west-1 ;;
  "output -raw repository_url") echo -n registry.example.com/orders ;;
  # Known from the start, or after as many applies as $KNOWN_AFTER says.
  "output -raw load_balancer")
    [[ $(grep -c '^terraform .* apply ' "$RECORD") -lt $KNOWN_AFTER ]] || echo -n "$ADDRESS"
    ;;
esac
"""
KUBECTL = r"""#!/usr/bin/env bash
[[ $1 != kustomize ]] || exec "$REAL_KUBECTL" "$@"
echo "kubectl $*" >>"$RECORD"
[[ $KUBECONFIG != "$USERS_KUBECONFIG" ]] || echo "WRONG KUBECONFIG" >>"$RECORD"
case "$*" in
  "get namespace"*) [[ $NAMESPACE_EXISTS == yes ]] ;;
  diff*) exit "$DIFF" ;;
  apply*) cp "${@: -1}" "$APPLIED" ;;
  *"get deployment"*) echo -n "$PREVIOUS" ;;
  *"get gateway"*) echo -n "$ADDRESS" ;;
  *"rollout status"*) exit "$ROLLOUT" ;;
  *logs*) echo "ModuleNotFoundError" ;;
esac
"""
AWS = """#!/usr/bin/env bash
echo "aws $*" >>"$RECORD"
"""


@dataclass
class Deployment:
    """A copy of the service, the stand-ins, and how they answer."""

    service: Path
    folder: Path
    answers: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> "subprocess.CompletedProcess[str]":
        self.record_file.unlink(missing_ok=True)
        defaults = {
            "FAILING": "nothing",
            "KNOWN_AFTER": "1",
            "NAMESPACE_EXISTS": "yes",
            "DIFF": "1",
            "ROLLOUT": "0",
            "PREVIOUS": PREVIOUS,
            "ADDRESS": ADDRESS,
            "OUTPUTS": json.dumps(OUTPUTS),
        }
        environment = {
            **{name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ},
            "PATH": f"{self.folder / 'bin'}:{TOOLS}",
            "TMPDIR": str(self.folder / "tmp"),
            "KUBECONFIG": "/home/somebody/.kube/config",
            "USERS_KUBECONFIG": "/home/somebody/.kube/config",
            "REAL_KUBECTL": str(shutil.which("kubectl", path=TOOLS)),
            "RECORD": str(self.record_file),
            "APPLIED": str(self.applied_file),
            **defaults,
            **self.answers,
        }
        return subprocess.run(
            [self.service / "scripts/deploy.sh", *arguments],
            cwd=self.folder,
            env=environment,
            stdin=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def record_file(self) -> Path:
        return self.folder / "record"

    @property
    def applied_file(self) -> Path:
        return self.folder / "applied.yaml"

    @property
    def record(self) -> list[str]:
        return self.record_file.read_text().splitlines() if self.record_file.exists() else []

    def commands(self) -> list[str]:
        """Tool and verb of each call that changes something or asks the cluster."""
        verbs = ("init", "plan", "apply", "update-kubeconfig", "diff", "rollout", "wait")
        return [f"{line.split()[0]} {verb}" for line in self.record for verb in verbs if f" {verb} " in f"{line} "]

    def tree(self) -> str:
        digest = hashlib.sha256()
        for file in sorted(self.service.rglob("*")):
            digest.update(f"{file}{file.read_bytes() if file.is_file() else ''}".encode())
        return digest.hexdigest()


@pytest.fixture
def deployment(web_api_service: Path, tmp_path: Path) -> Deployment:
    service = tmp_path / "orders"
    for name in ("deploy", "scripts"):
        shutil.copytree(web_api_service / name, service / name)
    for file in [
        *service.glob("deploy/terraform/environments/*"),
        *service.glob("deploy/terraform/registry/registry.*"),
    ]:
        file.write_text(file.read_text().replace("000000000000", ACCOUNT).replace("replace-me", "main"))
    (tmp_path / "tmp").mkdir()
    for name, text in (("terraform", TERRAFORM), ("kubectl", KUBECTL), ("aws", AWS)):
        tool = tmp_path / "bin" / name
        tool.parent.mkdir(exist_ok=True)
        tool.write_text(text)
        tool.chmod(0o755)
    return Deployment(service, tmp_path)


TERRAFORM_FIRST = ["terraform init", "terraform plan", "terraform apply"]


def test_brings_the_image_with_terraforms_values_to_the_cluster(deployment: Deployment) -> None:
    before = deployment.tree()
    done = deployment.run("--yes", "staging", IMAGE)
    assert done.returncode == 0, done.stderr
    assert deployment.commands() == [
        *TERRAFORM_FIRST,
        "aws update-kubeconfig",
        "kubectl diff",
        "kubectl apply",
        "kubectl rollout",
        "kubectl wait",
    ]
    applied = deployment.applied_file.read_text()
    for value in (IMAGE, OUTPUTS["certificate_arn"], OUTPUTS["web_acl_arn"], OUTPUTS["vpc_cidr"], OUTPUTS["hostname"]):
        assert value in applied
    assert "000000000000" not in applied
    assert deployment.tree() == before, "the repository must not be written to"
    assert list((deployment.folder / "tmp").iterdir()) == [], "temporary files must be gone"


def test_uses_a_kubeconfig_of_its_own_for_the_cluster_of_terraform(deployment: Deployment) -> None:
    deployment.run("--yes", "staging", IMAGE)
    assert "WRONG KUBECONFIG" not in deployment.record
    connect = next(line for line in deployment.record if line.startswith("aws "))
    assert connect.startswith("aws eks update-kubeconfig --name main --region eu-west-1 --kubeconfig ")
    assert "/home/somebody" not in connect


def test_applies_the_plan_that_was_shown_with_the_files_of_the_environment(deployment: Deployment) -> None:
    deployment.run("--yes", "prod", IMAGE)
    init, plan, apply = (
        next(line for line in deployment.record if f" {verb} " in line) for verb in ("init", "plan", "apply")
    )
    assert "/environments/prod.s3.tfbackend" in init
    assert "/environments/prod.tfvars" in plan
    assert plan.split("-out=")[1] == apply.split()[-1]
    assert all("-input=false" in line for line in (init, plan, apply))


def test_applies_on_the_server_under_its_own_name_and_waits_as_long_as_the_manifests_say(
    deployment: Deployment,
) -> None:
    deployment.run("--yes", "staging", IMAGE)
    apply = next(line for line in deployment.record if line.startswith("kubectl apply"))
    assert "--server-side --field-manager=orders-deploy" in apply
    status = next(line for line in deployment.record if "rollout status" in line)
    manifests = deployment.applied_file.read_text().split()
    progress, grace = (
        int(manifests[manifests.index(key) + 1])
        for key in ("progressDeadlineSeconds:", "terminationGracePeriodSeconds:")
    )
    assert status.endswith(f"--timeout={3 * progress + grace}s")


def test_first_deployment_makes_dns_and_alarms_follow_the_new_load_balancer(deployment: Deployment) -> None:
    deployment.answers = {"NAMESPACE_EXISTS": "no", "KNOWN_AFTER": "2"}
    done = deployment.run("--yes", "staging", IMAGE)
    assert done.returncode == 0, done.stderr
    assert deployment.commands() == [
        *TERRAFORM_FIRST,
        "aws update-kubeconfig",
        "kubectl apply",
        "kubectl rollout",
        "kubectl wait",
        *TERRAFORM_FIRST,
    ]


def test_load_balancer_that_terraform_cannot_find_is_an_error(deployment: Deployment) -> None:
    deployment.answers = {"KNOWN_AFTER": "99"}
    done = deployment.run("--yes", "staging", IMAGE)
    assert done.returncode == 1
    assert f"Terraform does not find {ADDRESS.lower()}" in done.stderr


def test_dry_run_prints_the_manifests_and_touches_nothing(deployment: Deployment) -> None:
    before = deployment.tree()
    done = deployment.run("--dry-run", "prod", IMAGE)
    assert done.returncode == 0, done.stderr
    assert IMAGE in done.stdout
    assert done.stdout.startswith("apiVersion:")
    assert deployment.record == []
    assert deployment.tree() == before


def test_namespace_comes_first_in_what_is_applied(deployment: Deployment) -> None:
    kinds = [line for line in deployment.run("--dry-run", "dev", IMAGE).stdout.splitlines() if line.startswith("kind:")]
    assert kinds[0] == "kind: Namespace"


def test_registry_needs_no_image_and_no_cluster(deployment: Deployment) -> None:
    done = deployment.run("--yes", "registry")
    assert done.returncode == 0, done.stderr
    assert deployment.commands() == TERRAFORM_FIRST
    assert "registry.example.com/orders" in done.stderr


REFUSED = [
    ([], 2, "which environment?"),
    (["production", IMAGE], 2, "'production' is not an environment"),
    (["staging"], 2, "exactly one environment and one image"),
    (["staging", IMAGE, "again"], 2, "exactly one environment and one image"),
    (["--force", "staging", IMAGE], 2, "unknown option '--force'"),
    (["registry", IMAGE], 2, "registry takes no image"),
    (["staging", "orders:latest"], 1, "is not an image with a digest"),
    (["staging", IMAGE[:-1]], 1, "is not an image with a digest"),
    (["staging", f"{IMAGE} --insecure"], 1, "is not an image with a digest"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), REFUSED, ids=[message for _, _, message in REFUSED])
def test_refuses_and_says_why_and_what_to_do(
    deployment: Deployment, arguments: list[str], code: int, message: str
) -> None:
    done = deployment.run(*arguments)
    assert done.returncode == code
    assert message in done.stderr
    assert "hint: " in done.stderr
    assert done.stdout == ""
    assert deployment.record == []


@pytest.mark.parametrize("file", ["environments/staging.tfvars", "environments/staging.s3.tfbackend"])
def test_refuses_sample_values_before_terraform_runs(web_api_service: Path, deployment: Deployment, file: str) -> None:
    shutil.copy(web_api_service / "deploy/terraform" / file, deployment.service / "deploy/terraform" / file)
    done = deployment.run("--yes", "staging", IMAGE)
    assert done.returncode == 1
    assert "placeholders are left" in done.stderr
    assert "replace-me" in done.stderr
    assert deployment.record == []


@pytest.mark.parametrize("key", ["certificate_arn", "vpc_cidr", "web_acl_arn"])
def test_refuses_manifests_for_which_terraform_gave_no_value(deployment: Deployment, key: str) -> None:
    deployment.answers = {"OUTPUTS": json.dumps({name: value for name, value in OUTPUTS.items() if name != key})}
    done = deployment.run("--yes", "staging", IMAGE)
    assert done.returncode == 1
    assert "placeholders are left" in done.stderr
    assert "kubectl apply" not in deployment.commands()


@pytest.mark.parametrize("step", ["init", "plan", "apply", "output -json", "output -raw cluster_name"])
def test_stops_where_terraform_fails(deployment: Deployment, step: str) -> None:
    deployment.answers = {"FAILING": step}
    assert deployment.run("--yes", "staging", IMAGE).returncode != 0
    assert "kubectl apply" not in deployment.commands()


def test_stops_when_the_cluster_cannot_be_compared(deployment: Deployment) -> None:
    deployment.answers = {"DIFF": "2"}
    done = deployment.run("--yes", "staging", IMAGE)
    assert done.returncode == 1
    assert "kubectl diff failed" in done.stderr
    assert "kubectl apply" not in deployment.commands()


@pytest.mark.parametrize(
    ("previous", "hint"),
    [
        (PREVIOUS, f"to go back: scripts/deploy.sh staging {PREVIOUS}"),
        (IMAGE, "there is no earlier image"),
        ("", "there is no earlier image"),
    ],
    ids=["earlier image", "same image", "first deployment"],
)
def test_failed_rollout_shows_why_and_how_to_go_back(deployment: Deployment, previous: str, hint: str) -> None:
    deployment.answers = {"ROLLOUT": "1", "PREVIOUS": previous}
    done = deployment.run("--yes", "staging", IMAGE)
    assert done.returncode == 1
    assert hint in done.stderr
    assert "ModuleNotFoundError" in done.stderr, "the logs of the pods must be shown"
    assert "kubectl wait" not in deployment.commands()


def test_asks_on_a_terminal_and_no_means_no(deployment: Deployment) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, b"n\n")
    done = deployment.run("staging", IMAGE, stdin=theirs)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 1
    assert deployment.commands() == ["terraform init", "terraform plan"]


def test_without_a_terminal_it_refuses_to_guess(deployment: Deployment) -> None:
    done = deployment.run("staging", IMAGE)
    assert done.returncode == 1
    assert "add --yes" in done.stderr
    assert "terraform apply" not in deployment.commands()


def test_in_ci_it_does_not_ask_and_provider_builds_are_pinned(deployment: Deployment) -> None:
    lock = deployment.service / "deploy/terraform/.terraform.lock.hcl"
    lock.write_text("# as `terraform providers lock` wrote it\n")
    deployment.answers = {"CI": "true"}
    done = deployment.run("staging", IMAGE)
    assert done.returncode == 0, done.stderr
    assert "-lockfile=readonly" in deployment.record[0]
    assert "warning" not in done.stderr


def test_missing_lock_file_is_said_with_the_command_that_makes_it(deployment: Deployment) -> None:
    done = deployment.run("--yes", "staging", IMAGE)
    assert "warning: no .terraform.lock.hcl" in done.stderr
    assert "providers lock -platform=linux_amd64" in done.stderr


def test_missing_tool_is_named(deployment: Deployment) -> None:
    deployment.answers = {"TERRAFORM": "tofu-that-is-not-there"}
    done = deployment.run("--yes", "staging", IMAGE)
    assert done.returncode == 1
    assert "'tofu-that-is-not-there' is not installed" in done.stderr


def test_shellcheck_finds_nothing(web_api_service: Path) -> None:
    shellcheck = shutil.which("shellcheck", path=TOOLS)
    assert shellcheck, "install the extra `verify`"
    done = subprocess.run(
        [shellcheck, "--enable=all", "--exclude=SC2250,SC2310,SC2311,SC2312", web_api_service / "scripts/deploy.sh"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
