# Yours: `sm` writes this file once. scripts/deploy.sh refuses to run while a placeholder is left.
account_id = "000000000000"
region     = "us-east-1"

# Accounts of other environments, when they are not in account_id.
pull_account_ids = []
