"""In production, what holds data can't be deleted by one mistake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.terraform._policies import Objection, findings, inner, sample
from standardized_modules.checks.terraform._session import Applied

ID = "SM312"
SEVERITY = "error"
TITLE = "Production data can be deleted by one mistake"
WHY = (
    "A wrong name in a plan replaces a resource: without deletion protection the database goes with it, without a "
    "final snapshot for good, and a key that is deleted takes everything it encrypted along. In dev the same "
    "protection would only be in the way."
)
SOURCE = "https://docs.aws.amazon.com/wellarchitected/latest/reliability-pillar/rel_backing_up_data_secured_backups_data.html"
FIX = "set the argument where the environment is production"
READS = ("deploy/terraform/*",)
_KEY = """\
resource "aws_kms_key" "service" {
  enable_key_rotation     = true
  deletion_window_in_days = DAYS
}
"""
BAD = sample(_KEY.replace("DAYS", "7"))
GOOD = sample(_KEY.replace("DAYS", "30"))
REQUIRED: Mapping[str, Mapping[str, Any]] = {
    "aws_cognito_user_pool": {"deletion_protection": "ACTIVE"},
    "aws_db_instance": {"deletion_protection": True, "skip_final_snapshot": False},
    "aws_dynamodb_table": {"deletion_protection_enabled": True},
    "aws_ecr_repository": {"force_delete": False},
    "aws_lb": {"enable_deletion_protection": True},
    "aws_rds_cluster": {"deletion_protection": True, "skip_final_snapshot": False},
    "aws_s3_bucket": {"force_destroy": False},
    "azurerm_key_vault": {"purge_protection_enabled": True},
}
"""What each must say. A False holds also when nothing is said: it is the default of all that are listed."""
LOCKED = frozenset({"azurerm_postgresql_flexible_server"})
"""What has no argument of its own for that: a lock keeps it."""
WINDOW = 14
"""Days: a fortnight holiday is over before a key that was deleted by mistake is gone. AWS allows 7 to 30."""


def check(tree: Tree) -> Iterator[Finding]:
    """A finding for each argument that is missing or says otherwise."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(applied: Applied) -> Iterator[Objection]:
    if not applied.is_production:
        return
    for address, kind, values in applied.resources():
        for path, wanted in REQUIRED.get(kind, {}).items():
            replica = kind == "aws_db_instance" and values.get("replicate_source_db")
            for value in inner(values, path):
                if (value or False) != wanted and not replica:
                    yield address, f"{path} must be {str(wanted).lower()}"
        if kind in LOCKED and values.get("create_mode") != "Replica" and values.get("id") not in _locked(applied):
            yield address, "no azurerm_management_lock CanNotDelete has it as its scope"
        days = values.get("deletion_window_in_days")
        if kind == "aws_kms_key" and isinstance(days, int | float) and days < WINDOW:
            yield address, f"deletion_window_in_days is {days:g}, less than {WINDOW}"


def _locked(applied: Applied) -> set[Any]:
    locks = (values for _, values in applied.of("azurerm_management_lock"))
    return {values.get("scope") for values in locks if values.get("lock_level") == "CanNotDelete"}
