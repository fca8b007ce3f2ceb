"""One fault, and where it is made."""

from __future__ import annotations

from msgspec import Struct


class Mutation(Struct, frozen=True):
    """One fault: the text that is replaced in a file, and the check that must see it."""

    name: str
    check_id: str
    path: str
    before: str
    after: str


BASE = "deploy/kubernetes/base/"
PROD = "deploy/kubernetes/overlays/prod/"
TERRAFORM = "deploy/terraform/"
WORKFLOWS = ".github/workflows/"
