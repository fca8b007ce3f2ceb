"""Rules of the aws provider for the attributes that generated services set, each with the page that states it.

The provider (internal/service/*/…, `ValidateFunc` and `ConflictsWith`) checks the same limits before it calls an API.
"""

import json
from collections.abc import Iterator
from typing import Any

from .messages import Complaint
from .rules import (
    Relation,
    Rule,
    Test,
    all_of,
    between,
    conflicting,
    exactly_one,
    json_document,
    longest,
    matching,
    needs,
    one_of,
)
from .values import Config, is_known

_DOCS = "https://docs.aws.amazon.com"
_ACM = f"{_DOCS}/acm/latest/APIReference/API_RequestCertificate.html"
_ALARM = f"{_DOCS}/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"
_ALIAS = f"{_DOCS}/kms/latest/APIReference/API_CreateAlias.html"
_DYNAMODB = f"{_DOCS}/amazondynamodb/latest/APIReference/API_CreateTable.html"
_DYNAMODB_TTL = f"{_DOCS}/amazondynamodb/latest/APIReference/API_TimeToLiveSpecification.html"
_ECR = f"{_DOCS}/AmazonECR/latest/APIReference/API_CreateRepository.html"
_ECR_LIFECYCLE = f"{_DOCS}/AmazonECR/latest/userguide/lifecycle_policy_parameters.html"
_KMS = f"{_DOCS}/kms/latest/APIReference/API_CreateKey.html"
_KMS_DELETE = f"{_DOCS}/kms/latest/APIReference/API_ScheduleKeyDeletion.html"
_KMS_ROTATE = f"{_DOCS}/kms/latest/APIReference/API_EnableKeyRotation.html"
_LOGS = f"{_DOCS}/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html"
_LOGS_RETENTION = f"{_DOCS}/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"
_POD_IDENTITY = f"{_DOCS}/eks/latest/APIReference/API_CreatePodIdentityAssociation.html"
_RDS = f"{_DOCS}/AmazonRDS/latest/APIReference/API_CreateDBInstance.html"
_ROLE = f"{_DOCS}/IAM/latest/APIReference/API_CreateRole.html"
_ROLE_POLICY = f"{_DOCS}/IAM/latest/APIReference/API_PutRolePolicy.html"
_ROUTE53 = f"{_DOCS}/Route53/latest/APIReference/API_ResourceRecordSet.html"
_SNS = f"{_DOCS}/sns/latest/api/API_CreateTopic.html"
_SNS_SUBSCRIBE = f"{_DOCS}/sns/latest/api/API_Subscribe.html"
_SQS = f"{_DOCS}/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html"
_SQS_NAME = f"{_DOCS}/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html"
_WAF = f"{_DOCS}/waf/latest/APIReference/API_CreateWebACL.html"
_WAF_LIMIT = f"{_DOCS}/waf/latest/APIReference/API_RateBasedStatement.html"
_WAF_LOGGING = f"{_DOCS}/waf/latest/APIReference/API_LoggingConfiguration.html"
_WAF_RESPONSE = f"{_DOCS}/waf/latest/APIReference/API_CustomResponse.html"
_WAF_METRIC = f"{_DOCS}/waf/latest/APIReference/API_VisibilityConfig.html"


def _arn(*services: str) -> Test:
    pattern = "|".join(services) or "[a-z0-9-]+"
    meaning = f"an ARN of {' or '.join(services)}" if services else "an ARN"
    return matching(rf"arn:aws[a-z-]*:({pattern}):[a-z0-9-]*:(\d{{12}}|aws)?:.+", meaning)


