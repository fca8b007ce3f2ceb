"""deploy/terraform of a generated service: the real Terraform core, offline providers, no account."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from standardized_modules.terraform_offline import TerraformCore, Workspace
from tests.generated.offline_core import offline_core

ACCOUNT = "111122223333"
LOAD_BALANCER = f"arn:aws:elasticloadbalancing:eu-west-1:{ACCOUNT}:loadbalancer/app/orders-prod/0123456789abcdef"
REGISTRY = "registry"


@pytest.fixture(scope="module")
def terraform(web_api_service: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The service's Terraform as its owner leaves it: with values in place of the placeholders."""
    directory = tmp_path_factory.mktemp("terraform") / "terraform"
    shutil.copytree(web_api_service / "deploy/terraform", directory)
    for file in [*directory.glob("environments/*"), *directory.glob("registry/registry.*")]:
        file.write_text(file.read_text().replace("000000000000", ACCOUNT).replace("replace-me", "main"))
    return directory


@pytest.fixture(scope="module")
def load_balancers() -> list[str]:
    """What `data.aws_lbs` finds; a test that deploys adds to it."""
    return []


@pytest.fixture(scope="module")
def core(terraform: Path, load_balancers: list[str]) -> Iterator[TerraformCore]:
    answers = {
        "data.aws_lbs": lambda _config: {"arns": list(load_balancers)},
        "data.aws_lb": lambda config: {
            "dns_name": f"{config['arn'][-16:]}.elb.amazonaws.com",
            "zone_id": "Z32O12XQLNTSW2",
        },
        "data.aws_vpc": {
            "cidr_block": "10.20.0.0/16",
            "cidr_block_associations": [{"association_id": "a", "cidr_block": "10.20.0.0/16", "state": "associated"}],
        },
        "data.aws_eks_cluster": {
            "arn": f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/main",
            "kubernetes_network_config": [
                {
                    "elastic_load_balancing": [],
                    "ip_family": "ipv4",
                    "service_ipv4_cidr": "172.20.0.0/16",
                    "service_ipv6_cidr": "",
                }
            ],
        },
    }
    with offline_core(terraform, terraform / REGISTRY, answers=answers) as started:
        yield started


@pytest.fixture
def workspace(core: TerraformCore, terraform: Path, load_balancers: list[str]) -> Iterator[Workspace]:
    load_balancers.clear()
    with core.workspace(terraform) as opened:
        yield opened


def resources(state: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        item["address"]: item["values"]
        for item in state["values"]["root_module"]["resources"]
        if item["mode"] == "managed"
    }


def changes(plan: dict[str, Any]) -> dict[str, list[str]]:
    return {
        item["address"]: item["change"]["actions"]
        for item in plan["resource_changes"]
        if item["change"]["actions"] not in (["no-op"], ["read"])
    }


def test_is_formatted(core: TerraformCore, terraform: Path) -> None:
    assert core.fmt_check(terraform) == []


@pytest.mark.parametrize("root", [".", REGISTRY])
def test_is_valid(core: TerraformCore, terraform: Path, root: str) -> None:
    assert core.validate(terraform / root) == []


@pytest.mark.parametrize("root", [".", REGISTRY])
def test_own_tests_pass_and_none_is_skipped(core: TerraformCore, terraform: Path, root: str) -> None:
    written = sum(
        len(re.findall(r"^run ", file.read_text(), re.MULTILINE))
        for file in (terraform / root / "tests").glob("*.tftest.hcl")
    )
    result = core.test(terraform / root)
    assert result.ok, result.diagnostics
    assert result.passed == written > 3
    assert result.skipped == 0


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_first_deployment_needs_no_load_balancer(workspace: Workspace, environment: str) -> None:
    state = workspace.apply([f"environments/{environment}.tfvars"])
    outputs = {name: item["value"] for name, item in state["values"]["outputs"].items()}
    assert outputs["load_balancer"] == ""
    assert outputs["cluster_name"] == "main"
    assert sorted(outputs["kubernetes"]) == ["certificate_arn", "dns_cidr", "hostname", "vpc_cidr", "web_acl_arn"]
    assert all(isinstance(value, str) and value for value in outputs["kubernetes"].values())
    assert not [name for name in resources(state) if "alarm" in name and "sns" not in name]
    assert changes(workspace.plan([f"environments/{environment}.tfvars"])) == {}


