# Yours: `sm` writes this file once. scripts/deploy.sh refuses to run while a placeholder is left.
environment  = "prod"
account_id   = "000000000000"
region       = "us-east-1"
cluster_name = "replace-me"
alarm_emails = ["replace-me@example.com"]
