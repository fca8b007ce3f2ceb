"""All rules of all providers."""

from . import rules_aws, rules_azurerm
from .rules import Relation, Rule

RULES: tuple[Rule, ...] = rules_aws.RULES + rules_azurerm.RULES
RELATIONS: tuple[Relation, ...] = rules_aws.RELATIONS + rules_azurerm.RELATIONS
