# Yours: `sm` writes this file once. scripts/deploy.sh refuses to run while a placeholder is left.
account_id = "000000000000"
region     = "eu-west-1"

# Accounts of other environments, when they are not in account_id.
pull_account_ids = []

# Which of them is production's; leave it out when production is in account_id.
production_account_id = null

# The pipeline's role that builds is made when this is set: docs/aws-access.md
github_subject_prefix = null
