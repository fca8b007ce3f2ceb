# The private address of the service. AKS makes the load balancer itself, from the Gateway in
# deploy/kubernetes: what is here is its place in the network and the name that leads there.
# https://learn.microsoft.com/azure/aks/internal-lb

data "azurerm_subnet" "load_balancer" {
  name                 = local.load_balancer_subnet["subnets"]
  virtual_network_name = local.load_balancer_subnet["virtualNetworks"]
  resource_group_name  = local.load_balancer_subnet["resourceGroups"]

  lifecycle {
    # Otherwise the Service would wait for an address for ever.
    postcondition {
      condition     = anytrue([for network in self.address_prefixes : cidrhost(network, 0) == cidrhost("${var.load_balancer_address}/${split("/", network)[1]}", 0) if can(cidrnetmask(network))])
      error_message = "load_balancer_address ${var.load_balancer_address} is not in the subnet ${self.name} (${join(", ", self.address_prefixes)})."
    }
  }
}

locals {
  # /subscriptions/…/resourceGroups/…, as a map.
  load_balancer_subnet = { for pair in chunklist(split("/", trimprefix(var.load_balancer_subnet_id, "/")), 2) : pair[0] => pair[1] }
}

data "azurerm_private_dns_zone" "internal" {
  name                = var.zone_name
  resource_group_name = var.zone_resource_group
}

resource "azurerm_private_dns_a_record" "service" {
  name                = trimsuffix(local.settings.hostname, ".${var.zone_name}")
  private_dns_zone_id = data.azurerm_private_dns_zone.internal.id
  records             = [var.load_balancer_address]
  ttl                 = 300
  tags                = local.tags
}
