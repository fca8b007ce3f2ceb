# RDS Proxy where database.pooler asks for it, and nothing of it elsewhere.

mock_provider "aws" {
  source = "./tests/aws"
}

variables {
  environment  = "prod"
  account_id   = "111122223333"
  cluster_name = "main"
  alarm_emails = ["on-call@example.com"]

  data_subnet_ids = ["subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"]
}

run "proxy" {
  command = apply

  assert {
    condition     = length(aws_db_proxy.database) == (local.settings.database.pooler ? 1 : 0) && length(aws_db_proxy_target.database) == length(aws_db_proxy.database)
    error_message = "the proxy must be there when sm.yaml says so, and only then"
  }

  assert {
    condition     = alltrue([for proxy in values(aws_db_proxy.database) : proxy.require_tls && proxy.default_auth_scheme == "IAM_AUTH" && !proxy.debug_logging])
    error_message = "nobody may log in without TLS or with a password, and no statement may be logged"
  }

  assert {
    condition = alltrue([for group in values(aws_db_proxy_default_target_group.database) :
      one(group.connection_pool_config).max_connections_percent <= 90 && one(group.connection_pool_config).connection_borrow_timeout * 1000 >= local.settings.database.pool_wait
    ])
    error_message = "connections must be left for migrations, backups and people"
  }

  assert {
    condition     = alltrue([for rule in values(aws_vpc_security_group_ingress_rule.database_from_proxy) : rule.security_group_id == aws_security_group.database.id && rule.from_port == 5432])
    error_message = "the proxy must reach the database"
  }

  assert {
    condition     = output.kubernetes.database_host == (local.settings.database.pooler ? one(values(aws_db_proxy.database)).endpoint : aws_db_instance.primary.address)
    error_message = "the service must connect to the proxy when there is one"
  }

  assert {
    condition     = output.kubernetes.database_primary_host == aws_db_instance.primary.address
    error_message = "migrations and backups must not go through the proxy"
  }
}
