# scripts/deploy.sh hands every entry of this map to the manifests of the environment, as
# deploy/kubernetes/overlays/<environment>/terraform-outputs.env. Nothing is copied by hand.
output "kubernetes" {
  description = "Values that the Kubernetes manifests take from Terraform. A flat map of strings."

  value = {
    # The network the load balancer reaches the pods from.
    vpc_cidr = local.vpc_cidr

    # The network in which the pods reach their data.
    data_cidr = join(",", local.data_networks)

    # Of the secrets that pods mount.
    region = var.region

    # Cluster DNS, as pods address it.
    dns_cidr = local.dns_cidr

    # For Gateway, HTTPRoute and LoadBalancerConfiguration. The certificate is handed over only
    # when it is issued.
    certificate_arn = aws_acm_certificate_validation.service.certificate_arn
    hostname        = local.settings.hostname
    web_acl_arn     = aws_wafv2_web_acl.service.arn

    # What the pods connect to, and what needs the primary itself: migrations, roles, backups.
    database_host          = local.database_host
    database_primary_host  = aws_db_instance.primary.address
    database_replica_hosts = join(",", [for replica in aws_db_instance.replica : replica.address])

    # For the secret store's driver.
    database_secret_arn       = aws_secretsmanager_secret.database["app"].arn
    database_admin_secret_arn = local.database_admin_secret_arn

    # For the pods' settings, and for the secret store's driver.
    cache_host       = aws_elasticache_replication_group.cache.primary_endpoint_address
    cache_secret_arn = aws_secretsmanager_secret.cache.arn

    # Where logical backups go, and the login that makes them.
    backup_target              = "s3://${aws_s3_bucket.backup["primary"].bucket}/logical"
    database_backup_secret_arn = aws_secretsmanager_secret.database["backup"].arn
  }

  precondition {
    condition     = length(local.data_networks) == 1
    error_message = "The data subnets lie in the networks ${join(", ", local.data_networks)} of the VPC: choose data_subnet_ids in one, which the network policies let pods reach."
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
