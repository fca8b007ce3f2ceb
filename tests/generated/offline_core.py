"""A Terraform core for generated configurations, as `sm verify` runs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from standardized_modules.terraform_offline import TerraformCore, addresses_in, attached, offline_provider_set
from standardized_modules.terraform_offline.answers import Answer
from standardized_modules.terraform_offline.provider import OfflineProvider
from standardized_modules.terraform_offline.pruning import pruned, words_in


@contextmanager
def offline_core(*directories: Path, answers: Mapping[str, Answer]) -> Iterator[TerraformCore]:
    """Providers with the blocks that these configurations name: a firewall with all others takes ten times as long.

    tests/terraform_offline/test_pruning.py proves that it changes no answer.
    """
    types = {address for directory in directories for address in addresses_in(directory)}
    words = words_in(directories)
    providers = [
        OfflineProvider(each.name, pruned(each.schema, words), answers) for each in offline_provider_set(types)
    ]
    with attached(providers) as environment:
        yield TerraformCore.find(environment)
