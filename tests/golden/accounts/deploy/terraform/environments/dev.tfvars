# Yours: `sm` writes this file once. scripts/deploy.sh refuses to run while a placeholder is left.
environment  = "dev"
account_id   = "000000000000"
region       = "eu-west-1"
cluster_name = "replace-me"
alarm_emails = ["replace-me@example.com"]

# Private subnets of the cluster's VPC, in two zones at least, for what holds data.
data_subnet_ids = ["subnet-1replace-me", "subnet-2replace-me"]
