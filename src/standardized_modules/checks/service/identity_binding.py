"""The cloud identity is bound to the ServiceAccount that the pods run as."""

from __future__ import annotations

from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import (
    CLIENT_ID,
    Problem,
    annotations_of,
    deployment,
    name_of,
    pods,
    spec_of,
)
from standardized_modules.checks.kubernetes._manifests import findings as of_overlays
from standardized_modules.checks.terraform._session import TERRAFORM, Applied, place, session
from standardized_modules.checks.tree import Manifest, Overlay

ID = "SM520"
SEVERITY = "error"
TITLE = "The cloud identity does not reach the pods that it is for"
WHY = (
    "Namespace and ServiceAccount stand in Terraform and in the manifests, and nothing compares them: when they "
    "differ the pods start, and every call to the cloud is refused or made with the node's rights. On Azure a pod "
    "gets no token either when its label azure.workload.identity/use is missing."
)
SOURCE = "https://docs.aws.amazon.com/eks/latest/userguide/pod-id-association.html"
FIX = (
    "use the overlay's namespace and the pod's serviceAccountName in the association or federated credential, "
    "and on Azure the label"
)
READS = ("deploy/terraform/*", "deploy/kubernetes/*")
USE = "azure.workload.identity/use"
"""AKS gives a token to pods with this label alone:
https://learn.microsoft.com/azure/aks/workload-identity-overview#pod-labels"""
_ASSOCIATION = """\
resource "aws_eks_pod_identity_association" "orders" {
  cluster_name    = "main"
  namespace       = "orders-prod"
  service_account = "NAME"
  role_arn        = "arn:aws:iam::111122223333:role/orders"
}
"""
_PODS = deployment(pod="serviceAccountName: orders")
_PATH = "deploy/kubernetes/overlays/prod/kustomization.yaml"
_PODS = {**_PODS, _PATH: f"namespace: orders-prod\n{_PODS[_PATH]}"}
BAD = {**_PODS, f"{TERRAFORM}main.tf": _ASSOCIATION.replace("NAME", "order")}
GOOD = {**_PODS, f"{TERRAFORM}main.tf": _ASSOCIATION.replace("NAME", "orders")}


def check(tree: Tree) -> Iterator[Finding]:
    """A finding for each association of an environment that fits none of its pods."""
    yield from of_overlays(tree, ID, FIX, _without_label)
    accounts = {overlay.name: set(_accounts(overlay)) for overlay in tree.overlays}
    if not accounts:
        return
    scaled = {
        overlay.name for overlay in tree.overlays if any(_reads_queue(m) for m in overlay.of("TriggerAuthentication"))
    }
    for applied in session(tree).applied():
        known = accounts.get(applied.environment or "prod", set())
        bindings = list(_bound(applied))
        # KEDA's operator, elsewhere in the cluster, reads the queue as an identity of its own.
        operators = applied.environment in scaled and any(bound in known for _, bound in bindings)
        ours = {account.partition("/")[0] for account in known}
        for address, bound in bindings:
            if operators and bound.partition("/")[0] not in ours:
                continue
            if known and bound not in known:
                path, line = place(tree, applied.root, address)
                used = ", ".join(sorted(known))
                yield Finding(ID, path, line, f"{address} ({applied.environment}): {bound}, the pods use {used}", FIX)


def _without_label(overlay: Overlay) -> Iterator[Problem]:
    annotated = {name_of(account) for account in overlay.of("ServiceAccount") if CLIENT_ID in annotations_of(account)}
    for workload, pod, labels in pods(overlay):
        if pod.get("serviceAccountName") in annotated and labels.get(USE) != "true":
            yield workload, f'runs as an identity of Entra ID, and its pods do not say {USE}: "true"'


def _accounts(overlay: Overlay) -> Iterator[str]:
    for workload, pod, _ in pods(overlay):
        namespace = workload["metadata"].get("namespace", "default")
        yield f"{namespace}/{pod.get('serviceAccountName', 'default')}"


def _bound(applied: Applied) -> Iterator[tuple[str, str]]:
    for address, values in applied.of("aws_eks_pod_identity_association"):
        yield address, f"{values['namespace']}/{values['service_account']}"
    for address, values in applied.of("azurerm_federated_identity_credential"):
        subject = str(values.get("subject", ""))
        if subject.startswith("system:serviceaccount:"):
            yield address, subject.removeprefix("system:serviceaccount:").replace(":", "/")


def _reads_queue(manifest: Manifest) -> bool:
    """Whether KEDA takes an identity that trusts its own ServiceAccount."""
    return bool((spec_of(manifest).get("podIdentity") or {}).get("provider") == "azure-workload")
