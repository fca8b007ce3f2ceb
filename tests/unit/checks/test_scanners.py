"""What is made of the scanners' reports."""

from __future__ import annotations

from standardized_modules.checks import Tree
from standardized_modules.checks.service import checkov_scan


def test_a_finding_of_the_whole_file_has_no_line() -> None:
    tree = Tree({"Dockerfile": "FROM scratch\n"})
    failed = {"file_path": "/Dockerfile", "resource": "/Dockerfile.", "file_line_range": [0, 0]}

    assert checkov_scan._place(tree, failed) == ("Dockerfile", None)
