# scripts/deploy.sh hands every entry of this map to the manifests of the environment, as
# deploy/kubernetes/overlays/<environment>/terraform-outputs.env. Nothing is copied by hand.
output "kubernetes" {
  description = "Values that the Kubernetes manifests take from Terraform. A flat map of strings."

  value = {
    # The network the load balancer reaches the pods from.
    vpc_cidr = local.vpc_cidr

    # Cluster DNS, as pods address it.
    dns_cidr = local.dns_cidr

    # For Gateway, HTTPRoute and LoadBalancerConfiguration. The certificate is handed over only
    # when it is issued.
    certificate_arn = aws_acm_certificate_validation.service.certificate_arn
    hostname        = local.settings.hostname
    web_acl_arn     = aws_wafv2_web_acl.service.arn
  }
}

output "cluster_name" {
  description = "EKS cluster that scripts/deploy.sh deploys to."
  value       = data.aws_eks_cluster.this.name
}

output "region" {
  description = "Region of the cluster."
  value       = var.region
}

output "load_balancer" {
  description = "DNS name of the load balancer that the alias record and the alarms follow; empty until the first deployment has made one."
  value       = local.load_balancer == null ? "" : local.load_balancer.dns_name
}

output "alarm_topic_arn" {
  description = "SNS topic of the alarms, for subscribers such as a pager."
  value       = aws_sns_topic.alarms.arn
}
