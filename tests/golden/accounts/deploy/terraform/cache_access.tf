# Who may use the cache: one user, with the commands of a cache. Its password is made here, goes to
# ElastiCache and to the secret store, and never into Terraform's state.

locals {
  cache_user = "${local.service}-service"
}

resource "aws_secretsmanager_secret" "cache" {
  #checkov:skip=CKV2_AWS_57:Raising cache_password_version rotates it; a Lambda function would have to reach into the VPC for the same.
  name                    = "${local.name}/cache"
  description             = "Login of the service at its cache"
  kms_key_id              = aws_kms_key.service.arn
  recovery_window_in_days = var.environment == "prod" ? 30 : 0
}

ephemeral "random_password" "cache" {
  length  = 64
  special = false
}

# After the user, with the password of the same run.
resource "aws_secretsmanager_secret_version" "cache" {
  secret_id                = aws_secretsmanager_secret.cache.id
  secret_string_wo_version = var.cache_password_version
  secret_string_wo = jsonencode({
    username = local.cache_user
    password = ephemeral.random_password.cache.result
  })

  depends_on = [aws_elasticache_user.service]
}

resource "aws_elasticache_user" "service" {
  user_id   = local.name
  user_name = local.cache_user
  engine    = "valkey"

  # Every key and channel, but nothing that changes the server, lists all keys or empties it; INFO and
  # scripts are what clients and the rate limiter use.
  access_string = "on ~* &* +@all -@admin -@dangerous +info"

  passwords_wo         = ephemeral.random_password.cache.result
  passwords_wo_version = var.cache_password_version
}

# Of the engine Valkey, so without a user `default`: whoever does not log in gets nothing.
# https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Clusters.RBAC.html
resource "aws_elasticache_user_group" "cache" {
  user_group_id = local.name
  engine        = "valkey"
  user_ids      = [aws_elasticache_user.service.user_id]
}

resource "aws_iam_role_policy" "cache" {
  name = "cache"
  role = aws_iam_role.workload.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "ReadCacheCredentials"
      Effect   = "Allow"
      Action   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
      Resource = aws_secretsmanager_secret.cache.arn
    }]
  })
}
