"""A provider that knows schemas and rules but no cloud: requests of plugin protocol 6 in, responses out.

It validates like the real one, plans computed values as unknown, "applies" by making values up, and reads back
what is in the state. Never opens a connection. `server` puts it on a socket.
"""

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from . import fill, messages, wire
from .answers import Answer, answer_for
from .messages import Complaint, complaints
from .rule_table import RELATIONS, RULES
from .rules import violations
from .schema_types import Block, ProviderSchema
from .validation import addressable, read_only_complaints
from .values import Config, dump, dump_json, is_unknown, load

_LEGACY_TYPE_SYSTEM = 1
"""Asks the core for the latitude it gives SDKv2 providers; the aws and azurerm providers are mostly SDKv2."""


class OfflineProvider:
    """One provider. Thread-safe: the core calls it concurrently."""

    def __init__(
        self,
        name: str,
        schema: ProviderSchema,
        answers: Mapping[str, Answer] | None = None,
    ) -> None:
        self.name = name
        self.schema = schema
        self.requests: list[tuple[str, str, Any]] = []
        """(procedure, type, decoded configuration or plan): what the core really sent, for tests to look at."""
        self._answers = dict(answers or {})
        self._lock = threading.Lock()
        self._config: Config = {}
        self._schema_message = messages.provider_schema(schema)
        self._procedures: dict[str, Callable[[wire.Fields], bytes]] = {
            "GetMetadata": lambda _: messages.metadata(schema),
            "GetProviderSchema": lambda _: self._schema_message,
            "ValidateProviderConfig": self._validate_provider,
            "ValidateResourceConfig": lambda request: self._validate(request, "resource"),
            "ValidateDataResourceConfig": lambda request: self._validate(request, "data"),
            "ValidateEphemeralResourceConfig": lambda request: self._validate(request, "ephemeral"),
            "ConfigureProvider": self._configure,
            "UpgradeResourceState": self._upgrade,
            "ReadResource": self._read,
            "PlanResourceChange": self._plan,
            "ApplyResourceChange": self._apply,
            "ReadDataSource": self._read_data,
            "OpenEphemeralResource": self._open_ephemeral,
            "ImportResourceState": self._import,
        }

    def call(self, procedure: str, request: bytes) -> bytes:
        """Answers one request; those without an effect here (StopProvider, GetFunctions, …) get an empty response."""
        handler = self._procedures.get(procedure)
        return handler(wire.parse(request)) if handler else b""

    def _block(self, kind: str, type_name: str) -> Block:
        sections = {
            "resource": self.schema["resource_schemas"],
            "data": self.schema["data_source_schemas"],
            "ephemeral": self.schema["ephemeral_resource_schemas"],
        }
        return sections[kind][type_name]["block"]

    def _record(self, procedure: str, type_name: str, value: Any) -> None:
        with self._lock:
            self.requests.append((procedure, type_name, value))

    def _validate_provider(self, request: wire.Fields) -> bytes:
        config = load(wire.first(request, 1))
        return complaints(2, violations(RULES, RELATIONS, f"provider.{self.name}", config))

    def _validate(self, request: wire.Fields, kind: str) -> bytes:
        type_name, config = _type_name(request), load(wire.first(request, 2))
        self._record("Validate", type_name, config)
        address = type_name if kind == "resource" else f"{kind}.{type_name}"
        block = self._block(kind, type_name)
        objections = [addressable(found, block) for found in violations(RULES, RELATIONS, address, config)]
        return complaints(1, [*read_only_complaints(block, config), *objections])

    def _configure(self, request: wire.Fields) -> bytes:
        config = load(wire.first(request, 2))
        self._record("Configure", "", config)
        with self._lock:
            self._config = config
        return b""

    def _upgrade(self, request: wire.Fields) -> bytes:
        raw_state = wire.parse(wire.first(request, 3))
        return wire.message(1, dump_json(wire.first(raw_state, 1)))

    def _read(self, request: wire.Fields) -> bytes:
        return wire.message(1, wire.first(request, 2)) + wire.octets(3, wire.first(request, 3))

    def _plan(self, request: wire.Fields) -> bytes:
        type_name = _type_name(request)
        prior, proposed = load(wire.first(request, 2)), load(wire.first(request, 3))
        if proposed is None:  # a deletion
            return wire.message(1, dump(None))
        block = self._block("resource", type_name)
        plan = fill.planned(block, proposed, prior, lambda _name: None)
        if "tags_all" in block.get("attributes", {}):
            plan["tags_all"] = self._all_tags(plan.get("tags"))
        self._record("Plan", type_name, plan)
        return wire.message(1, dump(plan)) + wire.integer(5, _LEGACY_TYPE_SYSTEM)

    def _all_tags(self, tags: Any) -> Any:
        """The aws provider merges `default_tags` of its configuration under a resource's own tags."""
        with self._lock:
            defaults = self._config.get("default_tags") or [{}]
        merged = defaults[0].get("tags") or {}
        unknown = next((value for value in (tags, merged) if is_unknown(value)), None)
        return unknown if unknown is not None else {**merged, **(tags or {})}

    def _apply(self, request: wire.Fields) -> bytes:
        type_name, plan = _type_name(request), load(wire.first(request, 3))
        if plan is None:
            return wire.message(1, dump(None))
        seed = f"{type_name}/{json.dumps(plan, sort_keys=True, default=str)}"
        answers = answer_for(type_name, plan, self._answers)
        state = fill.applied(self._block("resource", type_name), plan, answers, seed)
        self._record("Apply", type_name, state)
        return wire.message(1, dump(state)) + wire.integer(4, _LEGACY_TYPE_SYSTEM)

    def _read_data(self, request: wire.Fields) -> bytes:
        type_name, config = _type_name(request), load(wire.first(request, 2))
        answers = answer_for(f"data.{type_name}", config, self._answers)
        return wire.message(1, dump(fill.answered(self._block("data", type_name), config, answers, type_name)))

    def _open_ephemeral(self, request: wire.Fields) -> bytes:
        type_name, config = _type_name(request), load(wire.first(request, 2))
        answers = answer_for(f"ephemeral.{type_name}", config, self._answers)
        return wire.message(3, dump(fill.answered(self._block("ephemeral", type_name), config, answers, type_name)))

    def _import(self, _request: wire.Fields) -> bytes:
        refusal = Complaint(
            "Import is not possible offline",
            "There is no cloud here that the object could be read from.",
        )
        return complaints(2, [refusal])


def _type_name(request: wire.Fields) -> str:
    return wire.first(request, 1).decode()
