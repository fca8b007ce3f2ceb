"""All rules of all providers."""

from . import rules_aws, rules_aws_data, rules_azurerm, rules_azurerm_data
from .rules import Relation, Rule

RULES: tuple[Rule, ...] = (
    *rules_aws.RULES,
    *rules_aws_data.RULES,
    *rules_azurerm.RULES,
    *rules_azurerm_data.RULES,
)
RELATIONS: tuple[Relation, ...] = (
    *rules_aws.RELATIONS,
    *rules_aws_data.RELATIONS,
    *rules_azurerm.RELATIONS,
    *rules_azurerm_data.RELATIONS,
)
