# The firewall of the load balancer. Microsoft's rules against the usual attacks, by score: a request
# that is merely odd passes. https://learn.microsoft.com/azure/web-application-firewall/ag/application-gateway-crs-rulegroups-rules
#
# It counts nothing: rules that limit rates do not exist on Application Gateway for Containers. Clients
# that ask too often are the application's own matter (docs/architecture.md).
# https://learn.microsoft.com/azure/application-gateway/for-containers/web-application-firewall

resource "azurerm_web_application_firewall_policy" "service" {
  #checkov:skip=CKV_AZURE_135: rule 944240 (Log4j) is part of the default rule set and on; the check knows OWASP's alone

  name                = "waf-${local.name}"
  resource_group_name = local.resource_group_name
  location            = local.location
  tags                = local.tags

  policy_settings {
    enabled            = true
    mode               = "Prevention"
    request_body_check = true

    # It looks at the beginning of a body and lets the rest pass: how large one may be is the
    # application's matter, which answers 413.
    request_body_inspect_limit_in_kb = 128
    request_body_enforcement         = false

    # What clients sign in with never reaches the log.
    log_scrubbing {
      enabled = true

      dynamic "rule" {
        for_each = ["authorization", "cookie"]

        content {
          match_variable          = "RequestHeaderNames"
          selector_match_operator = "Equals"
          selector                = rule.value
        }
      }
    }
  }

  managed_rules {
    managed_rule_set {
      type    = "Microsoft_DefaultRuleSet"
      version = "2.1"
    }

    managed_rule_set {
      type    = "Microsoft_BotManagerRuleSet"
      version = "1.1"
    }
  }
}

# Makes the policy known to the load balancer; WebApplicationFirewallPolicy in deploy/kubernetes puts it
# in front of the Gateway.
resource "azurerm_application_load_balancer_security_policy" "waf" {
  name                               = "waf"
  application_load_balancer_id       = azurerm_application_load_balancer.service.id
  location                           = local.location
  web_application_firewall_policy_id = azurerm_web_application_firewall_policy.service.id
  tags                               = local.tags
}

# The controller attaches it, and no narrower role has microsoft.network/…/join/action.
resource "azurerm_role_assignment" "firewall_controller" {
  scope                = azurerm_web_application_firewall_policy.service.id
  role_definition_name = "Network Contributor"
  principal_id         = var.load_balancer_controller_principal_id
  principal_type       = "ServicePrincipal"
}

# Only what the firewall found. Requests are in the application's own log; twice would be paid twice.
resource "azurerm_monitor_diagnostic_setting" "load_balancer" {
  name                       = "to-log-analytics"
  target_resource_id         = azurerm_application_load_balancer.service.id
  log_analytics_workspace_id = var.log_analytics_workspace_id

  enabled_log {
    category = "TrafficControllerFirewallLog"
  }
}
