"""A service with a database that lives on: another size and replicas, and the code that is yours by then."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Sm


@pytest.mark.parametrize(("cloud", "before", "after"), [
    ("aws", "db.m6g.large", "db.r6g.xlarge"),
    ("azure", "GP_Standard_D2ds_v5", "MO_Standard_E4ds_v5"),
])  # fmt: skip
def test_a_larger_database_with_replicas_leaves_your_code_alone(
    sm: Sm, tmp_path: Path, cloud: str, before: str, after: str
) -> None:
    create = ("create-microservice", "orders", "--pattern", "data_api", "--cloud", cloud)
    assert sm(*create, cwd=tmp_path).returncode == 0
    service = tmp_path / "orders"
    code = service / "src/orders"
    yours = {
        code / "items/models.py": "# Ours.\n",
        code / "routes.py": "# Ours too.\n",
        code / "migrations/versions/0001_items.py": "# It has run: nobody may change it.\n",
        code / "migrations/versions/0002_price.py": "# sm has never seen it.\n",
    }
    for path, text in yours.items():
        path.write_text(text)
    (code / "items/cached.py").unlink()
    locals_tf = service / "deploy/terraform/locals.tf"
    assert before in locals_tf.read_text()
    locals_tf.write_text(locals_tf.read_text() + "\n# Our own line.\n")

    values = ("--set", "staging.database.size=4x32", "--set", "staging.database.replicas=2")
    done = sm(*create, *values, "--force", "--json", cwd=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert {path: path.read_text() for path in yours} == yours
    assert not (code / "items/cached.py").exists()
    terraform = locals_tf.read_text()
    assert terraform.endswith("\n# Our own line.\n")
    assert after in terraform
    assert before not in terraform
    actions = {each["path"]: each["action"] for each in json.loads(done.stdout)["changes"]}
    assert (actions["deploy/terraform/locals.tf"], actions["docs/architecture.md"]) == ("merge", "update")
    of_code = {action for path, action in actions.items() if path.startswith(("src/", "tests/"))}
    assert of_code == {"keep", "keep-edited", "keep-deleted"}, "the code of all sizes is the same"