_RETENTION_DAYS = (
    *(0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),  # 0 is the provider's word for "never expire"
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
_INSIGHTS_DAYS = (7, *range(31, 714, 31), 731)

_ECR_NAME = all_of(
    matching(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*", "a repository name"),
    matching(r".{2,256}", "2 to 256 characters long"),
)
_WAF_RULE = "rule.statement.rate_based_statement"

RULES: tuple[Rule, ...] = (
    Rule("aws_acm_certificate", "validation_method", one_of("DNS", "EMAIL", "HTTP"), _ACM),
    Rule("aws_acm_certificate", "domain_name", longest(253), _ACM),
    Rule("aws_cloudwatch_log_group", "name", matching(r"[.\-_/#A-Za-z0-9]{1,512}", "a log group name"), _LOGS),
    Rule("aws_cloudwatch_log_group", "retention_in_days", one_of(*_RETENTION_DAYS), _LOGS_RETENTION),
    Rule("aws_cloudwatch_log_group", "kms_key_id", _arn("kms"), _LOGS),
    Rule("aws_cloudwatch_log_group", "log_group_class", one_of("STANDARD", "INFREQUENT_ACCESS", "DELIVERY"), _LOGS),
    Rule("aws_cloudwatch_metric_alarm", "alarm_name", longest(255), _ALARM),
    Rule("aws_cloudwatch_metric_alarm", "alarm_description", longest(1024), _ALARM),
    Rule("aws_cloudwatch_metric_alarm", "alarm_actions", _arn(), _ALARM),
    Rule("aws_cloudwatch_metric_alarm", "ok_actions", _arn(), _ALARM),
    Rule(
        "aws_cloudwatch_metric_alarm",
        "comparison_operator",
        one_of(
            "GreaterThanOrEqualToThreshold",
            "GreaterThanThreshold",
            "GreaterThanUpperThreshold",
            "LessThanLowerOrGreaterThanUpperThreshold",
            "LessThanLowerThreshold",
            "LessThanOrEqualToThreshold",
            "LessThanThreshold",
        ),
        _ALARM,
    ),
    Rule("aws_cloudwatch_metric_alarm", "evaluation_periods", between(1, 86400), _ALARM),
    Rule("aws_cloudwatch_metric_alarm", "datapoints_to_alarm", between(1, 86400), _ALARM),
    Rule(
        "aws_cloudwatch_metric_alarm",
        "statistic",
        one_of("Average", "Maximum", "Minimum", "SampleCount", "Sum"),
        _ALARM,
    ),
    Rule(
        "aws_cloudwatch_metric_alarm",
        "treat_missing_data",
        one_of("breaching", "ignore", "missing", "notBreaching"),
        _ALARM,
    ),
    Rule("aws_cloudwatch_metric_alarm", "namespace", matching(r"[^:].{0,254}", "a metric namespace"), _ALARM),
    Rule("aws_db_instance", "allocated_storage", between(5, 65536), _RDS),
    Rule("aws_db_instance", "backup_retention_period", between(0, 35), _RDS),
    Rule("aws_db_instance", "database_insights_mode", one_of("advanced", "standard"), _RDS),
    Rule(
        "aws_db_instance",
        "identifier",
        matching(r"(?=.{1,63}$)[a-z](-?[a-z0-9])*", "1 to 63 lower-case letters, digits and single hyphens"),
        _RDS,
    ),
    Rule("aws_db_instance", "instance_class", matching(r"db\.[a-z0-9-]+\.[a-z0-9]+", "like db.m7g.large"), _RDS),
    Rule("aws_db_instance", "kms_key_id", _arn("kms"), _RDS),
    Rule("aws_db_instance", "monitoring_interval", one_of(0, 1, 5, 10, 15, 30, 60), _RDS),
    Rule("aws_db_instance", "performance_insights_retention_period", one_of(*_INSIGHTS_DAYS), _RDS),
    Rule("aws_db_instance", "port", between(1150, 65535), _RDS),
    Rule("aws_db_instance", "storage_type", one_of("standard", "gp2", "gp3", "io1", "io2"), _RDS),
    Rule("aws_db_instance", "backup_window", matching(r"\d\d:\d\d-\d\d:\d\d", "like 03:00-03:30"), _RDS),
    Rule(
        "aws_db_instance",
        "maintenance_window",
        matching(
            r"(?i)(mon|tue|wed|thu|fri|sat|sun):\d\d:\d\d-(mon|tue|wed|thu|fri|sat|sun):\d\d:\d\d",
            "like sun:04:00-sun:05:00",
        ),
        _RDS,
    ),
    Rule("aws_dynamodb_table", "name", matching(r"[A-Za-z0-9_.-]{3,255}", "3 to 255 of A-Z a-z 0-9 _.-"), _DYNAMODB),
    Rule("aws_dynamodb_table", "billing_mode", one_of("PAY_PER_REQUEST", "PROVISIONED"), _DYNAMODB),
    Rule("aws_dynamodb_table", "attribute.type", one_of("B", "N", "S"), _DYNAMODB),
    Rule("aws_dynamodb_table", "server_side_encryption.kms_key_arn", _arn("kms"), _DYNAMODB),
    Rule("aws_dynamodb_table", "ttl.attribute_name", matching(r".{1,255}", "1 to 255 characters long"), _DYNAMODB_TTL),
    Rule("aws_ecr_repository", "name", _ECR_NAME, _ECR),
    Rule(
        "aws_ecr_repository",
        "image_tag_mutability",
        one_of("MUTABLE", "IMMUTABLE", "MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION"),
        _ECR,
    ),
    Rule("aws_ecr_repository", "encryption_configuration.encryption_type", one_of("AES256", "KMS", "KMS_DSSE"), _ECR),
    Rule("aws_ecr_repository", "encryption_configuration.kms_key", _arn("kms"), _ECR),
    Rule("aws_ecr_repository_policy", "policy", json_document, _ECR),
    Rule("aws_ecr_lifecycle_policy", "policy", json_document, _ECR_LIFECYCLE),
    Rule("aws_eks_pod_identity_association", "role_arn", _arn("iam"), _POD_IDENTITY),
    Rule("aws_iam_role", "assume_role_policy", json_document, _ROLE),
    Rule("aws_iam_role", "name", matching(r"[\w+=,.@-]{1,64}", "1 to 64 of A-Z a-z 0-9 _+=,.@-"), _ROLE),
    Rule(
        "aws_iam_role",
        "description",
        all_of(matching(r"[\t\n\r\x20-\x7e\xa1-\xff]*", "Latin-1 text"), longest(1000)),
        _ROLE,
    ),
    Rule("aws_iam_role", "max_session_duration", between(3600, 43200), _ROLE),
    Rule("aws_iam_role", "path", matching(r"/|/[\x21-\x7e]{1,510}/", "a path that begins and ends with /"), _ROLE),
    Rule("aws_iam_role", "permissions_boundary", _arn("iam"), _ROLE),
    Rule(
        "aws_iam_role_policy", "name", matching(r"[\w+=,.@-]{1,128}", "1 to 128 of A-Z a-z 0-9 _+=,.@-"), _ROLE_POLICY
    ),
    Rule("aws_iam_role_policy", "policy", json_document, _ROLE_POLICY),
    Rule(
        "aws_kms_alias",
        "name",
        matching(r"alias/(?!aws/)[A-Za-z0-9:/_-]{1,250}", "alias/… but not alias/aws/…"),
        _ALIAS,
    ),
    Rule("aws_kms_key", "deletion_window_in_days", between(7, 30), _KMS_DELETE),
    Rule("aws_kms_key", "description", longest(8192), _KMS),
    Rule("aws_kms_key", "policy", json_document, _KMS),
    Rule("aws_kms_key", "rotation_period_in_days", between(90, 2560), _KMS_ROTATE),
    Rule(
        "aws_kms_key",
        "key_usage",
        one_of("ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT"),
        _KMS,
    ),
    Rule(
        "aws_route53_record",
        "type",
        one_of(
            "A",
            "AAAA",
            "CAA",
            "CNAME",
            "DS",
            "HTTPS",
            "MX",
            "NAPTR",
            "NS",
            "PTR",
            "SOA",
            "SPF",
            "SRV",
            "SSHFP",
            "SVCB",
            "TLSA",
            "TXT",
        ),
        _ROUTE53,
    ),
    Rule("aws_route53_record", "ttl", between(0, 2147483647), _ROUTE53),
    Rule("aws_route53_record", "zone_id", matching(r"\S{1,32}", "1 to 32 characters without spaces"), _ROUTE53),
    Rule("aws_sns_topic", "name", matching(r"[A-Za-z0-9_-]{1,256}|[A-Za-z0-9_-]{1,251}\.fifo", "a topic name"), _SNS),
    Rule("aws_sns_topic", "policy", json_document, _SNS),
    Rule("aws_sns_topic_policy", "arn", _arn("sns"), _SNS),
    Rule("aws_sns_topic_policy", "policy", json_document, _SNS),
    Rule("aws_sns_topic_subscription", "topic_arn", _arn("sns"), _SNS_SUBSCRIBE),
    Rule(
        "aws_sns_topic_subscription",
        "protocol",
        one_of("application", "email", "email-json", "firehose", "http", "https", "lambda", "sms", "sqs"),
        _SNS_SUBSCRIBE,
    ),
    Rule("aws_sns_topic_subscription", "redrive_policy", json_document, _SNS_SUBSCRIBE),
    Rule(
        "aws_sqs_queue", "name", matching(r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo", "a queue name"), _SQS_NAME
    ),
    Rule("aws_sqs_queue", "deduplication_scope", one_of("messageGroup", "queue"), _SQS),
    Rule("aws_sqs_queue", "delay_seconds", between(0, 900), _SQS),
    Rule("aws_sqs_queue", "fifo_throughput_limit", one_of("perMessageGroupId", "perQueue"), _SQS),
    Rule("aws_sqs_queue", "kms_data_key_reuse_period_seconds", between(60, 86400), _SQS),
    Rule("aws_sqs_queue", "max_message_size", between(1024, 1048576), _SQS),
    Rule("aws_sqs_queue", "message_retention_seconds", between(60, 1209600), _SQS),
    Rule("aws_sqs_queue", "receive_wait_time_seconds", between(0, 20), _SQS),
    Rule("aws_sqs_queue", "visibility_timeout_seconds", between(0, 43200), _SQS),
    Rule("aws_sqs_queue", "policy", json_document, _SQS),
    Rule("aws_sqs_queue", "redrive_policy", json_document, _SQS),
    Rule("aws_sqs_queue", "redrive_allow_policy", json_document, _SQS),
    Rule("aws_sqs_queue_policy", "policy", json_document, _SQS),
    Rule("aws_sqs_queue_redrive_allow_policy", "redrive_allow_policy", json_document, _SQS),
    Rule("aws_wafv2_web_acl", "name", matching(r"[A-Za-z0-9_-]{1,128}", "1 to 128 of A-Z a-z 0-9 _-"), _WAF),
    Rule(
        "aws_wafv2_web_acl",
        "description",
        matching(r"[\w+=:#@/\-,.][\w+=:#@/\-,.\s]{0,255}", "plain text of up to 256 characters"),
        _WAF,
    ),
    Rule("aws_wafv2_web_acl", "scope", one_of("CLOUDFRONT", "REGIONAL"), _WAF),
    Rule("aws_wafv2_web_acl", "rule.name", longest(128), _WAF),
    Rule("aws_wafv2_web_acl", "rule.action.block.custom_response.response_code", between(200, 599), _WAF_RESPONSE),
    Rule("aws_wafv2_web_acl", "default_action.block.custom_response.response_code", between(200, 599), _WAF_RESPONSE),
    Rule("aws_wafv2_web_acl", f"{_WAF_RULE}.limit", between(10, 2_000_000_000), _WAF_LIMIT),
    Rule("aws_wafv2_web_acl", f"{_WAF_RULE}.evaluation_window_sec", one_of(60, 120, 300, 600), _WAF_LIMIT),
    Rule(
        "aws_wafv2_web_acl",
        f"{_WAF_RULE}.aggregate_key_type",
        one_of("CONSTANT", "IP", "FORWARDED_IP", "CUSTOM_KEYS"),
        _WAF_LIMIT,
    ),
    Rule(
        "aws_wafv2_web_acl",
        "visibility_config.metric_name",
        matching(r"[\w#:./-]{1,128}", "a metric name"),
        _WAF_METRIC,
    ),
    Rule(
        "aws_wafv2_web_acl",
        "rule.visibility_config.metric_name",
        matching(r"[\w#:./-]{1,128}", "a metric name"),
        _WAF_METRIC,
    ),
    Rule("aws_wafv2_web_acl_logging_configuration", "resource_arn", _arn("wafv2"), _WAF_LOGGING),
    Rule(
        "aws_wafv2_web_acl_logging_configuration",
        "log_destination_configs",
        _arn("firehose", "logs", "s3"),
        _WAF_LOGGING,
    ),
    Rule(
        "aws_wafv2_web_acl_logging_configuration",
        "log_destination_configs",
        matching(r".*[:/]aws-waf-logs-.*", "a destination whose name begins with aws-waf-logs-"),
        _WAF_LOGGING,
    ),
)


def _fifo_names(config: Config) -> Iterator[Complaint]:
    name: Any = config.get("name")
    fifo = config.get("fifo_queue")
    if is_known(name) and name.endswith(".fifo") != bool(fifo):
        yield Complaint("Invalid queue name", "the name of a FIFO queue, and of no other, ends with .fifo", ("name",))


def _fifo_settings(config: Config) -> Iterator[Complaint]:
    scope: Any = config.get("deduplication_scope")
    limit: Any = config.get("fifo_throughput_limit")
    for name in ("content_based_deduplication", "deduplication_scope", "fifo_throughput_limit"):
        if config.get(name) and not config.get("fifo_queue"):
            yield Complaint("Invalid combination of arguments", f"{name} is for FIFO queues", (name,))
    if limit == "perMessageGroupId" and is_known(scope) and scope != "messageGroup":
        detail = "fifo_throughput_limit perMessageGroupId needs deduplication_scope messageGroup"
        yield Complaint("Invalid combination of arguments", detail, ("fifo_throughput_limit",))


def _redrive_count(config: Config) -> Iterator[Complaint]:
    policy: Any = config.get("redrive_policy")
    if not is_known(policy) or json_document(policy):
        return
    document = json.loads(policy)
    count = document.get("maxReceiveCount") if isinstance(document, dict) else None
    if not isinstance(count, int) or not 1 <= count <= 1000:
        detail = f"maxReceiveCount ({count!r}) must be a number between 1 and 1000"
        yield Complaint("Invalid value", detail, ("redrive_policy",))


def _table_keys(config: Config) -> Iterator[Complaint]:
    """Attributes are declared for keys and indexes, and for nothing else."""
    attributes = [item for item in config.get("attribute") or [] if isinstance(item, dict)]
    declared = {item.get("name") for item in attributes}
    indexes = [*(config.get("global_secondary_index") or []), *(config.get("local_secondary_index") or [])]
    if indexes or not all(is_known(name) for name in declared):
        return
    keys = {name for name in (config.get("hash_key"), config.get("range_key")) if is_known(name)}
    if declared and keys and declared != keys:
        odd = ", ".join(sorted(map(str, declared ^ keys)))
        yield Complaint("Invalid combination of arguments", f"attributes and keys differ: {odd}", ("attribute",))


def _alarm_window(config: Config) -> Iterator[Complaint]:
    enough: Any = config.get("datapoints_to_alarm")
    periods: Any = config.get("evaluation_periods")
    if is_known(enough) and is_known(periods) and enough > periods:
        yield Complaint(
            "Invalid value",
            f"datapoints_to_alarm ({enough}) must not exceed evaluation_periods ({periods})",
            ("datapoints_to_alarm",),
        )


def _alarm_period(config: Config) -> Iterator[Complaint]:
    queries = [query for query in config.get("metric_query") or [] if isinstance(query, dict)]
    periods: list[tuple[str, Any]] = [("period", config.get("period"))]
    periods += [("metric_query", metric.get("period")) for query in queries for metric in query.get("metric") or []]
    for name, period in periods:
        if is_known(period) and period not in (10, 20, 30) and (period <= 0 or period % 60):
            yield Complaint("Invalid value", f"period ({period}) must be 10, 20, 30 or a multiple of 60", (name,))


def _final_snapshot(config: Config) -> Iterator[Complaint]:
    if not config.get("skip_final_snapshot") and config.get("final_snapshot_identifier") is None:
        detail = "final_snapshot_identifier is required when skip_final_snapshot is false"
        yield Complaint("Missing required argument", detail, ("final_snapshot_identifier",))


def _engine(config: Config) -> Iterator[Complaint]:
    origins = ("engine", "replicate_source_db", "restore_to_point_in_time", "s3_import", "snapshot_identifier")
    if not any(config.get(name) for name in origins):
        detail = "engine is required unless the instance is a replica or is restored"
        yield Complaint("Missing required argument", detail, ("engine",))


def _rule_actions(config: Config) -> Iterator[Complaint]:
    """A rule that runs a rule group overrides the group's actions; any other rule has an action of its own."""
    for rule in config.get("rule") or []:
        if not isinstance(rule, dict):
            continue
        actions = [name for name in ("action", "override_action") if rule.get(name)]
        if len(actions) != 1:
            detail = f"rule {rule.get('name')!r} needs one of action and override_action, not {len(actions)}"
            yield Complaint("Invalid combination of arguments", detail, ("rule",))


def _rule_priorities(config: Config) -> Iterator[Complaint]:
    rules = [rule for rule in config.get("rule") or [] if isinstance(rule, dict)]
    seen: set[int] = set()
    for rule in rules:
        priority: Any = rule.get("priority")
        if is_known(priority) and priority in seen:
            yield Complaint("Duplicate rule priority", f"two rules have priority {priority}", ("rule",))
        if is_known(priority):
            seen.add(priority)


RELATIONS: tuple[Relation, ...] = (
    Relation("aws_cloudwatch_metric_alarm", _alarm_period, _ALARM),
    Relation("aws_cloudwatch_metric_alarm", _alarm_window, _ALARM),
    conflicting("aws_cloudwatch_metric_alarm", _ALARM, "statistic", "extended_statistic"),
    exactly_one("aws_cloudwatch_metric_alarm", _ALARM, "metric_name", "metric_query"),
    conflicting("aws_db_instance", _RDS, "manage_master_user_password", "password"),
    conflicting("aws_db_instance", _RDS, "manage_master_user_password", "password_wo"),
    conflicting("aws_db_instance", _RDS, "password", "password_wo"),
    needs("aws_db_instance", _RDS, "password_wo", "password_wo_version"),
    Relation("aws_db_instance", _engine, _RDS),
    Relation("aws_db_instance", _final_snapshot, _RDS),
    conflicting("aws_iam_role", _ROLE, "name", "name_prefix"),
    conflicting("aws_iam_role_policy", _ROLE_POLICY, "name", "name_prefix"),
    conflicting("aws_kms_alias", _ALIAS, "name", "name_prefix"),
    conflicting("aws_cloudwatch_log_group", _LOGS, "name", "name_prefix"),
    exactly_one("aws_route53_record", _ROUTE53, "alias", "records"),
    needs("aws_route53_record", _ROUTE53, "records", "ttl"),
    conflicting("aws_route53_record", _ROUTE53, "alias", "ttl"),
    conflicting("aws_sns_topic", _SNS, "name", "name_prefix"),
    conflicting("aws_sqs_queue", _SQS, "name", "name_prefix"),
    conflicting("aws_sqs_queue", _SQS, "kms_master_key_id", "sqs_managed_sse_enabled"),
    Relation("aws_sqs_queue", _fifo_names, _SQS_NAME),
    Relation("aws_sqs_queue", _fifo_settings, _SQS),
    Relation("aws_sqs_queue", _redrive_count, _SQS),
    Relation("aws_dynamodb_table", _table_keys, _DYNAMODB),
    Relation("aws_wafv2_web_acl", _rule_actions, _WAF),
    Relation("aws_wafv2_web_acl", _rule_priorities, _WAF),
)
