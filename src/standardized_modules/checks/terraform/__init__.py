"""Terraform: what the core says, and policies on what it would make."""
