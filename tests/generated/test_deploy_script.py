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
import yaml

TOOLS = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
"""The extra `verify` brings kubectl and shellcheck into the environment of the tests."""

ACCOUNT = "111122223333"
IMAGE = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/orders@sha256:" + "ab" * 32
PREVIOUS = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/orders@sha256:" + "cd" * 32
ADDRESS = "k8s-Orders-123.eu-west-1.elb.amazonaws.com"
MAIN = "https://github.com/shop/orders/.github/workflows/deploy.yaml@refs/heads/main"
OUTPUTS = {
    "dns_cidr": "172.20.0.10/32",
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
  "get namespace"*) case $NAMESPACE_EXISTS in yes) echo namespace/it ;; error) exit 1 ;; esac ;;
  api-resources*) [[ -z $KINDS ]] || echo "$KINDS" ;;
  diff*) exit "$DIFF" ;;
  apply*)
    file=${*: -1}
    cp "$file" "$APPLIED"
    cp "$file" "${APPLIED%/*}/applied-${file##*/}"
    ;;
  *" create -f "*)
    cp "$5" "${APPLIED%/*}/applied-job.yaml"
    echo job.batch/orders-migrate-x7k2p
    ;;
  *" get job"*)
    count=$(grep -c ' get job' "$RECORD")
    ((count > JOB_FAILS)) || { echo "error: You must be logged in to the server" >&2; exit 1; }
    ((count <= JOB_TAKES)) || echo -n "$JOB"
    ;;
  "get storageclasses"*) [[ $CLASSES == error ]] && exit 1; echo "$CLASSES" ;;
  *"get deployment"*.spec.replicas*) echo -n "$REPLICAS" ;;
  *"get deployment"*) echo -n "$PREVIOUS" ;;
  *"get scaledobject"*) echo -n "$ANNOTATIONS" ;;
  *"wait deployment"*) exit "$STARTS" ;;
  *"get gateway"*) echo -n "$ADDRESS" ;;
  *"rollout status"*) exit "$ROLLOUT" ;;
  *logs*) echo "ModuleNotFoundError" ;;
esac
"""
AWS = """#!/usr/bin/env bash
echo "aws $*" >>"$RECORD"
case "$1 $2" in
  "ecr get-login-password") echo token ;;
  "ec2 get-ebs-encryption-by-default") echo "$DISKS" ;;
  "ecr batch-get-image") echo "manifest of ${*: -3:1}" ;;
  "ecr put-image") [[ -z $PUT_IMAGE ]] || { echo "$PUT_IMAGE" >&2; exit 254; } ;;
esac
"""
COSIGN = """#!/usr/bin/env bash
echo "cosign $*" >>"$RECORD"
case $1 in
  login) [[ $(cat) == token ]] ;;
  verify) exit "$SIGNATURE" ;;
