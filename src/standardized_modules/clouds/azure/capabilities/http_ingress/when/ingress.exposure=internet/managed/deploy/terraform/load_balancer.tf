# Application Gateway for Containers. Terraform makes it; the ALB Controller in the cluster configures
# it, from the Gateway and the routes in deploy/kubernetes.
# https://learn.microsoft.com/azure/application-gateway/for-containers/overview

resource "azurerm_application_load_balancer" "service" {
  name                = "agc-${local.name}"
  resource_group_name = local.resource_group_name
  location            = local.location
  tags                = local.tags
}

# Where clients arrive. It belongs to one Gateway.
resource "azurerm_application_load_balancer_frontend" "service" {
  name                         = "public"
  application_load_balancer_id = azurerm_application_load_balancer.service.id
  tags                         = local.tags
}

# Where it leaves for the pods.
resource "azurerm_application_load_balancer_subnet_association" "service" {
  name                         = "pods"
  application_load_balancer_id = azurerm_application_load_balancer.service.id
  subnet_id                    = var.load_balancer_subnet_id
  tags                         = local.tags
}

# The network that requests come from, for the pods' network policy.
data "azurerm_subnet" "load_balancer" {
  name                 = local.load_balancer_subnet["subnets"]
  virtual_network_name = local.load_balancer_subnet["virtualNetworks"]
  resource_group_name  = local.load_balancer_subnet["resourceGroups"]

  lifecycle {
    postcondition {
      condition     = length(self.address_prefixes) == 1 && can(cidrnetmask(self.address_prefixes[0]))
      error_message = "The subnet of the load balancer must have one IPv4 network; the network policy of the pods admits that."
    }
  }
}

locals {
  # /subscriptions/…/resourceGroups/…, as a map.
  load_balancer_subnet = { for pair in chunklist(split("/", trimprefix(var.load_balancer_subnet_id, "/")), 2) : pair[0] => pair[1] }
}

# Owner and Contributor do not include what the controller needs to configure it.
resource "azurerm_role_assignment" "load_balancer_controller" {
  scope                = azurerm_application_load_balancer.service.id
  role_definition_name = "AppGw for Containers Configuration Manager"
  principal_id         = var.load_balancer_controller_principal_id
  principal_type       = "ServicePrincipal"
}

data "azurerm_dns_zone" "public" {
  name                = var.zone_name
  resource_group_name = var.zone_resource_group
}

resource "azurerm_dns_cname_record" "service" {
  name                = trimsuffix(local.settings.hostname, ".${var.zone_name}")
  zone_name           = data.azurerm_dns_zone.public.name
  resource_group_name = data.azurerm_dns_zone.public.resource_group_name
  record              = azurerm_application_load_balancer_frontend.service.fully_qualified_domain_name
  ttl                 = 300
  tags                = local.tags
}
