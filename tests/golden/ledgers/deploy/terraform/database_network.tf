# The only way to the servers: a private address each, in the subnet of private endpoints. Not a subnet
# that is delegated to the service: a server could never leave it again, every service would need one
# of its own, and Azure Backup, a standby in another region or another network could not reach it.
# https://learn.microsoft.com/azure/postgresql/network/concepts-networking-private-link

resource "azurerm_private_endpoint" "database" {
  for_each = local.database_server_ids

  name                = "${trim(substr("pe-${local.name}", 0, 45), "-")}-database-${each.key}"
  resource_group_name = local.resource_group_name
  location            = local.location
  subnet_id           = var.private_endpoint_subnet_id
  tags                = local.tags

  private_service_connection {
    name                           = "database"
    private_connection_resource_id = each.value
    subresource_names              = ["postgresqlServer"]
    is_manual_connection           = false
  }

  # Pods must find the private address by the public name. Where a policy of your landing zone sees
  # to that, it needs nothing here.
  dynamic "private_dns_zone_group" {
    for_each = var.database_private_dns_zone_id[*]

    content {
      name                 = "default"
      private_dns_zone_ids = [private_dns_zone_group.value]
    }
  }

  lifecycle {
    # The policy of a landing zone would be undone at every apply.
    ignore_changes = [private_dns_zone_group]
  }
}
