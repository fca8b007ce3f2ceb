"""Faults that only the tests of a data_api with RDS Proxy and tokens see; see data_tests_aws."""

from __future__ import annotations

FAULTS = (
    (
        "database_access.tf",
        '? ["tokens"] : []',
        "? [] : []",
        "with tokens, the administrator must log in with one as well",
    ),
    (
        "database_proxy.tf",
        "require_tls            = true",
        "require_tls = false",
        "nobody may log in without TLS or with a password",
    ),
    ("database_proxy.tf", "= 90", "= 100", "connections must be left for migrations, backups and people"),
    (
        "outputs.tf",
        "database_host          = local.database_host",
        "database_host = aws_db_instance.primary.address",
        "the service must connect to the proxy when there is one",
    ),
    (
        "outputs.tf",
        "database_primary_host  = aws_db_instance.primary.address",
        "database_primary_host = local.database_host",
        "migrations and backups must not go through the proxy",
    ),
    (
        "database_proxy.tf",
        'description                  = "PostgreSQL from the proxy"\n  ip_protocol                  = "tcp"\n  from_port                    = local.database_port',
        'description = "PostgreSQL from the proxy"\n  ip_protocol = "tcp"\n  from_port = 0',
        "the proxy must reach the database",
    ),
)
