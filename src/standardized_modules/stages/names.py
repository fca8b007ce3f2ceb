"""Takes names and the library's limits. Returns nothing or findings; raises for a bad name.

Never changes a name: a name that a machine shortened is one that nobody finds again.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator

from standardized_modules.errors import SpecError
from standardized_modules.model.composition import Finding
from standardized_modules.model.library import ENVIRONMENTS, Cloud, NameLimit
from standardized_modules.stages.taken_names import PROJECT_FOLDERS, STANDARD_LIBRARY, locked_imports

LABEL = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
"""RFC 1123 label that begins with a letter: it is a Python package and a Service name too, and
RFC 1035 (Kubernetes Services before 1.34) wants a letter first."""
LABEL_LIMIT = 63
"""RFC 1123 section 2.1: a label has at most 63 octets."""

YAML_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""Plain words that YAML 1.1, which Kubernetes and CI systems read, takes for something else than text."""
YAML_NUMBER = re.compile(r"[0-9]+(e[0-9]+)?|0x[0-9a-f]+|0o[0-7]+|0b[01]+|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}")
SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
DESCRIPTION_LIMIT = 160
DESCRIPTION_FORBIDDEN = '"\\`${}<>|'


def check_service_name(name: str, where: str | None = None) -> str:
    """The name; refused when it can't be a host name, a Kubernetes object and a Python package.

    Limits of clouds depend on what is composed: see `check_limits`.

    Raises:
        SpecError: naming the limit, its reason and a name that would do.
    """
    problem = _name_problem(name)
    if problem:
        raise SpecError(problem, hint=f"try {_suggestion(name)!r}", where=where)
    return name


def _name_problem(name: str) -> str | None:
    if not LABEL.fullmatch(name) or "--" in name:
        return (
            f"{name!r} is not a service name: it becomes a host name and a Kubernetes object, so "
            "it must be an RFC 1123 label that begins with a letter (a-z, 0-9 and single '-')"
        )
    if len(name) > LABEL_LIMIT:
        return f"the name has {len(name)} characters, an RFC 1123 label at most {LABEL_LIMIT}"
    if name in YAML_WORDS:
        return f"{name!r} is no text in YAML 1.1, and manifests and workflows are full of the name"
    reason = _package_problem(name.replace("-", "_"))
    if reason:
        return f"the service's Python package would be called {name.replace('-', '_')!r}, {reason}"
    return None


def _package_problem(package: str) -> str | None:
    if keyword.iskeyword(package) or keyword.issoftkeyword(package):
        return "which is a Python keyword"
    if package in STANDARD_LIBRARY:
        return "which would shadow the standard library's module of that name"
    if package in PROJECT_FOLDERS or package in locked_imports():
        return "which would shadow a folder or a package that the service or its build uses"
    return None


def _suggestion(name: str) -> str:
    """The nearest name that passes."""
    words = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower())
    joined = "-".join(words).lstrip("0123456789-")
    short = joined[:20].rstrip("-")
    candidates = (joined, f"{joined}-service", short, f"{short}-service", "orders")
    return next(each for each in candidates if _name_problem(each) is None)


def check_limits(
    name: str, limits: Iterable[NameLimit], capabilities: Iterable[str], where: str | None = None
) -> Iterator[Finding]:
    """One finding for each resource whose name would be too long, too short or a reserved one.

    Args:
        name: The service's name.
        limits: The limits, from `names.yaml` and the cloud.
        capabilities: Names of the composed capabilities; limits of others don't count.
        where: Where the name was written.
    """
    present = set(capabilities)
    for limit in limits:
        if limit.capability and limit.capability not in present:
            continue
        names = [limit.template.format(name=name, environment=each) for each in ENVIRONMENTS]
        longest, shortest = max(names, key=len), min(names, key=len)
        if len(shortest) < limit.minimum:
            yield Finding(
                rule="name-too-short",
                message=f"{shortest!r} is too short; {limit.resource} takes at least {limit.minimum} characters "
                f"({limit.source})",
                hint=f"use a name of at least {limit.minimum} characters",
                where=where,
            )
        if limit.reserved and re.fullmatch(limit.reserved, longest):
            yield Finding(
                rule="name-reserved",
                message=f"{longest!r} means something else as the name of {limit.resource} ({limit.source})",
                hint=f"try {f'the-{name}'!r}",
                where=where,
            )
        over = len(longest) - limit.maximum
        if over > 0:
            yield Finding(
                rule="name-too-long",
                message=(
                    f"{longest!r} has {len(longest)} characters; {limit.resource} takes at most "
                    f"{limit.maximum} ({limit.source})"
                ),
                hint=f"shorten the service's name by {over} to {len(name) - over} characters",
                where=where,
            )


def check_region(region: str, cloud: Cloud, where: str | None = None) -> None:
    """Refuse what does not look like a region of this cloud.

    Raises:
        SpecError: with an example.
    """
    if not re.fullmatch(cloud.region_pattern, region):
        raise SpecError(
            f"{region!r} does not look like a region of {cloud.title}",
            hint=f"for example: {cloud.default_region}",
            where=where,
        )


def default_owner(service: str) -> str:
    """The owner when nobody names one: the team that bears the service's name."""
    return f"team-{service}"


def check_owner(owner: str, where: str | None = None) -> None:
    """An owner is a GitHub team slug: it stands in CODEOWNERS, labels and tags.

    Raises:
        SpecError: with the form.
    """
    if owner in YAML_WORDS or YAML_NUMBER.fullmatch(owner):
        raise SpecError(
            f"{owner!r} is no text in YAML 1.1, and manifests are full of the owner",
            hint=f"for example team-{owner}",
            where=where,
        )
    if not SLUG.fullmatch(owner):
        raise SpecError(
            f"{owner!r} is not a team's slug: it becomes a Kubernetes label (at most 63 "
            "characters), a tag and an entry in CODEOWNERS",
            hint="use lower-case letters, digits and '-', for example team-payments",
            where=where,
        )


def check_description(text: str, where: str | None = None) -> str:
    """A description is one printable line: it stands in TOML, YAML, HCL and Markdown.

    Raises:
        SpecError: for line breaks, quotes, backslashes and template signs.
    """
    if len(text) > DESCRIPTION_LIMIT or set(text) & set(DESCRIPTION_FORBIDDEN) or not text.isprintable():
        raise SpecError(
            "a description is one line of at most 160 printable characters without "
            "quotes, backslashes, braces or angle brackets",
            hint="shorten it to one plain sentence",
            where=where,
        )
    return text
