"""Everything that can be configured, read from environment variables once, at start.

A field `port` is set by `APP_PORT`. Values are checked here so that the rest of the code never
meets an impossible one; a wrong value stops the process with exit code 78 before it takes traffic.
"""

import os
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "APP_"
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Delay = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class SettingsError(Exception):
    """The environment does not describe a valid configuration; the message says every fault."""


class Settings(BaseSettings):
    """One immutable object; tests build it with keyword arguments instead of variables."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True, populate_by_name=True
    )

    environment: str = Field(default="local", description="Name of the deployment.")
    version: str = Field(default="0.0.0+local", description="Set when the image is built.")

    host: str = Field(default="0.0.0.0", description="Address to listen on.")  # noqa: S104 a pod's own

    # Observability
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    metrics_port: Port = Field(default=9090, description="Prometheus scrapes /metrics here.")
    trace_sample_ratio: float = Field(
        default=0.01, ge=0, le=1, description="Share of traces kept that nobody decided about yet."
    )
    trust_trace_context: bool = Field(
        default=False, description="Callers decide which of their traces are kept."
    )
    otel_exporter_otlp_endpoint: str = Field(
        default="",
        validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="Base URL of an OTLP/HTTP collector; empty turns tracing off.",
    )
    otel_service_name: str = Field(
        default="ledgers",
        validation_alias="OTEL_SERVICE_NAME",
        description="What traces call this service.",
    )

    # HTTP
    port: Port = 8080
    request_timeout_seconds: Seconds = Field(default=15, description="Then the answer is 504.")
    max_body_bytes: int = Field(default=1048576, ge=0, description="Above it the answer is 413.")
    keep_alive_seconds: Seconds = Field(
        default=3900, description="Longer than the load balancer's idle timeout, or it sees resets."
    )
    drain_delay_seconds: Delay = Field(
        default=15, description="After SIGTERM, time for load balancers to notice before we stop."
    )
    shutdown_grace_seconds: Seconds = Field(
        default=17, description="After the drain, time for requests in flight to finish."
    )
    docs_enabled: bool = Field(default=False, description="Serve /docs and /openapi.json.")

    # Rate limiting
    rate_limit_requests: int = Field(
        default=600, ge=0, description="Requests a client may make in a window; 0 means no limit."
    )
    rate_limit_window_seconds: int = Field(default=60, ge=1)
    trusted_proxy_hops: int = Field(
        default=0, ge=0, le=10, description="Proxies of ours that append to X-Forwarded-For."
    )

    # Database
    database_host: str = Field(default="127.0.0.1", description="The server that takes writes.")
    database_port: Port = 5432
    database_name: str = "ledgers"
    database_replica_hosts: str = Field(
        default="",
        pattern=r"^(\s*([^\s,:\[\]]+(:\d{1,5})?)?\s*(,|$))*$",
        description="Servers for reads, host or host:port, separated by commas.",
    )
    database_authentication: Literal["password", "identity"] = Field(
        default="password", description="A password from a file, or a token of the pod's identity."
    )
    database_user: str = Field(default="", description="Who logs in with a token.")
    database_credentials_file: str = Field(
        default="/run/secrets/database/credentials.json",
        description="Who logs in with a password; read again for each new connection.",
    )
    database_tls: Literal["verify-full", "disable"] = "verify-full"
    database_ca_file: str = Field(
        default="", description="Authorities to trust; empty: those of the system."
    )
    database_pool_size: int = Field(
        default=5, ge=1, description="Connections to each server, at most."
    )
    database_pool_wait_seconds: Seconds = Field(
        default=1, description="For a connection; then the answer is 503."
    )
    database_statement_timeout_seconds: Seconds = Field(
        default=5, description="The server ends what takes longer."
    )
    database_idle_in_transaction_seconds: Seconds = Field(
        default=10, description="The server closes what does nothing for longer."
    )
    database_max_replica_lag_seconds: Seconds = Field(
        default=5, description="A replica that is further behind is not read from."
    )
    database_slow_statement_seconds: Seconds = Field(
        default=0.5, description="What takes longer is logged, by name and without parameters."
    )
    database_pooler: bool = Field(
        default=True, description="A pooler in transaction mode stands between."
    )
    database_admin_credentials_file: str = Field(
        default="/run/secrets/database-admin/credentials.json",
        description="Jobs: who may make roles and databases.",
    )
    database_admin_user: str = Field(
        default="", description="Jobs: who may make roles, when it logs in with a token."
    )
    database_secrets: str = Field(
        default="", description="Jobs: where the logins' passwords are kept; file:// for a folder."
    )
    database_connection_limit: int = Field(
        default=1683, ge=-1, description="Jobs: of a login of the service; -1: none."
    )

    database_user_object_id: str = Field(
        default="", description="Jobs: the managed identity behind APP_DATABASE_USER."
    )

    # Cache
    cache_host: str = Field(default="", description="Empty: everything is read from the database.")
    cache_port: Port = 6379
    cache_tls: bool = True
    cache_ca_file: str = Field(
        default="", description="Authorities to trust; empty: those of the system."
    )
    cache_credentials_file: str = Field(
        default="/run/secrets/cache/credentials.json",
        description="Who logs in; read again for each new connection. Empty: nobody has to.",
    )
    cache_ttl_seconds: Seconds = Field(
        default=300, description="For how long an entry is used, give or take a tenth."
    )
    cache_negative_ttl_seconds: Seconds = Field(
        default=30, description="The same, for what does not exist."
    )
    cache_timeout_seconds: Seconds = Field(
        default=0.1, description="A cache that takes longer is away."
    )

    cache_authentication: Literal["password", "identity"] = Field(
        default="password", description="A password from a file, or a token of the pod's identity."
    )
    cache_user: str = Field(default="", description="Who logs in with a token: an object id.")

    # Backups
    backup_target: str = Field(
        default="", description="Jobs: where backups are kept; file:// for a folder."
    )
    backup_credentials_file: str = Field(
        default="/run/secrets/database-backup/credentials.json",
        description="Jobs: who reads everything; without the file the secret store is asked.",
    )
    backup_interval_hours: float = Field(
        default=24, gt=0, description="Jobs: a drill refuses a backup that is two of them old."
    )
    backup_programs: str = Field(
        default="", description="Jobs: the folder of pg_dump and pg_restore; empty: those of PATH."
    )

    @model_validator(mode="after")
    def _grace_covers_a_request(self) -> Self:
        if self.shutdown_grace_seconds < self.request_timeout_seconds:
            raise ValueError(
                f"{PREFIX}SHUTDOWN_GRACE_SECONDS ({self.shutdown_grace_seconds:g}) is below "
                f"{PREFIX}REQUEST_TIMEOUT_SECONDS ({self.request_timeout_seconds:g}): "
                "requests in flight would be cut off at every deployment"
            )
        return self

    @model_validator(mode="after")
    def _database_is_encrypted(self) -> Self:
        if self.database_tls == "disable" and self.environment != "local":
            raise ValueError(f"{PREFIX}DATABASE_TLS: only a local database may do without")
        return self

    @model_validator(mode="after")
    def _identity_has_a_user(self) -> Self:
        if self.database_authentication == "identity" and not self.database_user:
            raise ValueError(f"{PREFIX}DATABASE_USER: a token does not say who logs in")
        return self

    @model_validator(mode="after")
    def _cache_is_encrypted(self) -> Self:
        if self.cache_host and not self.cache_tls and self.environment != "local":
            raise ValueError(f"{PREFIX}CACHE_TLS: only a local cache may do without")
        return self

    @model_validator(mode="after")
    def _cache_identity_has_a_user(self) -> Self:
        if self.cache_authentication == "identity" and not self.cache_user:
            raise ValueError(f"{PREFIX}CACHE_USER: a token does not say who logs in")
        return self


def load_settings() -> Settings:
    """The settings of this process; raises SettingsError that names every faulty variable."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None


def unknown_variables(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Variables with our prefix that nothing reads: almost always a spelling mistake."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    return sorted(name for name in environment if name.startswith(PREFIX) and name not in known)


def _explain(error: ValidationError) -> str:
    lines = ["The configuration is not valid:"]
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        name = str(fault["loc"][0]) if fault["loc"] else ""
        variable = PREFIX + name.upper() if name in Settings.model_fields else name
        # The value itself stays out of the message: one day it is a password.
        lines.append(f"  {variable}: {fault['msg']}" if variable else f"  {fault['msg']}")
    return "\n".join(lines)
