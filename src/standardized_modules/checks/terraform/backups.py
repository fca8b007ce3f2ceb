"""What holds data can be brought back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.terraform._policies import Objection, findings, inner, sample
from standardized_modules.checks.terraform._session import Applied

ID = "SM313"
SEVERITY = "error"
TITLE = "Data without a backup"
WHY = (
    "A bad migration or a wrong DELETE is copied to every replica at once; only a backup from before brings the "
    "data back. A read replica of RDS also needs one: without retention it can't be made. Caches are left out, "
    "because what they hold can be computed again."
)
SOURCE = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithAutomatedBackups.html"
FIX = "keep backups for at least 7 days in production and 1 elsewhere; turn point-in-time recovery on"
READS = ("deploy/terraform/*",)
_TABLE = """\
resource "aws_dynamodb_table" "orders" {
  name         = "orders"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }

  point_in_time_recovery {
    enabled = VALUE
  }
}
"""
BAD = sample(_TABLE.replace("VALUE", "false"))
GOOD = sample(_TABLE.replace("VALUE", "true"))
DAYS: Mapping[str, str] = {
    "aws_db_instance": "backup_retention_period",
    "aws_rds_cluster": "backup_retention_period",
    "azurerm_postgresql_flexible_server": "backup_retention_days",
}
"""The argument that holds the days, by type."""
PRODUCTION, ELSEWHERE = 7, 1


def check(tree: Tree) -> Iterator[Finding]:
    """A finding for each store whose data is kept too short, or not at all."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(applied: Applied) -> Iterator[Objection]:
    least = PRODUCTION if applied.is_production else ELSEWHERE
    for address, kind, values in applied.resources():
        if kind in DAYS and not values.get("replicate_source_db") and values.get("create_mode") != "Replica":
            days = values.get(DAYS[kind]) or 0
            if days < least:
                yield address, f"{DAYS[kind]} is {days}, less than {least}"
        if kind == "aws_dynamodb_table" and inner(values, "point_in_time_recovery.enabled") != [True]:
            yield address, "point_in_time_recovery is not enabled"
