# Yours: `sm` writes this file once. scripts/deploy.sh refuses to run while a placeholder is left.
environment  = "dev"
account_id   = "000000000000"
region       = "eu-west-1"
cluster_name = "replace-me"
alarm_emails = ["replace-me@example.com"]

# The role of KEDA's operator in this cluster: of its Pod Identity association, or the annotation of
# its ServiceAccount.
keda_operator_role_arn = "arn:aws:iam::000000000000:role/replace-me"
