"""Takes the spec that a service has and the one that a command makes. Refuses what the new one would lose.

A command names a few values, and a service's `sm.yaml` may hold many, with the reasons for them beside.
Never reads a disk.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from standardized_modules.errors import WorkspaceError
from standardized_modules.model.library import Library
from standardized_modules.model.spec import ServiceSpec
from standardized_modules.stages.names import default_owner
from standardized_modules.stages.specs import default_description
from standardized_modules.stages.values import spelled

_COMMENT = re.compile(r"(?:^|\s)#.*")
_NAMED = 5
"""Losses that the message names: enough to see what is meant."""


def refuse_loss(path: str, old: ServiceSpec, new: ServiceSpec | None, texts: tuple[str, str], library: Library) -> None:
    """Refuse a new `sm.yaml` that says less than the one in its place.

    Args:
        path: Of the file, for messages.
        old: The spec in it.
        new: The one of options alone; None when a file says what is wanted, and only comments can be lost.
        texts: Of the file, and of what would stand in its place.
        library: For what nobody wrote.

    Raises:
        WorkspaceError: with what would be lost, and where it stands.
    """
    lost = [] if new is None else list(dropped(old, new, library))
    lost += [(f"the comment '{text}'", f"{path}:{line}") for text, line in dropped_comments(*texts)]
    if lost:
        named = ", ".join(text for text, _ in lost[:_NAMED])
        raise WorkspaceError(
            f"it would lose {named}{' and more' if len(lost) > _NAMED else ''}",
            hint=f"write what you want into it, then: sm create-microservice --spec {path} --force",
            where=lost[0][1] or path,
        )


def dropped(old: ServiceSpec, new: ServiceSpec, library: Library) -> Iterator[tuple[str, str]]:
    """What the old spec says and the new one neither says nor replaces: as text, and where it is written.

    Args:
        old: From the service's `sm.yaml`.
        new: From options alone.
        library: For what nobody wrote.
    """
    for index, pattern in enumerate(old.patterns):
        if pattern not in new.patterns:
            yield f"the pattern {pattern}", old.origins.get(f"patterns[{index}]", "")
    defaults = {
        "region": library.clouds[old.cloud].default_region,
        "owner": default_owner(old.name),
        "description": default_description(old.name, old.patterns, library),
    }
    for key, default in defaults.items():
        value = getattr(old, key)
        if value not in (default, getattr(new, key)) and key not in new.origins:
            yield f"{key}: {value}", old.origins.get(key, "")
    for path, value in old.values.items():
        if path not in new.values:
            yield f"{path}={spelled(value)}", old.origins.get(path, "")
    for environment, values in old.environment_values.items():
        for path, value in values.items():
            if path not in new.environment_values.get(environment, {}):
                yield f"{environment}.{path}={spelled(value)}", old.origins.get(f"{environment}:{path}", "")


def dropped_comments(old: str, new: str) -> Iterator[tuple[str, int]]:
    """Comments of the old text that the new one does not have, and their lines.

    Args:
        old: The text of the service's `sm.yaml`.
        new: What would stand in its place.
    """
    kept = {found[0].strip() for found in map(_COMMENT.search, new.splitlines()) if found}
    for number, line in enumerate(old.splitlines(), 1):
        found = _COMMENT.search(line)
        if found and found[0].strip() not in kept:
            yield found[0].strip(), number
