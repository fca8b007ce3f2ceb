"""Rules of the aws provider."""

from .rules import Relation, Rule, between, one_of

RULES: tuple[Rule, ...] = (
    Rule("aws_sqs_queue", "delay_seconds", between(0, 900), "x"),
    Rule("aws_wafv2_web_acl", "scope", one_of("CLOUDFRONT", "REGIONAL"), "x"),
)
RELATIONS: tuple[Relation, ...] = ()
