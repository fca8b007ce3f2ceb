"""Breaks a good service in one place at a time: the named check must see each of them.

What keeps the checks honest: a check that can't fail is found here, and so is a template that a
check no longer reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from msgspec import Struct

from standardized_modules.checks import Check, Tree, discover

BASE = "deploy/kubernetes/base/"
PROD = "deploy/kubernetes/overlays/prod/"
CHECKS: Mapping[str, Check] = {check.ID: check for check in discover()}


class Mutation(Struct, frozen=True):
    """One fault: the text that is replaced in a file, and the check that must see it."""

    name: str
    check_id: str
    path: str
    before: str
    after: str


M = Mutation  # short: a table of one fault a line
MUTATIONS = (
    M("overlay names a file that is gone", "SM201", f"{PROD}kustomization.yaml", "../../base", "../../bass"),
    M("replacement of a field that is gone", "SM201", f"{PROD}load-balancer.yaml", "HTTPS:443", "HTTPS:8443"),
    M("output of Terraform renamed", "SM201", f"{PROD}terraform-outputs.env", "hostname=", "host_name="),
    M("misspelt field of the container", "SM202", f"{BASE}deployment.yaml", "imagePullPolicy:", "imagePullPolice:"),
    M("misspelt field of a probe", "SM202", f"{BASE}deployment.yaml", "periodSeconds: 2", "periodSecond: 2"),
    M("port as text", "SM202", f"{BASE}deployment.yaml", "containerPort: 9090", 'containerPort: "9090"'),
    M("removed API version", "SM202", f"{BASE}pod-disruption-budget.yaml", "policy/v1", "policy/v1beta1"),
    M("misspelt firewall field", "SM203", f"{PROD}load-balancer.yaml", "scheme:", "schema:"),
    M(
        "fixed response with a redirect's status",
        "SM203",
        f"{BASE}http-route-probes.yaml",
        "statusCode: 404",
        "statusCode: 301",
    ),
    M("unknown target type", "SM203", f"{PROD}target-group.yaml", "targetType: ip", "targetType: pod"),
    M(
        "health check faster than ELB allows",
        "SM203",
        f"{PROD}target-group.yaml",
        "healthCheckInterval: 5",
        "healthCheckInterval: 2",
    ),
    M(
        "beta version of a custom resource",
        "SM203",
        f"{PROD}target-group.yaml",
        "gateway.k8s.aws/v1",
        "gateway.k8s.aws/v1beta1",
    ),
    M("redirect with a status that is none", "SM203", f"{BASE}http-route.yaml", "statusCode: 301", "statusCode: 200"),
    M("memory in a unit that does not exist", "SM204", f"{PROD}deployment.yaml", "memory: 256Mi", "memory: 256MB"),
    M("pull policy that does not exist", "SM204", f"{BASE}deployment.yaml", "IfNotPresent", "Sometimes"),
    M("rollout that can never begin", "SM204", f"{BASE}deployment.yaml", "maxSurge: 25%", "maxSurge: 0"),
    M(
        "liveness that must succeed twice",
        "SM204",
        f"{BASE}deployment.yaml",
        "periodSeconds: 10",
        "periodSeconds: 10\n            successThreshold: 2",
    ),
    M("two ports of one name", "SM204", f"{BASE}deployment.yaml", "- name: metrics", "- name: http"),
    M(
        "route to a port that is not offered",
        "SM205",
        f"{BASE}http-route.yaml",
        "          port: 80\n",
        "          port: 8080\n",
    ),
    M(
        "fixed response that is gone",
        "SM205",
        f"{BASE}http-route-probes.yaml",
        "            name: orders-probes",
        "            name: orders-probe",
    ),
    M("route to a listener that is gone", "SM205", f"{BASE}http-route.yaml", "sectionName: https", "sectionName: tls"),
    M("gateway without its parameters", "SM205", f"{BASE}gateway.yaml", "      name: orders\n", "      name: order\n"),
    M(
        "target group of another service",
        "SM206",
        f"{PROD}target-group.yaml",
        "    name: orders\n",
        "    name: order\n",
    ),
    M(
        "fixed response that no route uses",
        "SM206",
        f"{BASE}http-route-probes.yaml",
        "          extensionRef:\n            group: gateway.k8s.aws\n            kind: ListenerRuleConfiguration\n",
        "          extensionRef:\n            group: gateway.k8s.aws\n            kind: LoadBalancerConfiguration\n",
    ),
    M("listener settings for a port nobody listens on", "SM206", f"{BASE}gateway.yaml", "port: 443", "port: 8443"),
    M(
        "replicas beside the autoscaler",
        "SM207",
        f"{BASE}deployment.yaml",
        "  revisionHistoryLimit: 5",
        "  replicas: 3\n  revisionHistoryLimit: 5",
    ),
    M(
        "autoscaler of another deployment",
        "SM207",
        f"{BASE}horizontal-pod-autoscaler.yaml",
        "    name: orders\n",
        "    name: order\n",
    ),
    M(
        "autoscaler minimum above maximum",
        "SM207",
        f"{PROD}horizontal-pod-autoscaler.yaml",
        "minReplicas: 3",
        "minReplicas: 30",
    ),
    M(
        "autoscaler of a container that is gone",
        "SM207",
        f"{PROD}horizontal-pod-autoscaler.yaml",
        "container: api",
        "container: web",
    ),
    M(
        "service account that does not exist",
        "SM208",
        f"{BASE}deployment.yaml",
        "serviceAccountName: orders",
        "serviceAccountName: order",
    ),
    M(
        "configuration that does not exist",
        "SM208",
        f"{BASE}deployment.yaml",
        "                name: orders\n",
        "                name: order\n",
    ),
    M(
        "service without pods",
        "SM209",
        f"{BASE}service.yaml",
        "    app.kubernetes.io/component: api\n  ports",
        "    app.kubernetes.io/component: web\n  ports",
    ),
    M(
        "budget that protects nobody",
        "SM209",
        f"{BASE}pod-disruption-budget.yaml",
        "      app.kubernetes.io/component: api\n",
        "      app.kubernetes.io/component: web\n",
    ),
    M(
        "monitor of no service",
        "SM209",
        f"{BASE}service-monitor.yaml",
        "      app.kubernetes.io/name: orders",
        "      app.kubernetes.io/name: order",
    ),
    M(
        "probe of a port that is gone",
        "SM210",
        f"{BASE}deployment.yaml",
        "path: /readyz\n              port: http",
        "path: /readyz\n              port: web",
    ),
    M("service port to nowhere", "SM210", f"{BASE}service.yaml", "targetPort: metrics", "targetPort: metric"),
    M("process listens elsewhere", "SM210", f"{BASE}settings.env", "APP_PORT=8080", "APP_PORT=8081"),
    M("monitor of a port that is gone", "SM210", f"{BASE}service-monitor.yaml", "port: metrics", "port: prometheus"),
    M(
        "network policy for another port",
        "SM210",
        f"{BASE}network-policy-load-balancer.yaml",
        "port: http}",
        "port: 80}",
    ),
    M("liveness asks readiness", "SM211", f"{BASE}deployment.yaml", "path: /livez", "path: /readyz"),
    M("probe of a path that is not served", "SM211", f"{BASE}deployment.yaml", "path: /startupz", "path: /started"),
    M(
        "load balancer asks liveness",
        "SM211",
        f"{PROD}target-group.yaml",
        "healthCheckPath: /readyz",
        "healthCheckPath: /livez",
    ),
    M(
        "limit below the request",
        "SM212",
        f"{PROD}deployment.yaml",
        "limits:\n              memory: 256Mi",
        "limits:\n              memory: 128Mi",
    ),
    M(
        "mount without a volume",
        "SM213",
        f"{BASE}deployment.yaml",
        "mountPath: /tmp",
        "mountPath: /tmp\n            - name: cache\n              mountPath: /cache",
    ),
    M("nothing writable at /tmp", "SM213", f"{BASE}deployment.yaml", "mountPath: /tmp", "mountPath: /var/tmp"),
    M(
        "budget that blocks every eviction",
        "SM214",
        f"{BASE}pod-disruption-budget.yaml",
        "maxUnavailable: 1",
        "minAvailable: 100%",
    ),
    M("broken pods block a drain", "SM214", f"{BASE}pod-disruption-budget.yaml", "AlwaysAllow", "IfHealthyBudget"),
    M("image by tag", "SM215", f"{PROD}terraform-outputs.env", f"@sha256:{'0' * 64}", ":latest"),
    M(
        "password in the settings",
        "SM216",
        f"{PROD}settings.env",
        "APP_ENVIRONMENT=prod",
        "APP_ENVIRONMENT=prod\nDATABASE_PASSWORD=hunter2",
    ),
    M("credentials in a URL", "SM216", f"{PROD}settings.env", "ENDPOINT=", "ENDPOINT=http://me:secret@collector:4318"),
    M(
        "may run as root",
        "SM217",
        f"{BASE}deployment.yaml",
        "            runAsNonRoot: true",
        "            runAsNonRoot: false",
    ),
    M(
        "writable root file system",
        "SM217",
        f"{BASE}deployment.yaml",
        "readOnlyRootFilesystem: true",
        "readOnlyRootFilesystem: false",
    ),
    M(
        "token of the API",
        "SM217",
        f"{BASE}deployment.yaml",
        "automountServiceAccountToken: false",
        "automountServiceAccountToken: true",
    ),
    M(
        "keeps a capability",
        "SM217",
        f"{BASE}deployment.yaml",
        "drop: [ALL]",
        "drop: [ALL]\n              add: [SYS_ADMIN]",
    ),
    M("namespace without pod security", "SM217", f"{BASE}namespace.yaml", "enforce: restricted", "enforce: baseline"),
    M(
        "grace period shorter than a request",
        "SM218",
        f"{PROD}deployment.yaml",
        "terminationGracePeriodSeconds: 47",
        "terminationGracePeriodSeconds: 30",
    ),
    M(
        "drain shorter than the load balancer needs",
        "SM218",
        f"{PROD}settings.env",
        "DRAIN_DELAY_SECONDS=15",
        "DRAIN_DELAY_SECONDS=5",
    ),
    M(
        "keep-alive shorter than idle timeout",
        "SM219",
        f"{PROD}settings.env",
        "KEEP_ALIVE_SECONDS=75",
        "KEEP_ALIVE_SECONDS=30",
    ),
    M(
        "placeholder without replacement",
        "SM220",
        f"{PROD}kustomization.yaml",
        "fieldPaths: [spec.wafV2.webACL]",
        "fieldPaths: [metadata.labels.acl]\n        options: {create: true}",
    ),
    M(
        "outputs of Terraform applied",
        "SM220",
        f"{PROD}kustomization.yaml",
        'config.kubernetes.io/local-config: "true"',
        'config.kubernetes.io/local: "true"',
    ),
    M("alert without a section", "SM221", "docs/runbook.md", "## PodRestarts", "## Restarts"),
    M(
        "alert that nobody routes",
        "SM221",
        f"{PROD}prometheus-rule-workload.yaml",
        "severity: page",
        "severity: critical",
    ),
    M(
        "recorded series renamed",
        "SM222",
        f"{PROD}prometheus-rule-http.yaml",
        "record: service:http_request_errors:ratio_rate3d",
        "record: service:http_request_errors:ratio3d",
    ),
    M("threshold above everything", "SM222", f"{PROD}prometheus-rule-http.yaml", "> 14.4 * 0.01", "> 14.4 * 0.1"),
    M(
        "bracket missing",
        "SM222",
        f"{PROD}prometheus-rule-rate-limit.yaml",
        "[10m]))\n            /",
        "[10m])\n            /",
    ),
    M(
        "metric renamed in an alert",
        "SM223",
        f"{PROD}prometheus-rule-rate-limit.yaml",
        "rate_limit_rejections_total",
        "rate_limited_total",
    ),
    M(
        "metric renamed in a panel",
        "SM223",
        f"{PROD}dashboards/overview.json",
        "sum by (pod) (http_requests_in_flight",
        "sum by (pod) (http_requests_inflight",
    ),
    M(
        "misspelt field of a dashboard",
        "SM224",
        f"{PROD}dashboards/overview.json",
        '"refresh": "1m"',
        '"refersh": "1m"',
    ),
    M("two panels of one id", "SM224", f"{PROD}dashboards/overview.json", '"id": 211,', '"id": 212,'),
    M("egress open by default", "SM225", f"{BASE}network-policy-default-deny.yaml", "[Ingress, Egress]", "[Ingress]"),
    M(
        "metadata service reachable",
        "SM225",
        f"{BASE}network-policy-aws.yaml",
        "except: [169.254.0.0/16]",
        "except: [10.0.0.0/8]",
    ),
    M("port that no policy admits", "SM225", f"{BASE}network-policy-telemetry.yaml", "port: metrics}", "port: http}"),
    M(
        "TLS policy of 2016",
        "SM226",
        f"{PROD}load-balancer.yaml",
        "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
        "ELBSecurityPolicy-2016-08",
    ),
    M("plain HTTP forwarded", "SM226", f"{BASE}http-route.yaml", "sectionName: https", "sectionName: http"),
    M(
        "malformed headers let through",
        "SM226",
        f"{PROD}load-balancer.yaml",
        'enabled\n      value: "true"',
        'enabled\n      value: "false"',
    ),
)


@pytest.fixture(scope="module")
def files(web_api_service: Path) -> dict[str, str]:
    """The good service with production alone: one overlay to build for each mutation."""
    others = tuple(f"deploy/kubernetes/overlays/{environment}/" for environment in ("dev", "staging"))
    return {path: text for path, text in Tree.read(web_api_service).items() if not path.startswith(others)}


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: f"{mutation.check_id} {mutation.name}")
def test_mutation_is_caught(files: dict[str, str], mutation: Mutation) -> None:
    assert mutation.before in files[mutation.path], "the template changed: the mutation no longer breaks anything"
    broken = files[mutation.path].replace(mutation.before, mutation.after, 1)

    found = list(CHECKS[mutation.check_id].check(Tree({**files, mutation.path: broken})))

    assert found


def test_every_check_of_kubernetes_catches_a_mutation() -> None:
    assert {mutation.check_id for mutation in MUTATIONS} == set(_kubernetes_ids())


def _kubernetes_ids() -> Iterator[str]:
    return (check_id for check_id in CHECKS if check_id.startswith("SM2"))
