"""What the Terraform checks say about a flexible server, which has no argument for its protection."""

from __future__ import annotations

from types import ModuleType

import pytest

from standardized_modules.checks import Tree
from standardized_modules.checks.terraform import backups, deletion_protection, public_access
from standardized_modules.checks.terraform._policies import sample

SERVER = """\
provider "azurerm" {
  features {}
}

resource "azurerm_postgresql_flexible_server" "primary" {
  name                          = "psql-orders"
  resource_group_name           = "rg-orders"
  location                      = "westeurope"
  version                       = "17"
  sku_name                      = "GP_Standard_D2ds_v5"
  public_network_access_enabled = false
  backup_retention_days         = 14
}
"""
REPLICA = """
resource "azurerm_postgresql_flexible_server" "replica" {
  name                          = "psql-orders-replica"
  resource_group_name           = "rg-orders"
  location                      = "westeurope"
  create_mode                   = "Replica"
  source_server_id              = azurerm_postgresql_flexible_server.primary.id
  public_network_access_enabled = false
}
"""
KEPT = """
resource "azurerm_management_lock" "database" {
  name       = "keep"
  scope      = azurerm_postgresql_flexible_server.primary.id
  lock_level = "CanNotDelete"
}
"""


def messages(check: ModuleType, hcl: str, environment: str = "prod") -> list[str]:
    files = sample(hcl, **{f"deploy/terraform/environments/{environment}.tfvars": "# nothing\n"})
    return [finding.message for finding in check.check(Tree(files))]


def test_production_has_a_lock() -> None:
    assert messages(deletion_protection, SERVER + REPLICA + KEPT) == []


@pytest.mark.parametrize("lock", ["", KEPT.replace("CanNotDelete", "ReadOnly"), KEPT.replace("primary", "replica")])
def test_production_without_the_lock_of_its_server_is_found(lock: str) -> None:
    (message,) = messages(deletion_protection, SERVER + REPLICA + lock)

    assert "no azurerm_management_lock CanNotDelete has it as its scope" in message


def test_nothing_else_needs_a_lock() -> None:
    assert messages(deletion_protection, SERVER, "dev") == []


def test_a_replica_needs_no_backups_of_its_own() -> None:
    assert messages(backups, SERVER + REPLICA) == []


def test_a_cache_that_says_nothing_is_public() -> None:
    cache = """
resource "azurerm_managed_redis" "cache" {
  name                = "redis-orders"
  resource_group_name = "rg-orders"
  location            = "westeurope"
  sku_name            = "Balanced_B0"
NETWORK}
"""
    closed = '  public_network_access = "Disabled"\n'

    assert messages(public_access, SERVER + cache.replace("NETWORK", closed)) == []
    assert len(messages(public_access, SERVER + cache.replace("NETWORK", ""))) == 1
