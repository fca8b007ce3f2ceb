# Who makes backups. The jobs in the cluster write logical ones and read them back for the drill; they
# can neither delete nor overwrite. AWS Backup takes snapshots of this database, and of nothing else.

resource "aws_iam_role" "backup" {
  name                 = "${local.name}-backup"
  description          = "Jobs that back up and restore the database of ${local.service} in ${var.environment}"
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
          "aws:RequestTag/kubernetes-service-account" = "${local.service}-backup"
        }
      }
    }]
  })
}

resource "aws_eks_pod_identity_association" "backup" {
  cluster_name    = data.aws_eks_cluster.this.name
  namespace       = local.settings.namespace
  service_account = "${local.service}-backup"
  role_arn        = aws_iam_role.backup.arn
}

resource "aws_iam_role_policy" "backup" {
  name = "backup"
  role = aws_iam_role.backup.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "FindBackups"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = aws_s3_bucket.backup["primary"].arn
      },
      {
        Sid      = "WriteAndReadBackups"
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
        Resource = "${aws_s3_bucket.backup["primary"].arn}/logical/*"
      },
      {
        # Of a login that reads everything and makes the database of the drill; nobody who reads this one
        # can become the administrator.
        Sid      = "ReadCredentials"
        Effect   = "Allow"
        Action   = local.read_secret
        Resource = [aws_secretsmanager_secret.database["backup"].arn]
      },
    ]
  })
}

# scripts/restore.sh runs as the jobs that make roles: a restore makes them, and owns the schema.
resource "aws_iam_role_policy" "restore" {
  name = "restore"
  role = aws_iam_role.migrate.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "FindBackups"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = aws_s3_bucket.backup["primary"].arn
      },
      {
        Sid      = "ReadBackups"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = "${aws_s3_bucket.backup["primary"].arn}/logical/*"
      },
    ]
  })
}

resource "aws_iam_role" "aws_backup" {
  name                 = "${local.name}-aws-backup"
  description          = "AWS Backup of the database of ${local.service} in ${var.environment}"
  permissions_boundary = var.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyOfThisAccount"
      Effect    = "Allow"
      Principal = { Service = "backup.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

# The part of AWSBackupServiceRolePolicyForBackup that a snapshot of RDS and its copy need; AWS's own
# policy reaches every resource of the account.
# https://docs.aws.amazon.com/aws-backup/latest/devguide/security-iam-awsmanpol.html
resource "aws_iam_role_policy" "aws_backup" {
  name = "backup"
  role = aws_iam_role.aws_backup.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "TakeSnapshots"
        Effect = "Allow"
        Action = [
          "rds:AddTagsToResource",
          "rds:CopyDBSnapshot",
          "rds:CreateDBSnapshot",
          "rds:DeleteDBSnapshot",
          "rds:DescribeDBInstances",
          "rds:DescribeDBSnapshots",
          "rds:ListTagsForResource",
        ]
        Resource = concat(
          [aws_db_instance.primary.arn],
          [for region in local.backup_regions : "arn:${data.aws_partition.current.partition}:rds:${region}:${var.account_id}:snapshot:awsbackup:*"],
        )
      },
      {
        Sid      = "KeepThem"
        Effect   = "Allow"
        Action   = ["backup:CopyFromBackupVault", "backup:CopyIntoBackupVault", "backup:DescribeBackupVault"]
        Resource = [for vault in aws_backup_vault.database : vault.arn]
      },
      {
        Sid      = "EncryptThem"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext"]
        Resource = [for vault in local.backup_vaults : vault.key]
      },
      {
        Sid       = "LetRdsEncryptThem"
        Effect    = "Allow"
        Action    = ["kms:CreateGrant"]
        Resource  = [for vault in local.backup_vaults : vault.key]
        Condition = { Bool = { "kms:GrantIsForAWSResource" = "true" } }
      },
    ]
  })
}
