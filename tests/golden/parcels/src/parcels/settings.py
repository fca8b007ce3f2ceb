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
        default="parcels",
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

    # Queue
    queue_visibility_seconds: Seconds = Field(
        default=60, description="A received message comes back after it, unless extended."
    )
    queue_max_message_bytes: int = Field(
        default=262144, ge=4096, description="A larger message is refused when it is sent."
    )
    queue_max_deliveries: int = Field(
        default=30, ge=1, description="The broker itself sets a message aside after so many."
    )
    queue_ordered: bool = Field(
        default=True, description="Messages of a group are handled one by one, in their order."
    )

    queue_namespace: str = Field(
        default="", description="Fully qualified; empty: the queue is within the process."
    )
    queue_name: str = "parcels"
    queue_connection_string: str = Field(
        default="", description="Of an emulator on this machine; in Azure there is the identity."
    )

    # Worker
    health_port: Port = Field(default=8081, description="The worker answers its probes here.")
    worker_concurrency: int = Field(default=10, ge=1, description="Tasks handled at the same time.")
    worker_max_attempts: int = Field(default=10, ge=1, description="Then a task is a dead letter.")
    worker_retry_base_seconds: Seconds = Field(
        default=2, description="Longest wait before the second attempt; it doubles from there."
    )
    worker_retry_cap_seconds: Seconds = Field(
        default=300, description="Longest wait before any attempt."
    )
    worker_heartbeat: bool = Field(
        default=True, description="Messages stay ours for as long as their handlers run."
    )
    worker_shutdown_seconds: Delay = Field(
        default=15, description="After SIGTERM, time for running handlers; then they are cut off."
    )
    worker_stall_seconds: Seconds = Field(
        default=300, description="A handler that runs longer is stuck: we are not alive."
    )
    idempotency_ttl_seconds: Seconds = Field(
        default=604800, description="How long it is known that a task was done."
    )

    idempotency_table: str = Field(
        default="", description="URL of the table; empty: keys are in the memory of each worker."
    )
    idempotency_connection_string: str = Field(
        default="", description="Of an emulator on this machine; in Azure there is the identity."
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
    def _secrets_stay_on_this_machine(self) -> Self:
        if self.queue_connection_string and self.environment != "local":
            raise ValueError(
                f"{PREFIX}QUEUE_CONNECTION_STRING is for an emulator: elsewhere the pod's identity "
                f"opens {PREFIX}QUEUE_NAMESPACE"
            )
        return self

    @model_validator(mode="after")
    def _retries_have_room(self) -> Self:
        if self.worker_retry_base_seconds > self.worker_retry_cap_seconds:
            raise ValueError(
                f"{PREFIX}WORKER_RETRY_BASE_SECONDS ({self.worker_retry_base_seconds:g}) is above "
                f"{PREFIX}WORKER_RETRY_CAP_SECONDS ({self.worker_retry_cap_seconds:g}): "
                "waits would not grow"
            )
        return self

    @model_validator(mode="after")
    def _worker_gives_up_before_the_broker(self) -> Self:
        if self.worker_max_attempts > self.queue_max_deliveries:
            raise ValueError(
                f"{PREFIX}WORKER_MAX_ATTEMPTS ({self.worker_max_attempts}) is above "
                f"{PREFIX}QUEUE_MAX_DELIVERIES ({self.queue_max_deliveries}): "
                "the broker would set tasks aside without a reason"
            )
        return self

    @model_validator(mode="after")
    def _handlers_may_finish(self) -> Self:
        if self.worker_stall_seconds < self.worker_shutdown_seconds:
            raise ValueError(
                f"{PREFIX}WORKER_STALL_SECONDS ({self.worker_stall_seconds:g}) is below "
                f"{PREFIX}WORKER_SHUTDOWN_SECONDS ({self.worker_shutdown_seconds:g}): "
                "a handler that may still finish would be taken for stuck"
            )
        return self

    @model_validator(mode="after")
    def _keys_of_accounts_stay_on_this_machine(self) -> Self:
        if self.idempotency_connection_string and self.environment != "local":
            raise ValueError(
                f"{PREFIX}IDEMPOTENCY_CONNECTION_STRING is for an emulator: elsewhere the pod's "
                f"identity opens {PREFIX}IDEMPOTENCY_TABLE"
            )
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
