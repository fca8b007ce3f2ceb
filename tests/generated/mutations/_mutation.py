"""One fault, and where it is made."""

from __future__ import annotations

from msgspec import Struct


class Mutation(Struct, frozen=True):
    """One fault: the text that is replaced in a file of a service, and the check that must see it.

    `service` is one of `tests.conftest.SERVICES`.
    """

    name: str
    check_id: str
    path: str
    before: str
    after: str
    service: str = "web_api"

    def __str__(self) -> str:
        return f"{self.check_id} {self.service}: {self.name}"


BASE = "deploy/kubernetes/base/"
PROD = "deploy/kubernetes/overlays/prod/"
TERRAFORM = "deploy/terraform/"
WORKFLOWS = ".github/workflows/"
