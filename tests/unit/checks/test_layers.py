"""What the container, Terraform and service checks read, and where findings point."""

from __future__ import annotations

import pytest

from standardized_modules.checks import Tree
from standardized_modules.checks.container import copied_files
from standardized_modules.checks.container._dockerfile import assignments, ports, stages
from standardized_modules.checks.container.dockerignore import is_ignored
from standardized_modules.checks.service._settings import settings
from standardized_modules.checks.service.requirements_locked import check as locked
from standardized_modules.checks.service.terraform_versions import _accepts
from standardized_modules.checks.terraform._hcl import blocks, map_keys
from standardized_modules.checks.terraform._session import place, roots, session, var_files

DOCKERFILE = """\
# Two stages.
FROM --platform=linux/amd64 python:3.13 AS build
ENV A=1 \\
    # between the lines
    B="two words"
FROM scratch
ARG C
ENV D three words
EXPOSE 8080/tcp 9090
"""


def test_stages_of_a_dockerfile() -> None:
    tree = Tree({"Dockerfile": DOCKERFILE})
    first, last = stages(tree)

    assert (first.image, first.name, first.line, last.image) == ("python:3.13", "build", 2, "scratch")
    assert [(name, value) for _, name, value in assignments(tree)] == [
        ("A", "1"),
        ("B", "two words"),
        ("C", ""),
        ("D", "three words"),
    ]
    assert ports(tree) == {8080: 9, 9090: 9}


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (".env", "*\n!src", True),
        (".env", "*\n!src\n!.env", False),
        (".venv/pyvenv.cfg", ".venv/", True),
        (".git/config", "**/.git", True),
        (".env.prod", ".env", False),
        (".env.prod", "# .env*\n.env*", True),
        ("a/.env", ".env", False),
    ],
)
def test_patterns_of_a_dockerignore(path: str, text: str, expected: bool) -> None:
    assert is_ignored(path, text) is expected


def test_settings_by_syntax() -> None:
    code = (
        'P = "X_"\nclass S(BaseSettings):\n    model_config = SettingsConfigDict(env_prefix=P)\n    a: int\n'
        '    b: int = 1\n    c: str = Field(default="x", validation_alias="OTHER")\n'
        "    d: list[str] = Field(default_factory=list)\n"
    )
    found = settings(Tree({"src/orders/settings.py": code, "src/orders/deep/settings.py": code}))

    assert [(each.variable, each.required, each.default) for each in found] == [
        ("X_A", True, None),
        ("X_B", False, 1),
        ("OTHER", False, "x"),
        ("X_D", False, None),
    ]
    assert settings(Tree({"src/orders/settings.py": "class S(BaseSettings:"})) == []


def test_roots_leave_modules_out_and_environments_come_from_files_of_variables() -> None:
    files = {
        "deploy/terraform/main.tf": 'module "x" {\n  source = "./modules/x"\n}\n',
        "deploy/terraform/modules/x/main.tf": "",
        "deploy/terraform/registry/main.tf": "",
        "deploy/terraform/environments/prod.tfvars": "",
        "deploy/terraform/registry/registry.tfvars": "",
    }

    assert roots(files) == ("deploy/terraform/", "deploy/terraform/registry/")
    assert var_files(files, "deploy/terraform/") == [("prod", "deploy/terraform/environments/prod.tfvars")]
    assert var_files(files, "deploy/terraform/registry/") == [("", "deploy/terraform/registry/registry.tfvars")]
    assert var_files({}, "deploy/terraform/") == [("", "")]


def test_blocks_and_keys_of_hcl() -> None:
    text = '# one\noutput "a" {\n  value = {\n    # x\n    one = 1\n    two = {\n      three = 3\n    }\n  }\n}\n'
    (block,) = blocks(text, "output")

    assert (block.labels, block.line) == (("a",), 2)
    assert map_keys(block.text) == ["one", "two"]


def test_a_session_is_shared_by_the_checks_of_a_tree_and_finds_places() -> None:
    tree = Tree({"deploy/terraform/main.tf": '\nresource "terraform_data" "x" {}\n', "README.md": ""})

    assert session(tree) is session(tree.only(("deploy/terraform/*",)))
    assert place(tree, "deploy/terraform/", 'terraform_data.x["a"]') == ("deploy/terraform/main.tf", 2)
    assert [applied.errors for applied in session(tree).applied()] == [()]


@pytest.mark.parametrize(
    ("constraint", "version", "expected"),
    [
        (">= 1.10", "1.15.5", True),
        (">= 1.10", "1.9.8", False),
        ("~> 1.9", "2.0.0", False),
        ("1.9.8", "1.9.8", True),
        (">= 1.10", "latest", False),
    ],
)
def test_constraints_of_terraform(constraint: str, version: str, expected: bool) -> None:
    assert _accepts(constraint, version) is expected


def test_a_locked_version_without_a_hash_is_found() -> None:
    tree = Tree({"pyproject.toml": "[project]\nname = 'a'\n", "requirements.txt": "anyio==4.16.0\n"})

    assert [finding.message for finding in locked(tree)] == ["anyio 4.16.0 has no hash"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("COPY requirement.txt .", "there is no requirement.txt"),
        ("COPY src/order /opt/", "there is no src/order"),
        ("COPY --chown=1:1 src/orders requirements.lock /opt/", "there is no requirements.lock"),
        ("COPY docs /opt/", ".dockerignore leaves out docs"),
        ("COPY src/orders /opt/", ""),
        ("COPY --from=build /opt/venv.toml /opt/", ""),
        ("COPY requirements*.txt dist/app.whl logo.png ./", ""),
        ('COPY ["a.txt", "."]', ""),
        ("COPY . .", ""),
    ],
)
def test_what_is_copied_is_there(line: str, message: str) -> None:
    files = {"src/orders/a.py": "", "docs/a.md": "", ".dockerignore": "*\n!src\n", "Dockerfile": f"FROM a\n{line}\n"}

    assert [each.message for each in copied_files.check(Tree(files))] == ([message] if message else [])
