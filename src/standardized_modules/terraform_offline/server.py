"""Serves offline providers to a Terraform core from inside this process.

The core attaches to running providers named in TF_REATTACH_PROVIDERS, which is how provider developers debug theirs:
https://developer.hashicorp.com/terraform/plugin/debugging. No plugin executable, no TLS, no start-up per command.
"""

import contextlib
import json
import os
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc

from .answers import Answer
from .pins import PINNED
from .provider import OfflineProvider
from .schemas import provider_of, schema_for

_PROCEDURES = [
    "GetMetadata",
    "GetProviderSchema",
    "GetResourceIdentitySchemas",
    "ValidateProviderConfig",
    "ValidateResourceConfig",
    "ValidateDataResourceConfig",
    "UpgradeResourceState",
    "UpgradeResourceIdentity",
    "ConfigureProvider",
    "ReadResource",
    "PlanResourceChange",
    "ApplyResourceChange",
    "ImportResourceState",
    "MoveResourceState",
    "ReadDataSource",
    "ValidateEphemeralResourceConfig",
    "OpenEphemeralResource",
    "RenewEphemeralResource",
    "CloseEphemeralResource",
    "GetFunctions",
    "CallFunction",
    "StopProvider",
]

_REGISTRIES = ("registry.terraform.io", "registry.opentofu.org")
_WORKERS = 8
"""More than the two cores we have: a request waits for the core's answer on the same socket, not for a processor."""


@contextlib.contextmanager
def offline_providers(types: Iterable[str], answers: Mapping[str, Answer] | None = None) -> Iterator[dict[str, str]]:
    """Serves the given addresses and gives the environment to run Terraform in.

    `types` are addresses such as `aws_sqs_queue`, `data.aws_region`, `ephemeral.random_password` or `provider.aws`
    (`addresses_in(directory)` finds them). `answers` are what data sources and ephemeral resources return, by address.
    """
    with attached(offline_provider_set(types, answers)) as environment:
        yield environment


def offline_provider_set(types: Iterable[str], answers: Mapping[str, Answer] | None = None) -> list[OfflineProvider]:
    """The providers themselves, for callers that want to look at what the core sent.

    An address of a provider that is not pinned is left out: the core reports the provider as not found.
    """
    wanted: dict[str, set[str]] = {}
    for address in types:
        wanted.setdefault(provider_of(address), set()).add(address)
    return [OfflineProvider(name, schema_for(name, wanted[name]), answers) for name in PINNED if name in wanted]


@contextlib.contextmanager
def attached(providers: Iterable[OfflineProvider]) -> Iterator[dict[str, str]]:
    """Starts a server a provider; the environment names them, and keeps the core from any registry."""
    with (
        tempfile.TemporaryDirectory(prefix="tf-offline-") as folder,
        contextlib.ExitStack() as running,
    ):
        attachments: dict[str, Any] = {}
        for provider in providers:
            socket = Path(folder) / f"{provider.name}.sock"
            server = _serve(provider, f"unix:{socket}")
            running.callback(server.stop, None)
            for registry in _REGISTRIES:
                attachments[f"{registry}/{PINNED[provider.name].source}"] = {
                    "Protocol": "grpc",
                    "ProtocolVersion": 6,
                    "Pid": os.getpid(),
                    "Test": True,  # the core must not stop this process when it is done
                    "Addr": {"Network": "unix", "String": str(socket)},
                }
        yield {
            **os.environ,
            "TF_REATTACH_PROVIDERS": json.dumps(attachments),
            "TF_CLI_CONFIG_FILE": str(_no_registry(Path(folder))),
            "CHECKPOINT_DISABLE": "1",
            "TF_IN_AUTOMATION": "1",
        }


def _no_registry(folder: Path) -> Path:
    """A CLI configuration whose only source of providers is an empty folder: what is not served fails at once."""
    (folder / "no-providers").mkdir()
    config = folder / "offline.tfrc"
    config.write_text(
        f'provider_installation {{\n  filesystem_mirror {{\n    path = "{folder / "no-providers"}"\n  }}\n}}\n'
    )
    return config


def _serve(provider: OfflineProvider, address: str) -> grpc.Server:
    unlimited = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    server = grpc.server(ThreadPoolExecutor(_WORKERS), options=unlimited)
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(
                "tfplugin6.Provider", {name: _procedure(provider, name) for name in _PROCEDURES}
            ),
            grpc.method_handlers_generic_handler(
                "plugin.GRPCController",
                {"Shutdown": grpc.unary_unary_rpc_method_handler(lambda _request, _context: b"")},
            ),
            grpc.method_handlers_generic_handler(
                "plugin.GRPCStdio",
                {"StreamStdio": grpc.unary_stream_rpc_method_handler(lambda _request, _context: iter(()))},
            ),
        )
    )
    server.add_insecure_port(address)
    server.start()
    return server


def _procedure(provider: OfflineProvider, name: str) -> "grpc.RpcMethodHandler[bytes, bytes]":
    def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
        try:
            return provider.call(name, request)
        except Exception as error:  # a bug of ours must reach the core's output, not hang it
            traceback.print_exc()
            context.abort(grpc.StatusCode.INTERNAL, f"offline provider {provider.name}, {name}: {error!r}")
            raise AssertionError("abort always raises") from error

    handler: Callable[[bytes, grpc.ServicerContext], bytes] = answer
    return grpc.unary_unary_rpc_method_handler(handler)