esac
"""
KINDS = """
configmaps                    cm     v1                                true  ConfigMap
namespaces                    ns     v1                                false Namespace
serviceaccounts               sa     v1                                true  ServiceAccount
services                      svc    v1                                true  Service
deployments                   deploy apps/v1                           true  Deployment
horizontalpodautoscalers      hpa    autoscaling/v2                    true  HorizontalPodAutoscaler
poddisruptionbudgets          pdb    policy/v1                         true  PodDisruptionBudget
networkpolicies               netpol networking.k8s.io/v1              true  NetworkPolicy
gateways                      gtw    gateway.networking.k8s.io/v1      true  Gateway
httproutes                           gateway.networking.k8s.io/v1      true  HTTPRoute
listenerruleconfigurations           gateway.k8s.aws/v1                true  ListenerRuleConfiguration
loadbalancerconfigurations           gateway.k8s.aws/v1                true  LoadBalancerConfiguration
targetgroupconfigurations            gateway.k8s.aws/v1                true  TargetGroupConfiguration
prometheusrules               promrule monitoring.coreos.com/v1        true  PrometheusRule
servicemonitors               smon   monitoring.coreos.com/v1          true  ServiceMonitor
podmonitors                   pmon   monitoring.coreos.com/v1          true  PodMonitor
scaledobjects                 so     keda.sh/v1alpha1                  true  ScaledObject
triggerauthentications        ta     keda.sh/v1alpha1                  true  TriggerAuthentication
jobs                                 batch/v1                          true  Job
cronjobs                      cj     batch/v1                          true  CronJob
secretproviderclasses                secrets-store.csi.x-k8s.io/v1     true  SecretProviderClass
""".strip()


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
            "REPLICAS": "1",
            "ANNOTATIONS": "{}",
            "STARTS": "0",
            "JOB": "SuccessCriteriaMet Complete",
            "JOB_TAKES": "0",
            "JOB_FAILS": "0",
            "CLASSES": "gp3 Delete true",
            "DISKS": "False",
            "MIGRATION_PAUSE": "0.01",
            "OUTPUTS": json.dumps(OUTPUTS),
            "KINDS": KINDS,
            "SIGNATURE": "0",
            "PUT_IMAGE": "",
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
        # Asking git for changes may refresh its index.
        for file in sorted(file for file in self.service.rglob("*") if ".git" not in file.parts):
            digest.update(f"{file}{file.read_bytes() if file.is_file() else ''}".encode())
        return digest.hexdigest()


def git(service: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=service, check=True, capture_output=True)


@pytest.fixture
def deployment(web_api_service: Path, tmp_path: Path) -> Deployment:
    return prepared(web_api_service, tmp_path)


def prepared(source: Path, tmp_path: Path) -> Deployment:
    """A copy of a service as its owner has it: committed, with values in place of the placeholders."""
    service = tmp_path / "orders"
    for name in ("deploy", "scripts", ".github"):
        shutil.copytree(source / name, service / name)
    for file in [
        *service.glob("deploy/terraform/environments/*"),
        *service.glob("deploy/terraform/registry/registry.*"),
    ]:
        file.write_text(file.read_text().replace("000000000000", ACCOUNT).replace("replace-me", "main"))
    for file in [service / ".github/CODEOWNERS", *service.glob("deploy/kubernetes/overlays/*/*.yaml")]:
        file.write_text(file.read_text().replace("example-org", "shop"))
    shutil.copy(source / ".gitignore", service)
    git(service, "init", "--quiet", "--initial-branch=main")
    git(service, "remote", "add", "origin", "git@github.com:shop/orders.git")
    git(service, "add", ".")
    git(service, "commit", "--quiet", "--message=service")
    (tmp_path / "tmp").mkdir()
    for name, text in (("terraform", TERRAFORM), ("kubectl", KUBECTL), ("aws", AWS), ("cosign", COSIGN)):
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
    connect = next(line for line in deployment.record if line.startswith("aws eks "))
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
    assert "--server-side --force-conflicts --field-manager=orders-deploy" in apply
    diff = next(line for line in deployment.record if line.startswith("kubectl diff"))
    assert diff.split()[2:] == apply.split()[2:], "what is shown must be what is done"
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
    assert not [line for line in deployment.record if line.startswith(("terraform", "kubectl"))]


@pytest.mark.parametrize("key", ["certificate_arn", "dns_cidr", "vpc_cidr", "web_acl_arn"])
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
    init = next(line for line in deployment.record if line.startswith("terraform ") and " init " in line)
    assert "-lockfile=readonly" in init
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


IDENTITY = "--certificate-identity="
ISSUER = "--certificate-oidc-issuer=https://token.actions.githubusercontent.com"


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_takes_only_what_the_pipeline_has_built_from_main(deployment: Deployment, environment: str) -> None:
    done = deployment.run("--yes", environment, IMAGE)
    assert done.returncode == 0, done.stderr
    assert f"cosign verify {IDENTITY}{MAIN} {ISSUER} {IMAGE}" in deployment.record
    assert f"cosign login --username AWS --password-stdin {IMAGE.split('/')[0]}" in deployment.record


def test_dev_takes_any_branch_of_this_repository(deployment: Deployment) -> None:
    deployment.run("--yes", "dev", IMAGE)
    pattern = r"^https://github\.com/shop/orders/\.github/workflows/deploy\.yaml@refs/heads/.+$"
    assert f"cosign verify --certificate-identity-regexp={pattern} {ISSUER} {IMAGE}" in deployment.record


def test_an_image_without_the_signature_is_refused_before_anything_happens(deployment: Deployment) -> None:
    deployment.answers = {"SIGNATURE": "1"}
    done = deployment.run("--yes", "staging", IMAGE)
    assert done.returncode == 1
    assert f"no signature of {MAIN.removesuffix('/main')} on {IMAGE}" in done.stderr
    assert deployment.commands() == []


def test_the_signature_is_skipped_only_when_asked_to_and_it_says_so(deployment: Deployment) -> None:
    deployment.answers = {"SIGNATURE": "1"}
    done = deployment.run("--yes", "--skip-signature", "staging", IMAGE)
    assert done.returncode == 0, done.stderr
    assert f"warning: the signature of {IMAGE} is not checked" in done.stderr


@pytest.mark.parametrize(
    "remote",
    [
        "git@github.com:shop/orders.git",
        "https://github.com/shop/orders",
        "https://token@github.com/shop/orders.git/",
        "ssh://git@github.com:22/shop/orders.git",
    ],
)
def test_the_signer_is_the_repository_of_the_clone(deployment: Deployment, remote: str) -> None:
    git(deployment.service, "remote", "set-url", "origin", remote)
    assert deployment.run("--yes", "staging", IMAGE).returncode == 0
    assert any(f" {IDENTITY}{MAIN} " in line for line in deployment.record)


def test_in_actions_the_signer_is_the_repository_of_the_run(deployment: Deployment) -> None:
    deployment.answers = {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "fork/orders",
    }
    assert deployment.run("staging", IMAGE).returncode == 0
    assert any(f" {IDENTITY}{MAIN.replace('shop', 'fork')} " in line for line in deployment.record)


def test_without_a_remote_nobody_can_tell_who_signs(deployment: Deployment) -> None:
    git(deployment.service, "remote", "remove", "origin")
    done = deployment.run("--yes", "staging", IMAGE)
    assert done.returncode == 1
    assert "no remote 'origin'" in done.stderr
    assert deployment.commands() == []


def test_an_image_outside_the_registry_is_refused(deployment: Deployment) -> None:
    done = deployment.run("--yes", "staging", "ghcr.io/shop/orders@sha256:" + "ab" * 32)
    assert done.returncode == 1
    assert "is not in a registry of AWS" in done.stderr
    assert deployment.commands() == []


def test_production_is_deployed_from_a_commit(deployment: Deployment) -> None:
    (deployment.service / "scripts/deploy.local.sh").write_text("# not committed\n")
    done = deployment.run("--yes", "prod", IMAGE)
    assert done.returncode == 1
    assert "there are uncommitted changes" in done.stderr
    assert "scripts/deploy.local.sh" in done.stderr
    assert deployment.record == []
    assert deployment.run("--yes", "staging", IMAGE).returncode == 0


@pytest.mark.parametrize("file", [".github/CODEOWNERS", "deploy/kubernetes/overlays/staging/prometheus-rule-http.yaml"])
def test_refuses_the_sample_organization(web_api_service: Path, deployment: Deployment, file: str) -> None:
    shutil.copy(web_api_service / file, deployment.service / file)
    done = deployment.run("--yes", "staging", IMAGE)
    assert done.returncode == 1
    assert "example-org is left" in done.stderr
    assert file in done.stderr
    assert deployment.record == []


def test_namespace_that_cannot_be_read_is_an_error_and_not_a_new_one(deployment: Deployment) -> None:
    deployment.answers = {"NAMESPACE_EXISTS": "error"}
    done = deployment.run("--yes", "staging", IMAGE)
    assert done.returncode == 1
    assert "cannot read the namespace orders-staging" in done.stderr
    assert "kubectl apply" not in deployment.commands()


@pytest.mark.parametrize("kind", ["TargetGroupConfiguration", "ServiceMonitor", "HTTPRoute"])
def test_kinds_that_the_cluster_lacks_are_named_before_anything_is_applied(deployment: Deployment, kind: str) -> None:
    kept = [line for line in KINDS.splitlines() if not line.endswith(f" {kind}")]
    deployment.answers = {"KINDS": "\n".join(kept)}
    done = deployment.run("--yes", "staging", IMAGE)
    assert done.returncode == 1
    assert "the cluster does not know these kinds" in done.stderr
    assert f"/v1 {kind}\n" in done.stderr
    assert "kubectl diff" not in deployment.commands()


def test_cluster_that_says_nothing_is_an_error(deployment: Deployment) -> None:
    deployment.answers = {"KINDS": ""}
    done = deployment.run("--yes", "staging", IMAGE)
    assert done.returncode == 1
    assert "the cluster does not say what it offers" in done.stderr


def test_production_marks_its_image_for_the_registry_to_keep(deployment: Deployment) -> None:
    assert deployment.run("--yes", "prod", IMAGE).returncode == 0
    put = next(line for line in deployment.record if line.startswith("aws ecr put-image"))
    assert f"--region eu-west-1 --registry-id {ACCOUNT} --repository-name orders" in put
    assert f"--image-tag prod-{'ab' * 32} --image-digest sha256:{'ab' * 32}" in put
    assert "--image-manifest manifest of images[0].imageManifest --image-manifest-media-type" in put
    apply = next(line for line in deployment.record if line.startswith("kubectl apply"))
    assert deployment.record.index(put) < deployment.record.index(apply)


def test_other_environments_mark_nothing(deployment: Deployment) -> None:
    assert deployment.run("--yes", "staging", IMAGE).returncode == 0
    assert not [line for line in deployment.record if "put-image" in line]


@pytest.mark.parametrize(
    ("answer", "code"), [("(ImageAlreadyExistsException) it is there", 0), ("(AccessDeniedException) no", 1)]
)
def test_marking_again_is_fine_and_not_being_allowed_to_is_not(deployment: Deployment, answer: str, code: int) -> None:
    deployment.answers = {"PUT_IMAGE": answer}
    done = deployment.run("--yes", "prod", IMAGE)
    assert done.returncode == code
    assert ("kubectl apply" in deployment.commands()) is (code == 0)
    assert (answer in done.stderr) is (code == 1)


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_role_that_deploys_may_apply_every_kind_and_no_secret(web_api_service: Path, environment: str) -> None:
    plurals = {line.split()[-1]: line.split()[0] for line in KINDS.splitlines()}
    rendered = subprocess.run(
        [str(shutil.which("kubectl", path=TOOLS)), "kustomize", f"deploy/kubernetes/overlays/{environment}"],
        cwd=web_api_service, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    access = [*yaml.safe_load_all((web_api_service / f"deploy/kubernetes/access/{environment}.yaml").read_text())]
    granted = {
        (group, resource): set(rule["verbs"])
        for each in access
        for rule in each.get("rules", [])
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    assert not {"secrets", "*"} & {resource for _, resource in granted}
    objects = [*yaml.safe_load_all(rendered)]
    assert len(objects) > 10
    for each in objects:
        group = each["apiVersion"].rpartition("/")[0]
        wanted = {"get", "patch"} if each["kind"] == "Namespace" else {"get", "list", "watch", "create", "patch"}
        assert granted.get((group, plurals[each["kind"]])) == wanted, each["kind"]
