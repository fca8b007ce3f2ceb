"""Rules of the azurerm provider."""

from collections.abc import Iterator

from .messages import Complaint
from .rules import Relation
from .values import Config

_PROVIDER = "https://registry.terraform.io/providers/hashicorp/azurerm/latest/docs#features"


def _features(config: Config) -> Iterator[Complaint]:
    # The provider asks for the block by a validator, which a schema does not show.
    if not config.get("features"):
        yield Complaint("Insufficient features blocks", 'At least 1 "features" blocks are required.')


RELATIONS: tuple[Relation, ...] = (Relation("provider.azurerm", _features, _PROVIDER),)