def test_second_apply_follows_the_load_balancer_and_the_third_does_nothing(
    workspace: Workspace, load_balancers: list[str]
) -> None:
    variables = ["environments/prod.tfvars"]
    workspace.apply(variables)
    load_balancers.append(LOAD_BALANCER)
    planned = changes(workspace.plan(variables))
    assert planned == {
        "aws_route53_record.service[0]": ["create"],
        **{
            f"aws_cloudwatch_metric_alarm.{name}[0]": ["create"]
            for name in ("latency", "no_healthy_hosts", "server_errors", "unhealthy_hosts")
        },
    }
    state = workspace.apply(variables)
    assert state["values"]["outputs"]["load_balancer"]["value"]
    assert changes(workspace.plan(variables)) == {}


def test_replaced_load_balancer_moves_the_record_and_the_alarms(
    workspace: Workspace, load_balancers: list[str]
) -> None:
    variables = ["environments/prod.tfvars"]
    load_balancers.append(LOAD_BALANCER)
    workspace.apply(variables)
    load_balancers[:] = [LOAD_BALANCER.replace("0123456789abcdef", "fedcba9876543210")]
    planned = changes(workspace.plan(variables))
    assert planned["aws_route53_record.service[0]"] == ["update"]
    # Not created and deleted: both alarms would have the same name, and the order is nobody's promise.
    assert [actions for name, actions in planned.items() if "alarm" in name] == [["update"]] * 4


@pytest.mark.parametrize(("root", "variables"), [(".", "environments/prod.tfvars"), (REGISTRY, "registry.tfvars")])
def test_everything_that_can_be_is_tagged(core: TerraformCore, terraform: Path, root: str, variables: str) -> None:
    tagged = {
        name: values["tags_all"]
        for name, values in resources(core.apply(terraform / root, [variables])).items()
        if "tags_all" in values
    }
    assert tagged
    for name, tags in tagged.items():
        assert {"Service", "Environment", "Owner", "ManagedBy"} <= set(tags), name


