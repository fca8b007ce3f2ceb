"""All rules of all providers."""

from .rules_aws import RELATIONS as AWS_RELATIONS
from .rules_aws import RULES as AWS_RULES

RULES = AWS_RULES
RELATIONS = AWS_RELATIONS
