# The manifests fit one way of enforcing NetworkPolicies: cluster.network_policy in sm.yaml.
check "network_policy" {
  assert {
    condition     = one(data.azurerm_kubernetes_cluster.this.network_profile).network_policy == "cilium"
    error_message = "Cluster ${var.cluster_name} enforces NetworkPolicies by ${one(data.azurerm_kubernetes_cluster.this.network_profile).network_policy}, and the manifests are made for cilium: set cluster.network_policy in sm.yaml."
  }
}