def policies(state: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, values in resources(state).items():
        for key in ("policy", "assume_role_policy"):
            if isinstance(text := values.get(key), str) and '"Statement"' in text:
                for statement in json.loads(text)["Statement"]:
                    yield f"{name}: {statement['Sid']}", statement


@pytest.mark.parametrize(("root", "variables"), [(".", "environments/prod.tfvars"), (REGISTRY, "registry.tfvars")])
def test_policies_name_every_action_and_principal(
    core: TerraformCore, terraform: Path, root: str, variables: str
) -> None:
    statements = list(policies(core.apply(terraform / root, [variables])))
    assert statements
    for name, statement in statements:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert all(re.fullmatch(r"[a-z]+:[A-Za-z]+", action) for action in actions), name
        if "aws_iam_role_policy" in name:  # what a role may do; the principal is the role
            assert statement["Resource"] != "*" or actions == ["ecr:GetAuthorizationToken"], name
            continue
        assert statement["Principal"] != "*", name
        assert "*" not in statement["Principal"].values(), name


def test_pipeline_that_builds_may_push_to_this_repository_and_nothing_else(
    core: TerraformCore, terraform: Path, tmp_path: Path
) -> None:
    variables = tmp_path / "github.tfvars"
    variables.write_text('github_subject_prefix = "repo:shop@1/orders@2"\n')
    state = core.apply(terraform / REGISTRY, ["registry.tfvars", str(variables)])
    made = resources(state)
    trust = json.loads(made["aws_iam_role.build[0]"]["assume_role_policy"])["Statement"]
    subjects = trust[0]["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"]
    assert subjects == [f"repo:shop@1/orders@2:environment:{name}" for name in ("build", "build-dev")]
    sign_in, push = json.loads(made["aws_iam_role_policy.push[0]"]["policy"])["Statement"]
    assert sign_in["Action"] == ["ecr:GetAuthorizationToken"]
    assert push["Resource"] == made["aws_ecr_repository.service"]["arn"]
    assert not [action for action in push["Action"] if "Delete" in action or "Policy" in action]
    assert state["values"]["outputs"]["build_role_arn"]["value"] == made["aws_iam_role.build[0]"]["arn"]


def test_workload_role_can_do_nothing(core: TerraformCore, terraform: Path) -> None:
    types = {name.split(".")[0] for name in resources(core.apply(terraform, ["environments/prod.tfvars"]))}
    assert "aws_iam_role" in types
    assert not types & {"aws_iam_role_policy", "aws_iam_role_policy_attachment", "aws_iam_policy"}


BROKEN = [
    ("certificate.tf", "validation_method", "validation_methode", "Unsupported argument"),
    ("certificate.tf", "aws_acm_certificate.service.arn", "aws_acm_certificate.main.arn", "undeclared resource"),
    ("certificate.tf", "certificate_validation.fqdn", "certificate_validation.fqdns", "Unsupported attribute"),
    ("waf.tf", "allow {}", "permit {}", "Unsupported block type"),
    ("waf.tf", 'scope       = "REGIONAL"', 'scope       = ["REGIONAL"]', "Incorrect attribute value type"),
    ("waf.tf", 'vendor_name = "AWS"', "", "Missing required argument"),
    ("waf_logs.tf", "single_header {", "one_header {", "Unsupported block type"),
    ("alarms.tf", "evaluation_periods", "evaluation_period", "Unsupported argument"),
    ("encryption.tf", "local.key_users", "local.key_user", "undeclared local value"),
    ("identity.tf", '"aws_iam_role" "workload"', '"aws_iam_roles" "workload"', "Invalid resource type"),
    ("identity.tf", "service_account = local.service", "", "Missing required argument"),
    ("notifications.tf", "var.alarm_emails", "var.alarm_mails", "undeclared input variable"),
    ("cluster.tf", "data.aws_vpc.cluster.cidr_block", "data.aws_vpc.cluster.cidr", "Unsupported attribute"),
    ("versions.tf", '"~> 6.8"', '"~> 5.0"', "constraint not met"),
]


@pytest.mark.parametrize(("file", "good", "bad", "expected"), BROKEN, ids=[f"{b[0]}-{b[2] or b[1]}" for b in BROKEN])
def test_mistakes_are_found_by_validate(workspace: Workspace, file: str, good: str, bad: str, expected: str) -> None:
    mutate(workspace.path / file, good, bad)
    found = workspace.init() or workspace.validate()
    assert any(expected in f"{item.summary} {item.detail}" for item in found), found


WEAKENED = [
    ("identity.tf", '"aws:RequestTag/kubernetes-namespace"       = local.settings.namespace', "", "identity", "pinned"),
    ("identity.tf", "pods.eks.amazonaws.com", "ec2.amazonaws.com", "identity", "Pod Identity"),
    ("encryption.tf", "enable_key_rotation     = true", "enable_key_rotation     = false", "notifications", "rotate"),
    ("encryption.tf", '"kms:DescribeKey",', '"kms:*",', "notifications", "name every action"),
    ("encryption.tf", '"kms:CancelKeyDeletion",', '"kms:Decrypt",', "notifications", "not be enough to decrypt"),
    ("notifications.tf", "kms_master_key_id = aws_kms_key.service.arn", "", "notifications", "encrypted"),
    ("waf.tf", "none {}", "count {}", "ingress", "may count"),
    ("waf.tf", "limit                 = local.settings.waf_rate_limit", "limit = 100000", "ingress", "rate limit"),
    ("waf_logs.tf", 'name = "authorization"', 'name = "accept"', "ingress", "credentials"),
    (
        "load_balancer.tf",
        "evaluate_target_health = true",
        "evaluate_target_health = false",
        "load_balancer",
        "point to",
    ),
    ("alarms.tf", '"breaching"', '"notBreaching"', "load_balancer", "without any metric"),
    ("cluster.tf", '== "ipv4"', '!= ""', "cluster", "expected failure"),
    ("cluster.tf", "length(self.cidr_block_associations) == 1", "true", "cluster", "expected failure"),
    ("cluster.tf", ", 10)}/32", ", 2)}/32", "cluster", "address of cluster DNS"),
    ("waf_logs.tf", 'action = "BLOCK"', 'action = "COUNT"', "ingress", "worth its storage"),
    ("alarms.tf", "local.settings.latency / 1000", "local.settings.latency", "load_balancer", "in seconds"),
    ("variables.tf", 'var.account_id != "000000000000"', "true", "inputs", "expected failure"),
]


@pytest.mark.parametrize(
    ("file", "good", "bad", "suite", "expected"), WEAKENED, ids=[f"{w[0]}-{w[4]}" for w in WEAKENED]
)
def test_weakening_is_found_by_the_services_own_tests(
    workspace: Workspace, file: str, good: str, bad: str, suite: str, expected: str
) -> None:
    mutate(workspace.path / file, good, bad)
    assert workspace.init() == []
    assert workspace.validate() == [], "meant to be valid, and wrong"
    done = workspace.core.run(workspace.path, "test", "-no-color", f"-filter=tests/{suite}.tftest.hcl")
    assert done.returncode == 1, done.stdout
    assert expected in re.sub(r"\s+", " ", done.stdout + done.stderr)


def mutate(file: Path, good: str, bad: str) -> None:
    text = file.read_text()
    assert good in text, f"nothing to mutate in {file.name}"
    file.write_text(text.replace(good, bad, 1))
