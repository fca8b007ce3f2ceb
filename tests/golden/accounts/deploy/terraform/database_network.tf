# Who reaches the database: pods of this cluster, on one port. No public address, and no way out: a
# database opens no connections of its own.

resource "aws_db_subnet_group" "database" {
  name        = local.name
  description = "Database of ${local.name}"
  subnet_ids  = local.data_subnet_ids
}

resource "aws_security_group" "database" {
  name        = "${local.name}-database"
  description = "Database of ${local.name}"
  vpc_id      = local.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  for_each = local.client_security_group_ids

  security_group_id            = aws_security_group.database.id
  description                  = "PostgreSQL from the nodes of ${data.aws_eks_cluster.this.name}"
  ip_protocol                  = "tcp"
  from_port                    = local.database_port
  to_port                      = local.database_port
  referenced_security_group_id = each.value
}
