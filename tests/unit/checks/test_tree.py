"""The tree that checks look at."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from standardized_modules.checks import Tree
from standardized_modules.checks.kubernetes._rules import metrics
from standardized_modules.checks.tree import ToolMissingError, find_program

MANIFESTS = """\
apiVersion: v1
kind: ServiceAccount
metadata:
  name: orders
---
apiVersion: v1
kind: Service
metadata:
  name: orders
"""
FILES = {
    "deploy/kubernetes/base/kustomization.yaml": "resources: [manifests.yaml]\n",
    "deploy/kubernetes/base/manifests.yaml": MANIFESTS,
    "deploy/kubernetes/overlays/dev/kustomization.yaml": "resources: [../../base]\nnamespace: orders-dev\n",
    "deploy/kubernetes/overlays/prod/kustomization.yaml": "resources: [../../nowhere]\n",
}


def test_overlays_are_built_once_and_errors_are_kept() -> None:
    tree = Tree(FILES)

    dev, prod = tree.overlays

    assert (dev.name, prod.name) == ("dev", "prod")
    assert [manifest["metadata"]["namespace"] for manifest in dev.manifests] == ["orders-dev", "orders-dev"]
    assert "nowhere" in prod.error
    assert prod.manifests == ()
    assert tree.overlays is tree.overlays


def test_an_object_is_located_in_the_file_that_defines_it() -> None:
    tree = Tree(FILES)
    dev = tree.overlays[0]
    service = dev.find("Service", "orders")

    assert service is not None
    assert tree.locate(dev, service) == ("deploy/kubernetes/base/manifests.yaml", 7)
    assert tree.locate(dev, {"kind": "ConfigMap", "metadata": {"name": "generated"}}) == (dev.path, None)


def test_read_leaves_tool_folders_and_binary_files_out(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref")
    (tmp_path / "logo.png").write_bytes(b"\x89PNG\xff")
    (tmp_path / "README.md").write_text("# Hello\n")

    assert dict(Tree.read(tmp_path)) == {"README.md": "# Hello\n"}


def test_read_knows_what_is_executable_and_what_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    before = Tree.read(tmp_path)
    (tmp_path / "run.sh").chmod(0o755)
    (tmp_path / "main.tf").write_bytes(b"# caf\xe9\n")

    tree = Tree.read(tmp_path)

    assert tree.executable == {"run.sh"}
    assert tree.only(("*.sh",)).executable == {"run.sh"}
    assert tree.undecodable == {"main.tf": "byte 5 is 0xe9"}
    assert before.only(("*.sh",)).digest != tree.only(("*.sh",)).digest, "a result would be kept"


def test_a_name_that_is_no_text_is_read_and_can_be_reported(tmp_path: Path) -> None:
    os.close(os.open(os.fsencode(tmp_path) + b"/caf\xe9.md", os.O_CREAT))

    tree = Tree.read(tmp_path)

    assert list(tree) == [r"caf\xe9.md"]
    assert tree.digest


def test_a_missing_program_says_how_to_install_it() -> None:
    with pytest.raises(ToolMissingError) as error:
        find_program("no-such-program", "pip install it")

    assert str(error.value) == "no-such-program is not installed\nhint: pip install it"


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('sum by (route) (rate(http_requests_total{job="a", status=~"5.."}[5m]))', {"http_requests_total"}),
        ('a / on (pod) group_left () max by (pod) (b{x="}"}) > 14.4 * 0.001', {"a", "b"}),
        ("histogram_quantile(0.99, sum by (le) (rate(x_bucket[$__rate_interval])))", {"x_bucket"}),
        ("service:errors:ratio_rate1h > 1e-05", {"service:errors:ratio_rate1h"}),
        ("absent(up == 1)", {"up"}),
    ],
)
def test_metrics_of_an_expression(expression: str, names: set[str]) -> None:
    assert metrics(expression) == names
