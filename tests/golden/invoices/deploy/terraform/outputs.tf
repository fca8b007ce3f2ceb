# scripts/deploy.sh hands every entry of this map to the manifests of the environment, as
# deploy/kubernetes/overlays/<environment>/terraform-outputs.env. Nothing is copied by hand.
output "kubernetes" {
  description = "Values that the Kubernetes manifests take from Terraform. A flat map of strings."

  value = {
    # Cluster DNS, as pods address it.
    dns_cidr = local.dns_cidr

    # For the pods' settings.
    queue_url             = aws_sqs_queue.tasks.url
    dead_letter_queue_url = aws_sqs_queue.dead_letters.url

    idempotency_table = aws_dynamodb_table.idempotency.name

    # For KEDA's TriggerAuthentication.
    keda_role_arn = aws_iam_role.keda.arn
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

output "alarm_topic_arn" {
  description = "SNS topic of the alarms, for subscribers such as a pager."
  value       = aws_sns_topic.alarms.arn
}
