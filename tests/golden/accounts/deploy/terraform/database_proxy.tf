# RDS Proxy, when database.pooler asks for it: thousands of connections of pods share those that the
# database has. It pools by transaction; whoever keeps state in a session (SET, advisory locks) keeps a
# connection for himself, so migrations and backups go to the primary itself. Read replicas are
# addressed directly: the proxy of an instance knows its primary only.
#
# Tokens of IAM all the way, from the pod to the proxy and from the proxy to the database: with
# passwords it would need one more secret for each of the two logins that alternate.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-iam-setup.html

locals {
  database_proxies         = toset(local.settings.database.pooler ? ["database"] : [])
  database_proxy_log_group = "/aws/rds/proxy/${local.name}"

  database_host = one(concat([for proxy in aws_db_proxy.database : proxy.endpoint], local.settings.database.pooler ? [] : [aws_db_instance.primary.address]))
}

resource "aws_db_proxy" "database" {
  for_each = local.database_proxies

  name                   = local.name
  engine_family          = "POSTGRESQL"
  default_auth_scheme    = "IAM_AUTH"
  require_tls            = true
  role_arn               = aws_iam_role.database_proxy[each.key].arn
  vpc_subnet_ids         = local.data_subnet_ids
  vpc_security_group_ids = [aws_security_group.database_proxy[each.key].id]
  idle_client_timeout    = 1800  # seconds, the default: longer than the pods keep a connection that nobody uses
  debug_logging          = false # it logs every statement

  lifecycle {
    precondition {
      condition     = local.settings.database.identity_authentication
      error_message = "database.pooler needs database.authentication identity: the proxy logs in with tokens."
    }
  }

  depends_on = [aws_cloudwatch_log_group.database_proxy]
}

resource "aws_db_proxy_default_target_group" "database" {
  for_each = local.database_proxies

  db_proxy_name = aws_db_proxy.database[each.key].name

  # Session pinning filters are for MySQL only, so there are none here.
  connection_pool_config {
    # Percent of max_connections. What is left serves migrations, rotation, backups and people: a tenth,
    # 40 connections of the smallest class.
    max_connections_percent      = 90
    max_idle_connections_percent = 45

    # Seconds. Not longer than the pool of a pod waits, or requests would queue twice.
    connection_borrow_timeout = ceil(local.settings.database.pool_wait / 1000)
  }
}

resource "aws_db_proxy_target" "database" {
  for_each = local.database_proxies

  db_proxy_name          = aws_db_proxy.database[each.key].name
  target_group_name      = aws_db_proxy_default_target_group.database[each.key].name
  db_instance_identifier = aws_db_instance.primary.identifier
}

resource "aws_cloudwatch_log_group" "database_proxy" {
  #checkov:skip=CKV_AWS_338:Pinned and refused connections are for finding faults, not an audit trail. Retention is telemetry.log_retention in sm.yaml.
  for_each = local.database_proxies

  name              = local.database_proxy_log_group
  retention_in_days = local.settings.log_retention
  kms_key_id        = aws_kms_key.service.arn
}

resource "aws_iam_role" "database_proxy" {
  for_each = local.database_proxies

  name                 = "${local.name}-proxy"
  description          = "RDS Proxy of ${local.service} in ${var.environment}"
  permissions_boundary = var.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyTheProxyOfThisAccount"
      Effect    = "Allow"
      Principal = { Service = "rds.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "database_proxy" {
  for_each = local.database_proxies

  name = "database"
  role = aws_iam_role.database_proxy[each.key].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "LogInForTheService"
      Effect   = "Allow"
      Action   = ["rds-db:connect"]
      Resource = "arn:${data.aws_partition.current.partition}:rds-db:${var.region}:${var.account_id}:dbuser:${aws_db_instance.primary.resource_id}/${local.database_identity_user}"
    }]
  })
}

resource "aws_security_group" "database_proxy" {
  #checkov:skip=CKV2_AWS_5:The proxy above has it; checkov does not count aws_db_proxy among what takes one.
  for_each = local.database_proxies

  name        = "${local.name}-database-proxy"
  description = "Proxy of the database of ${local.name}"
  vpc_id      = local.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "database_proxy" {
  for_each = local.settings.database.pooler ? local.client_security_group_ids : toset([])

  security_group_id            = aws_security_group.database_proxy["database"].id
  description                  = "PostgreSQL from the nodes of ${data.aws_eks_cluster.this.name}"
  ip_protocol                  = "tcp"
  from_port                    = local.database_port
  to_port                      = local.database_port
  referenced_security_group_id = each.value
}

resource "aws_vpc_security_group_egress_rule" "database_proxy" {
  for_each = local.database_proxies

  security_group_id            = aws_security_group.database_proxy[each.key].id
  description                  = "PostgreSQL to the database"
  ip_protocol                  = "tcp"
  from_port                    = local.database_port
  to_port                      = local.database_port
  referenced_security_group_id = aws_security_group.database.id
}

resource "aws_vpc_security_group_ingress_rule" "database_from_proxy" {
  for_each = local.database_proxies

  security_group_id            = aws_security_group.database.id
  description                  = "PostgreSQL from the proxy"
  ip_protocol                  = "tcp"
  from_port                    = local.database_port
  to_port                      = local.database_port
  referenced_security_group_id = aws_security_group.database_proxy[each.key].id
}
