"""Every rule of the library refuses with its reason and its way out, and the way out is one.

The tables name values that break a rule and values that repair that. A rule without a row fails a
test, and so does a way out that runs into the next rule.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cfnlint
import pytest
from msgspec import Struct

from standardized_modules.engine import InfrastructurePatternEngine
from standardized_modules.errors import SpecError
from standardized_modules.model.composition import Finding
from standardized_modules.model.library import Scalar

ENGINE = InfrastructurePatternEngine.load()
Values = Mapping[str, Scalar]


class Case(Struct, frozen=True):
    """Values that break a rule, and values on top of them that follow its way out."""

    rule: str
    broken: dict[str, Scalar]
    way_out: dict[str, Scalar]
    cloud: str = "aws"
    pattern: str = "background_worker"
    also: frozenset[str] = frozenset()
    """Other rules that the same values break, because they say the same from another side."""
    region: str | None = None

    def __str__(self) -> str:
        return f"{self.rule} on {self.cloud}"


def web(rule: str, broken: dict[str, Scalar], way_out: dict[str, Scalar], cloud: str = "aws", *also: str) -> Case:
    """A rule of web APIs."""
    return Case(rule, broken, way_out, cloud, "web_api", frozenset(also))


def azure(rule: str, broken: dict[str, Scalar], way_out: dict[str, Scalar], *also: str) -> Case:
    """A rule of Service Bus."""
    return Case(rule, broken, way_out, "azure", also=frozenset(also))


def data(rule: str, broken: dict[str, Scalar], way_out: dict[str, Scalar], cloud: str = "aws", *also: str) -> Case:
    """A rule of data APIs."""
    return Case(rule, broken, way_out, cloud, "data_api", frozenset(also))


def placed(region: str, rule: str, broken: dict[str, Scalar], way_out: dict[str, Scalar], cloud: str = "aws") -> Case:
    """A rule of data APIs that this region breaks."""
    return Case(rule, broken, way_out, cloud, "data_api", region=region)


BURSTABLE: dict[str, Scalar] = {
    "database.size": "burstable-2x4",
    "database.replicas": 0,
    "database.high_availability": False,
    "scaling.max_replicas": 10,
}
"""What Azure allows of its smallest server."""
PROXY: dict[str, Scalar] = {"database.pooler": True, "database.authentication": "identity"}
HERE: dict[str, Scalar] = {"database.cross_region_backup": False}
"""Where no other region is in the same country."""
MANY: dict[str, Scalar] = {"worker.processing_time": 1, "worker.concurrency": 700, "workload.memory": 1024}
"""Pods that keep up with hundreds of messages a second."""
LONG: dict[str, Scalar] = {
    "worker.heartbeat": False,
    "worker.acceptable_latency": 86400,
    "queue.throughput": 1,
    "worker.concurrency": 1000,
    "workload.memory": 1024,
    "worker.max_replicas": 10,
    "worker.max_attempts": 2,
}
"""Tasks that may take hours, without a heartbeat."""
CASES = (
    web("keep-alive-outlives-load-balancer", {"http.keep_alive": 60}, {"http.keep_alive": 65}),
    web(
        "keep-alive-outlives-gateway",
        {"ingress.exposure": "internal", "http.keep_alive": 3600},
        {"http.keep_alive": 3601},
        "azure",
    ),
    web("minimum-below-maximum", {"scaling.min_replicas": 3, "scaling.max_replicas": 2}, {"scaling.max_replicas": 3}),
    web(
        "production-survives-a-zone",
        {"scaling.min_replicas": 1, "scaling.max_replicas": 1},
        {"scaling.max_replicas": 2},
    ),
    web("request-fits-idle-timeout", {"http.request_timeout": 60}, {"http.request_timeout": 59}),
    web("latency-goal-below-timeout", {"http.request_timeout": 1, "slo.latency": 1000}, {"slo.latency": 500}),
    web("client-limit-below-firewall-limit", {"rate_limit.requests": 6000}, {"ingress.waf_rate_limit": 90000}),
    web("ports-differ", {"http.port": 9090}, {"http.port": 8000}),
    web("bodies-fit-memory", {"http.max_body": 104857600}, {"workload.memory": 1024}),
    Case(
        "visibility-covers-processing",
        {"worker.heartbeat": False, "worker.processing_time": 9, "queue.visibility_timeout": 53},
        {"queue.visibility_timeout": 54},
    ),
    Case(
        "visibility-covers-processing",
        {"worker.heartbeat": False, "queue.visibility_timeout": 59},
        {"worker.heartbeat": True},
    ),
    Case("visibility-outlives-a-heartbeat", {"queue.visibility_timeout": 14}, {"queue.visibility_timeout": 15}),
    Case("retries-fit-retention", {"queue.retention": 3600, "worker.max_attempts": 11}, {"worker.max_attempts": 10}),
    Case(
        "dead-letters-outlive-messages",
        {"queue.dead_letter_retention": 345599},
        {"queue.dead_letter_retention": 345600},
    ),
    Case("backoff-below-its-cap", {"worker.retry_base": 301}, {"worker.retry_base": 300}),
    Case("idempotency-outlives-messages", {"queue.retention": 700000}, {"worker.idempotency_retention": 700000}),
    Case("latency-goal-covers-cold-start", {"worker.cold_start": 61}, {"worker.acceptable_latency": 61}),
    Case("latency-goal-covers-cold-start", {"worker.cold_start": 61}, {"worker.min_replicas": 1}),
    Case(
        "latency-goal-covers-processing",
        {"worker.min_replicas": 1, "worker.acceptable_latency": 9},
        {"worker.acceptable_latency": 10},
    ),
    Case(
        "worker-minimum-below-maximum",
        {"worker.min_replicas": 11, "worker.max_replicas": 10},
        {"worker.max_replicas": 11},
    ),
    Case("workers-keep-up", {"queue.throughput": 5}, {"worker.concurrency": 25}),
    Case("messages-fit-memory", {"worker.concurrency": 1000}, {"workload.memory": 1024}),
    Case(
        "ordered-queue-within-quota",
        {**MANY, "queue.ordered": True, "queue.throughput": 2401, "worker.retry_cap": 10, "worker.max_replicas": 60},
        {"queue.throughput": 2400},
    ),
    Case(
        "ordered-queue-one-at-a-time",
        {**MANY, "queue.ordered": True, "queue.throughput": 101, "worker.max_replicas": 2},
        {"queue.throughput": 100},
    ),
    Case("retries-within-in-flight-quota", {**MANY, "queue.throughput": 401}, {"worker.retry_cap": 299}),
    Case(
        "heartbeat-beyond-the-longest-visibility",
        {**LONG, "worker.processing_time": 7201, "queue.visibility_timeout": 43200},
        {"worker.heartbeat": True},
        also=frozenset({"visibility-covers-processing"}),
    ),
    azure(
        "heartbeat-beyond-the-longest-lock",
        {**LONG, "worker.processing_time": 51, "queue.visibility_timeout": 300},
        {"worker.heartbeat": True},
        "visibility-covers-processing",
    ),
    azure("tier-has-what-tasks-need", {"queue.tier": "basic"}, {"queue.tier": "standard"}),
    azure("tier-has-what-tasks-need", {"queue.tier": "basic", "queue.ordered": True}, {"queue.tier": "premium"}),
    azure("message-fits-tier", {"queue.max_message": 262145, "workload.memory": 512}, {"queue.tier": "premium"}),
    azure("throughput-fits-tier", {**MANY, "queue.throughput": 501}, {"queue.tier": "premium"}),
    # 405 connections of the burstable instance, less 20: 38 for each of ten pods, of which one watches; half, as a
    # rollout has two of each.
    data("connections-fit-database", {**BURSTABLE, "database.pool_size": 19}, {"database.pool_size": 18}),
    data(
        "connections-fit-database",
        {"database.size": "2x16", "scaling.max_replicas": 134},
        {"scaling.max_replicas": 133},
    ),
    data(
        "replicas-take-connections-themselves",
        {**PROXY, "database.replicas": 1, "database.size": "2x16", "scaling.max_replicas": 134},
        {"scaling.max_replicas": 133},
    ),
    data(
        "replicas-take-connections-themselves",
        {**PROXY, "database.replicas": 1, "database.size": "2x16", "scaling.max_replicas": 134},
        {"database.replicas": 0},
    ),
    data("statement-fits-request", {"database.statement_timeout": 14}, {"database.statement_timeout": 13}),
    data(
        "replicas-need-backups",
        {"database.replicas": 1, "database.backup_retention": 0},
        {"database.backup_retention": 7},
        "aws",
        "production-can-be-restored",
    ),
    data(
        "production-can-be-restored",
        {"database.replicas": 0, "database.backup_retention": 6},
        {"database.backup_retention": 7},
    ),
    data(
        "production-is-not-deleted-by-mistake",
        {"database.deletion_protection": False},
        {"database.deletion_protection": True},
    ),
    data("negative-entries-expire-first", {"cache.ttl": 29}, {"cache.negative_ttl": 29}),
    data("working-set-fits-cache", {"cache.working_set": 5000, "cache.size": 6144}, {"cache.size": 12288}),
    data(
        "backups-outlive-their-drill", {"backup.retention": 29, "backup.drill_interval": 30}, {"backup.retention": 30}
    ),
    data(
        "production-keeps-backups-for-a-week",
        {"backup.retention": 6, "backup.drill_interval": 1},
        {"backup.retention": 7},
    ),
    data("pooler-takes-tokens", {"database.pooler": True}, {"database.authentication": "identity"}),
    data("burstable-stands-alone", {**BURSTABLE, "database.replicas": 1}, {"database.size": "2x8"}, "azure"),
    data(
        "burstable-stands-alone", {**BURSTABLE, "database.high_availability": True}, {"database.size": "2x8"}, "azure"
    ),
    data("burstable-has-no-pooler", {**BURSTABLE, "database.pooler": True}, {"database.pooler": False}, "azure"),
    placed("ca-west-1", "region-has-burstable-databases", {}, {"database.size": "2x8"}),
    placed("me-south-1", "region-has-burstable-caches", HERE, {"cache.size": 6144}),
    placed("eu-west-2", "copies-have-a-region", {}, {"database.backup_region": "eu-west-1"}),
    placed("eu-west-2", "copies-have-a-region", {}, {"database.cross_region_backup": False}),
    data("copies-are-elsewhere", {"database.backup_region": "eu-west-1"}, {"database.backup_region": "eu-west-3"}),
    placed("westus", "region-has-zones", {}, {"database.high_availability": False}, "azure"),
    placed("italynorth", "region-has-a-pair", {}, {"database.cross_region_backup": False}, "azure"),
)
"""Bounds are met exactly where a rule has one: one more is refused, the bound itself is not."""
OUT_OF_BOUNDS = (
    ("azure", {"queue.visibility_timeout": 301}, "above the maximum of 300 seconds"),
    ("aws", {"queue.visibility_timeout": 43201}, "above the maximum of 43200 seconds"),
    ("aws", {"queue.max_message": 1048577}, "above the maximum of 1048576 bytes"),
    ("azure", {"queue.max_message": 1048577}, "above the maximum of 1048576 bytes"),
)


def findings(case: Case, values: Values) -> tuple[Finding, ...]:
    """What the composed service says about these values, the same in every environment."""
    spec = ENGINE.spec("orders", patterns=[case.pattern], cloud=case.cloud, region=case.region, values=values)
    return ENGINE.resolve(ENGINE.compose(spec)).findings


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_rule_refuses_with_reason_and_way_out(case: Case) -> None:
    found = {each.rule: each for each in findings(case, case.broken)}
    rule = ENGINE.library.rules_on(case.cloud)[case.rule]

    assert found.keys() == {case.rule, *case.also}
    assert rule.because in found[case.rule].message
    assert found[case.rule].hint == rule.instead


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_way_out_is_one(case: Case) -> None:
    assert findings(case, {**case.broken, **case.way_out}) == ()


def test_regions_lack_what_the_tables_of_aws_say() -> None:
    """cfn-lint carries what each region offers: that our tables name a region with less, and no other one."""
    data = Path(cfnlint.__file__).parent / "data" / "schemas" / "extensions"
    databases = json.loads((data / "aws_rds_dbinstance" / "dbinstanceclass_enum.json").read_text())
    caches = json.loads((data / "aws_elasticache_cachecluster" / "cachenodetype_enum.json").read_text())
    lookups = ENGINE.library.lookups_on("aws", ["relational_db", "cache"])

    def lacking(offers: Mapping[str, Any], table: str) -> dict[str, set[Any]]:
        wanted = set(lookups[table][1].values.values())
        offered = {region: wanted & strings(each) for region, each in offers.items() if re.match(r"[a-z]+-", region)}
        return {region: wanted - found for region, found in offered.items() if wanted - found}

    for_postgresql = {
        region: [each for each in entry["allOf"] if each["if"]["properties"]["Engine"]["const"] == "postgres"]
        for region, entry in databases.items()
    }
    assert len(for_postgresql) > 30
    assert lacking(for_postgresql, "database.instance_class") == {
        region: {"db.t4g.medium"} for region in lookups["database.burstable_offered"][1].values
    }
    assert lacking(caches, "cache.node_type") == {
        region: {"cache.t4g.micro", "cache.t4g.small", "cache.t4g.medium"}
        for region in lookups["cache.burstable_offered"][1].values
    }


def strings(value: object) -> set[str]:
    """All texts in a document."""
    if isinstance(value, Mapping):
        return set().union(*map(strings, value.values()))
    if isinstance(value, list):
        return set().union(*map(strings, value))
    return {value} if isinstance(value, str) else set()


def test_no_rule_is_left_out() -> None:
    rules = {name for cloud in ENGINE.library.clouds for name in ENGINE.library.rules_on(cloud)}

    assert rules == {case.rule for case in CASES}


@pytest.mark.parametrize(("cloud", "values", "reason"), OUT_OF_BOUNDS)
def test_what_a_broker_does_not_have_is_out_of_bounds(cloud: str, values: dict[str, Scalar], reason: str) -> None:
    try:
        (finding,) = findings(Case("", {}, {}, cloud), values)
    except SpecError as refused:  # bounds of every cloud are those of the parameter itself
        message, hint = refused.message, refused.hint
    else:
        message, hint = finding.message, finding.hint

    assert reason in message
    assert "Allowed: from" in hint
