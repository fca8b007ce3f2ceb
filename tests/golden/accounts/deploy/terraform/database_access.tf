# What the pods may do: the service reads the credentials of its login, the jobs that make roles,
# migrate and rotate read the administrator's and write those of all logins. Each has a ServiceAccount
# and a role of its own.

locals {
  read_secret = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]

  # With database.authentication identity the service logs in as this user, with a token of its role.
  database_identity_user = "${local.database_name}_app_identity"

  # A name in IAM for the user on each server, and on the proxy when there is one.
  database_identity_arns = [
    for id in concat(
      [aws_db_instance.primary.resource_id],
      [for replica in aws_db_instance.replica : replica.resource_id],
      [for proxy in aws_db_proxy.database : reverse(split(":", proxy.arn))[0]],
    ) : "arn:${data.aws_partition.current.partition}:rds-db:${var.region}:${var.account_id}:dbuser:${id}/${local.database_identity_user}"
  ]

  # Whoever makes a login for tokens becomes a member of rds_iam, and RDS takes no password of a member.
  # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.DBAccounts.html
  database_admin_login = [for _ in local.settings.database.identity_authentication ? ["tokens"] : [] : {
    Sid      = "LogInAsAdministrator"
    Effect   = "Allow"
    Action   = ["rds-db:connect"]
    Resource = ["arn:${data.aws_partition.current.partition}:rds-db:${var.region}:${var.account_id}:dbuser:${aws_db_instance.primary.resource_id}/${local.database_admin_user}"]
  }]
}

resource "aws_iam_role_policy" "database" {
  name = "database"
  role = aws_iam_role.workload.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      local.settings.database.identity_authentication ? {
        Sid      = "LogIn"
        Effect   = "Allow"
        Action   = ["rds-db:connect"]
        Resource = local.database_identity_arns
        } : {
        Sid      = "ReadCredentials"
        Effect   = "Allow"
        Action   = local.read_secret
        Resource = [aws_secretsmanager_secret.database["app"].arn]
      },
    ]
  })
}

resource "aws_iam_role" "migrate" {
  name                 = "${local.name}-migrate"
  description          = "Jobs that make roles, migrate and rotate credentials of ${local.service} in ${var.environment}"
  permissions_boundary = var.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyThisServiceAccount"
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = {
        StringEquals = {
          "aws:RequestTag/eks-cluster-arn"            = data.aws_eks_cluster.this.arn
          "aws:RequestTag/kubernetes-namespace"       = local.settings.namespace
          "aws:RequestTag/kubernetes-service-account" = "${local.service}-migrate"
        }
      }
    }]
  })
}

resource "aws_eks_pod_identity_association" "migrate" {
  cluster_name    = data.aws_eks_cluster.this.name
  namespace       = local.settings.namespace
  service_account = "${local.service}-migrate"
  role_arn        = aws_iam_role.migrate.arn
}

resource "aws_iam_role_policy" "migrate" {
  name = "database"
  role = aws_iam_role.migrate.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.database_admin_login, [
      {
        Sid      = "ReadCredentials"
        Effect   = "Allow"
        Action   = local.read_secret
        Resource = concat([local.database_admin_secret_arn], [for secret in aws_secretsmanager_secret.database : secret.arn])
      },
      {
        Sid      = "WriteCredentialsOfLogins"
        Effect   = "Allow"
        Action   = ["secretsmanager:PutSecretValue"]
        Resource = [for secret in aws_secretsmanager_secret.database : secret.arn]
      },
    ])
  })
}
