# The servers: protected in production, sized down elsewhere, and reachable from the cluster alone.

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

run "protected_in_production" {
  command = apply

  assert {
    condition     = aws_db_instance.primary.deletion_protection && !aws_db_instance.primary.skip_final_snapshot && !aws_db_instance.primary.delete_automated_backups
    error_message = "production must survive a wrong line in a plan"
  }

  assert {
    condition     = aws_db_instance.primary.multi_az == local.settings.database.high_availability && aws_db_instance.primary.backup_retention_period == local.settings.database.backup_retention
    error_message = "standby and backups are those of sm.yaml"
  }

  assert {
    condition     = !aws_db_instance.primary.apply_immediately && aws_db_instance.primary.maintenance_window == "sun:03:00-sun:04:00"
    error_message = "what restarts production waits for its window, after staging's"
  }

  assert {
    condition     = !aws_db_instance.primary.allow_major_version_upgrade
    error_message = "a major version needs somebody who says so"
  }
}

run "encrypted_and_private" {
  command = apply

  assert {
    condition = alltrue([for server in concat([aws_db_instance.primary], values(aws_db_instance.replica)) :
      server.storage_encrypted && !server.publicly_accessible && server.vpc_security_group_ids == toset([aws_security_group.database.id])
    ])
    error_message = "every server must be encrypted, and reachable through its security group alone"
  }

  assert {
    condition     = aws_db_instance.primary.kms_key_id == aws_kms_key.service.arn && aws_db_instance.primary.performance_insights_kms_key_id == aws_kms_key.service.arn
    error_message = "the database must be encrypted with the service's key"
  }

  assert {
    condition     = aws_db_subnet_group.database.subnet_ids == toset(local.data_subnet_ids)
    error_message = "the servers must lie in the subnets for data"
  }

  assert {
    condition     = keys(aws_vpc_security_group_ingress_rule.database) == ["sg-0123456789abcdef0"]
    error_message = "the nodes of the cluster must get in, and nobody else"
  }

  assert {
    condition = alltrue([for rule in values(aws_vpc_security_group_ingress_rule.database) :
      rule.referenced_security_group_id == "sg-0123456789abcdef0" && rule.from_port == 5432 && rule.to_port == 5432 && rule.ip_protocol == "tcp"
    ])
    error_message = "they must reach PostgreSQL's port, and no other"
  }

  assert {
    condition     = alltrue([for group in values(aws_cloudwatch_log_group.database) : group.kms_key_id == aws_kms_key.service.arn && group.retention_in_days == local.settings.log_retention])
    error_message = "the servers' logs must be encrypted and not be kept for ever"
  }
}

run "nodes_with_security_groups_of_their_own" {
  command = plan

  variables {
    client_security_group_ids = ["sg-0aaaaaaaaaaaaaaaa", "sg-0bbbbbbbbbbbbbbbb"]
  }

  assert {
    condition     = keys(aws_vpc_security_group_ingress_rule.database) == ["sg-0aaaaaaaaaaaaaaaa", "sg-0bbbbbbbbbbbbbbbb"]
    error_message = "the named security groups take the place of the cluster's"
  }
}

run "parameters" {
  command = apply

  assert {
    condition = alltrue([for group in [aws_db_parameter_group.primary, aws_db_parameter_group.replica] :
      length([for parameter in group.parameter : parameter if parameter.name == "rds.force_ssl" && parameter.value == "1"]) == 1
    ])
    error_message = "nobody may log in without TLS"
  }

  assert {
    condition = alltrue([for group in [aws_db_parameter_group.primary, aws_db_parameter_group.replica] :
      one([for parameter in group.parameter : tonumber(parameter.value) if parameter.name == "max_connections"]) == local.settings.database.max_connections
    ])
    error_message = "servers must allow the connections that sm.yaml's budget counts on, replicas as many as the primary"
  }

  assert {
    condition     = one([for parameter in aws_db_parameter_group.replica.parameter : tonumber(parameter.value) if parameter.name == "max_standby_streaming_delay"]) == 1000 * local.settings.database.max_replica_lag
    error_message = "a query must not hold a replica back for longer than it may lag"
  }

  assert {
    condition     = aws_db_parameter_group.primary.family == "postgres${local.settings.database.version}" && aws_db_instance.primary.engine_version == local.settings.database.version
    error_message = "server and parameters must be of one major version"
  }
}

run "replicas" {
  command = apply

  assert {
    condition     = length(aws_db_instance.replica) == local.settings.database.replicas
    error_message = "there must be as many replicas as sm.yaml says"
  }

  assert {
    condition = alltrue([for key, replica in aws_db_instance.replica :
      replica.replicate_source_db == aws_db_instance.primary.identifier && replica.instance_class == aws_db_instance.primary.instance_class && replica.identifier == "accounts-prod-${key}"
    ])
    error_message = "a replica must follow the primary, and be as large"
  }

  assert {
    condition     = alltrue([for replica in values(aws_db_instance.replica) : replica.parameter_group_name == aws_db_parameter_group.replica.name]) && aws_db_instance.primary.parameter_group_name == aws_db_parameter_group.primary.name
    error_message = "each server must have the parameters of its part"
  }

  assert {
    condition     = length(compact(split(",", output.kubernetes.database_replica_hosts))) == local.settings.database.replicas
    error_message = "the pods must be told of every replica"
  }
}

# Newer than the authorities that are part of the image.
run "refuses_a_region_that_pods_do_not_trust" {
  command = plan

  variables {
    region = "ca-west-1"
  }

  expect_failures = [aws_db_instance.primary]
}

run "can_be_removed_outside_production" {
  command = plan

  variables {
    environment = "dev"
  }

  assert {
    condition     = aws_db_instance.primary.deletion_protection == local.settings.database.deletion_protection && aws_db_instance.primary.skip_final_snapshot == !local.settings.database.deletion_protection
    error_message = "an environment that may be given up must go with one destroy"
  }

  assert {
    condition     = aws_db_instance.primary.apply_immediately
    error_message = "nobody waits for a window in dev"
  }
}
