"""Templates to files: sources, placeholders, parts, interactions; deterministic."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import jinja2
import pytest
from msgspec.structs import replace

from standardized_modules.errors import SpecError, TemplateError
from standardized_modules.model.resolved import ResolvedService
from standardized_modules.model.spec import ServiceSpec
from standardized_modules.model.tree import FileTree
from standardized_modules.python_packages import parse_lock
from standardized_modules.stages.compose import compose
from standardized_modules.stages.load import load_library
from standardized_modules.stages.render import OPTIONS, Renderer, bytecode_version, duration
from standardized_modules.stages.resolve import resolve
from tests.inline import MINIMAL_LIBRARY, write_tree


def service(root: Path, spec: ServiceSpec) -> ResolvedService:
    library = load_library(root)
    return resolve(compose(spec, library), library, parse_lock({"packages": {}}))


def render(tmp_path: Path, spec: ServiceSpec, templates: dict[str, str]) -> FileTree:
    root = write_tree(tmp_path / "root", {**MINIMAL_LIBRARY, **templates})
    return Renderer(root).render(service(root, spec))


def texts(tree: FileTree) -> dict[str, str]:
    return {path: file.content.decode() for path, file in tree}


def test_sources_ownership_and_placeholders(tmp_path: Path, spec: ServiceSpec) -> None:
    tree = render(
        tmp_path,
        replace(spec, name="order-events"),
        {
            "library/base/managed/src/__package__/__init__.py": '"""Docs: {{ literal }}."""\n',
            "library/capabilities/http/starter/notes.md.j2": "<{ service.title }> <{ p.http.low }>\n",
            "clouds/sky/capabilities/http/managed/main.tf.j2": 'region = "<{ region }>"\n',
            "clouds/sea/capabilities/http/managed/sea.tf": "other cloud\n",
            "library/capabilities/queue/managed/queue.txt": "other capability\n",
        },
    )
    assert texts(tree) == {
        "main.tf": 'region = "up-1"\n',
        "notes.md": "Order events 1\n",
        "src/order_events/__init__.py": '"""Docs: {{ literal }}."""\n',
    }
    assert [file.ownership for _, file in tree] == ["managed", "starter", "managed"]
    assert tree.files["main.tf"].origin == "clouds/sky/capabilities/http/managed/main.tf.j2"


def test_one_file_an_environment(tmp_path: Path, spec: ServiceSpec) -> None:
    template = "<{ environment.name }> <{ p.http.high }> <{ d.http.twice }> <{ environment.namespace }>\n"
    tree = render(tmp_path, spec, {"library/base/managed/overlays/__environment__/x.j2": template})
    assert texts(tree) == {
        "overlays/dev/x": "dev 5 2 orders-dev\n",
        "overlays/prod/x": "prod 8 2 orders-prod\n",
        "overlays/staging/x": "staging 5 2 orders-staging\n",
    }


def test_parts_join_in_the_order_of_capabilities(tmp_path: Path, spec: ServiceSpec) -> None:
    host = 'begin\n<% for part in parts["runbook.md"] %>\n<% include part %>\n<% endfor %>\nend\n'
    tree = render(
        tmp_path,
        replace(spec, patterns=("jobs",)),
        {
            "library/base/managed/runbook.md.j2": host,
            "library/capabilities/queue/parts/runbook.md.j2": "queue\n",
            "library/capabilities/http/parts/runbook.md.j2": "http\n",
            "clouds/sky/capabilities/http/parts/runbook.md.j2": "http in the sky\n",
        },
    )
    assert texts(tree)["runbook.md"] == "begin\nhttp\nhttp in the sky\nqueue\nend\n"


def test_interactions_take_part_only_together(tmp_path: Path, spec: ServiceSpec) -> None:
    templates = {"library/capabilities/http/with/queue/managed/both.txt": "both\n"}
    assert texts(render(tmp_path, spec, templates)) == {}
    assert texts(render(tmp_path, replace(spec, patterns=("jobs",)), templates)) == {"both.txt": "both\n"}


def test_a_stand_in_steps_back_when_the_real_thing_is_there(tmp_path: Path, spec: ServiceSpec) -> None:
    templates = {
        "library/capabilities/http/without/queue/starter/jobs.txt": "in memory\n",
        "library/capabilities/http/with/queue/starter/jobs.txt": "queued\n",
    }
    assert texts(render(tmp_path, spec, templates)) == {"jobs.txt": "in memory\n"}
    assert texts(render(tmp_path, replace(spec, patterns=("jobs",)), templates)) == {"jobs.txt": "queued\n"}


CHOICES = {
    "clouds/sky/capabilities/http/when/http.low=1/managed/low.txt": "one\n",
    "clouds/sky/capabilities/http/when/http.low=2/managed/low.txt": "two\n",
    "clouds/sky/capabilities/http/when/http.low=2/parts/slot.txt.j2": "part <{ p.http.low }>",
    "library/base/managed/host.txt.j2": "<% for part in parts['slot.txt'] %><% include part %><% endfor %>\n",
}


def test_a_parameter_chooses_files(tmp_path: Path, spec: ServiceSpec) -> None:
    assert texts(render(tmp_path / "one", spec, CHOICES)) == {"low.txt": "one\n", "host.txt": ""}
    two = replace(spec, values={**spec.values, "http.low": 2})
    assert texts(render(tmp_path / "two", two, CHOICES)) == {"low.txt": "two\n", "host.txt": "part 2"}


def test_a_parameter_that_chooses_files_is_one_for_all_environments(tmp_path: Path, spec: ServiceSpec) -> None:
    mixed = replace(spec, environment_values={"prod": {"http.low": 2}})
    with pytest.raises(SpecError, match=r"http\.low is 2 in prod and 1 elsewhere") as raised:
        render(tmp_path, mixed, CHOICES)
    assert raised.value.hint == "set http.low once, for all environments"


def test_partials_are_relative_and_make_no_file(tmp_path: Path, spec: ServiceSpec) -> None:
    tree = render(
        tmp_path,
        spec,
        {
            "library/base/managed/a/main.txt.j2": 'x\n<% include "./_shared.j2" %>\n',
            "library/base/managed/a/_shared.j2": "shared by <{ service.name }>\n",
        },
    )
    assert texts(tree) == {"a/main.txt": "x\nshared by orders\n"}


def test_the_executable_bit_is_carried_over(tmp_path: Path, spec: ServiceSpec) -> None:
    root = write_tree(tmp_path / "root", {**MINIMAL_LIBRARY, "library/base/managed/run.sh": "#!/bin/sh\n"})
    (root / "library/base/managed/run.sh").chmod(0o755)
    assert Renderer(root).render(service(root, spec)).files["run.sh"].mode == 0o755


def test_two_sources_of_one_path_are_an_error(tmp_path: Path, spec: ServiceSpec) -> None:
    with pytest.raises(TemplateError, match=r"both .*base/managed/x\.txt.* make 'x\.txt'"):
        render(
            tmp_path,
            spec,
            {"library/base/managed/x.txt": "a", "library/capabilities/http/managed/x.txt.j2": "b"},
        )


@pytest.mark.parametrize(
    ("template", "line", "reason"),
    [
        ("one\n<{ service.nme }>\n", 2, "nme"),
        ("one\ntwo\n<{ p.http.absent }>\n", 3, "absent"),
        ("<% if x %>\n", 1, "TemplateSyntaxError"),
        ('one\n<% include "./_absent.j2" %>\n', 2, "TemplateNotFound"),
        ("one\n<{ 1 / 0 }>\n", 2, "ZeroDivisionError"),
        ('one\n\n<{ 1 + "a" }>\n', 3, "TypeError"),
        ('<{ "x".encode("nope") }>\n', 1, "LookupError"),
    ],
)
def test_a_template_error_names_template_and_line(
    tmp_path: Path, spec: ServiceSpec, template: str, line: int, reason: str
) -> None:
    with pytest.raises(TemplateError, match=reason) as caught:
        render(tmp_path, spec, {"library/base/managed/bad.txt.j2": template})
    assert caught.value.where == f"library/base/managed/bad.txt.j2:{line}"
    assert caught.value.exit_code == 3


def test_compiled_templates_are_reused_and_a_changed_one_is_not(tmp_path: Path, spec: ServiceSpec) -> None:
    root = write_tree(tmp_path / "root", {**MINIMAL_LIBRARY, "library/base/managed/x.j2": "one\n"})
    cache = tmp_path / "cache"
    cache.mkdir()
    assert texts(Renderer(root, cache).render(service(root, spec))) == {"x": "one\n"}
    assert os.listdir(cache)
    (root / "library/base/managed/x.j2").write_text("two\n")
    assert texts(Renderer(root, cache).render(service(root, spec))) == {"x": "two\n"}


def test_a_damaged_cache_does_no_harm(tmp_path: Path, spec: ServiceSpec) -> None:
    root = write_tree(tmp_path / "root", {**MINIMAL_LIBRARY, "library/base/managed/x.j2": "one\n"})
    cache = tmp_path / "cache"
    cache.mkdir()
    Renderer(root, cache).render(service(root, spec))
    damages: list[Callable[[bytes], bytes]] = [
        *(lambda whole, cut=cut: whole[:cut] for cut in (0, 1, 31, 32, 33, 40, 60, -1)),
        lambda _: b"garbage",
        lambda whole: whole[:40] + b"garbage",
        lambda whole: bytes(len(whole)),
    ]
    for damage in damages:
        for entry in cache.iterdir():
            entry.write_bytes(damage(entry.read_bytes()))
        assert texts(Renderer(root, cache).render(service(root, spec))) == {"x": "one\n"}


def test_the_cache_is_named_after_all_that_compiled_templates_depend_on(monkeypatch: pytest.MonkeyPatch) -> None:
    before = bytecode_version()
    assert jinja2.__version__ in before
    monkeypatch.setitem(OPTIONS, "trim_blocks", False)
    assert bytecode_version() != before


def test_litter_of_editors_makes_no_file(tmp_path: Path, spec: ServiceSpec) -> None:
    folder = "library/base/managed"
    litter = (".DS_Store", ".x.txt.swp", "x.txt~", "#x.txt#", ".#x.txt", "x.txt.orig", "__pycache__/x.pyc")
    tree = render(tmp_path, spec, {f"{folder}/{name}": "" for name in (*litter, "x.txt")})
    assert list(tree.files) == ["x.txt"]


def test_an_error_in_a_partial_names_the_partial(tmp_path: Path, spec: ServiceSpec) -> None:
    templates = {
        "library/base/managed/x.j2": '<% include "./_part.j2" %>\n',
        "library/base/managed/_part.j2": "one\n<{ 1 / 0 }>\n",
    }
    with pytest.raises(TemplateError) as caught:
        render(tmp_path, spec, templates)
    assert caught.value.where == "library/base/managed/_part.j2:2"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1209600, "14 days"), (86400, "1 day"), (90000, "25 hours"), (300, "5 minutes"), (86401, "86401 s"), (0, "0 s")],
)
def test_a_duration_is_said_in_its_largest_whole_unit(seconds: int, text: str) -> None:
    assert duration(seconds) == text
