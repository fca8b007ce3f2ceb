"""GitHub Actions workflows, scripts and YAML."""
