"""`sm create-microservice` as a process: what it writes, what it refuses, what it says."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import Sm

CREATE = ("create-microservice", "orders", "--pattern", "web_api", "--cloud", "aws")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def assert_complete(service: Path) -> None:
    """Every file of the lock stands on disk as the lock says."""
    lock = json.loads((service / ".sm/lock.json").read_text())
    for path, entry in lock["files"].items():
        assert hashlib.sha256((service / path).read_bytes()).hexdigest() == entry["sha256"], path


def test_the_message_is_short_and_names_three_commands(sm: Sm, tmp_path: Path) -> None:
    done = sm(*CREATE, cwd=tmp_path)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"orders: web_api on aws \(eu-west-1\), \d+ files in orders", lines[0])
    assert [line.split("#")[0].strip() for line in lines[2:]] == ["cd orders", "make run", "make test"]
    makefile = (tmp_path / "orders/Makefile").read_text()
    assert re.search(r"^run:", makefile, re.M)
    assert re.search(r"^test:", makefile, re.M)
    assert "\x1b" not in done.stdout + done.stderr
    assert done.stderr == ""


def test_two_runs_are_byte_identical(sm: Sm, tmp_path: Path) -> None:
    trees = []
    for place, seed in (("a", "1"), ("b/c", "2")):
        done = sm(*CREATE, "--output-dir", tmp_path / place, PYTHONHASHSEED=seed, TZ="Asia/Tokyo")
        assert done.returncode == 0, done.stderr
        trees.append(contents(tmp_path / place / "orders"))
    assert trees[0] == trees[1]
    assert_complete(tmp_path / "a/orders")


def test_dashes_and_underscores_name_the_same_pattern(sm: Sm, tmp_path: Path) -> None:
    arguments = ["web-api" if each == "web_api" else each for each in CREATE]
    done = sm(*arguments, "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["patterns"] == ["web_api"]


def test_dry_run_writes_nothing_and_lists_everything(sm: Sm, tmp_path: Path) -> None:
    done = sm(*CREATE, "--dry-run", cwd=tmp_path)
    assert done.returncode == 0
    assert list(tmp_path.iterdir()) == []
    assert "create  orders/Dockerfile" in done.stdout
    assert "nothing was written" in done.stdout


def test_json_lists_every_file_that_was_written(sm: Sm, tmp_path: Path) -> None:
    report = json.loads(sm(*CREATE, "--json", cwd=tmp_path).stdout)
    assert report["written"] is True
    assert sorted(each["path"] for each in report["changes"]) == sorted(contents(tmp_path / "orders"))


@pytest.mark.parametrize(
    ("arguments", "code", "message", "hint"),
    [
        (("create-microservice", "orders", "--pattern", "web_apo", "--cloud", "aws"), 2,
         "there is no pattern 'web_apo'", "did you mean 'web_api'?"),
        (("create-microservice", "orders", "--pattern", "web_api", "--cloud", "awz"), 2,
         "there is no cloud 'awz'", "did you mean 'aws'?"),
        (("create-microservice", "Orders", "--pattern", "web_api", "--cloud", "aws"), 2,
         "RFC 1123", "try 'orders'"),
        (("create-microservice", "x" * 25, "--pattern", "web_api", "--cloud", "aws"), 1,
         "Application Load Balancer takes at most 32", "shorten the service's name by 1 to 24"),
        (("create-microservice",), 2, "missing: NAME, --pattern, --cloud", "for example: sm create-microservice"),
        (("create-microservice", "orders"), 2, "missing: --pattern, --cloud", "for example"),
        ((*CREATE, "--region", "mars-1"), 2, "does not look like a region of AWS", "eu-west-1"),
        ((*CREATE, "--owner", "Team A"), 2, "not a team's slug", "team-payments"),
        ((*CREATE, "--set", "http.prt=1"), 2, "no parameter 'http.prt'", "did you mean 'http.port'?"),
        ((*CREATE, "--set", "http.port=80"), 2, "below the minimum of 1024", "from 1024 to 65535"),
        ((*CREATE, "--set", "http.keep_alive=30"), 1, "502", "at least 5 s above"),
        ((*CREATE, "--set", "prod.scaling.min_replicas=30"), 1, "does not hold in prod", "raise scaling.max_replicas"),
        (("create-microservice", "orders", "--pattern", "background_worker", "--cloud", "azure",
          "--set", "queue.tier=basic"), 1, "no duplicate detection", "leave queue.tier at standard"),
        (("create-microservice", "orders", "--pattern", "data_api", "--cloud", "aws", "--region", "eu-west-2"), 1,
         "--region eu-west-2", "set database.backup_region"),
        (("create-microservice", "orders", "--pattern", "web_api", "--cloud", "azure",
          "--set", "ingress.waf_rate_limit=100"), 1, "does not exist on azure", "it is a parameter of aws"),
        (("create-microservice", "orders", "--pattern", "background_worker", "--cloud", "azure",
          "--set", "queue.dead_letter_retention=3600"), 1, "does not exist on azure", "it is a parameter of aws"),
        (("create-microservice", "--spec", "absent.yaml"), 1, "no such file", "check the folder"),
        ((*CREATE, "--spec", "sm.yaml"), 2, "--spec already says", "edit the spec"),
        (("create-microservce", "orders"), 2, "No such command", "Did you mean 'create-microservice'?"),
    ],
)  # fmt: skip
def test_refusals(sm: Sm, tmp_path: Path, arguments: tuple[str, ...], code: int, message: str, hint: str) -> None:
    done = sm(*arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert hint in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_set_reaches_the_output_and_the_spec_repeats_it(sm: Sm, tmp_path: Path) -> None:
    done = sm(*CREATE, "--set", "prod.scaling.max_replicas=33", "--set", "ingress.domain=shop.example",
              "--owner", "team-shop", cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    spec = (tmp_path / "orders/sm.yaml").read_text()
    assert spec.startswith("# yaml-language-server: $schema=.sm/sm.schema.json\n")
    assert "max_replicas: 33" in spec
    again = sm("create-microservice", "--spec", tmp_path / "orders/sm.yaml", "--output-dir", tmp_path / "again")
    assert again.returncode == 0, again.stderr
    assert contents(tmp_path / "again/orders") == contents(tmp_path / "orders")


def test_a_spec_is_kept_to_the_letter(sm: Sm, tmp_path: Path) -> None:
    text = "# ours\nversion: 1\nname: orders\ncloud: aws\npatterns: [web-api]  # why\n"
    (tmp_path / "spec.yaml").write_text(text)
    done = sm("create-microservice", "--spec", "spec.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    modeline = "# yaml-language-server: $schema=.sm/sm.schema.json\n"
    assert (tmp_path / "orders/sm.yaml").read_text() == modeline + text
    again = sm("create-microservice", "--spec", "orders/sm.yaml", "--output-dir", "again", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again/orders/sm.yaml").read_text() == modeline + text


def test_a_bad_spec_names_file_and_line(sm: Sm, tmp_path: Path) -> None:
    (tmp_path / "sm.yaml").write_text(
        "version: 1\nname: orders\ncloud: aws\npatterns: [web_api]\nparameters:\n  http:\n    port: 80\n"
    )
    done = sm("create-microservice", "--spec", "sm.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: sm.yaml:7: http.port: 80 TCP port is below the minimum")


def test_every_finding_is_reported_with_its_own_hint(sm: Sm, tmp_path: Path) -> None:
    arguments = (*CREATE, "--set", "http.keep_alive=30", "--set", "http.request_timeout=70")
    done = sm(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["error", "hint"] * 2
    done = sm(*arguments, "--json", cwd=tmp_path)
    assert done.returncode == 1
    findings = json.loads(done.stdout)["findings"]
    assert [each["rule"] for each in findings] == ["keep-alive-outlives-load-balancer", "request-fits-idle-timeout"]
    assert findings[0]["where"] == "--set http.keep_alive=30"
    assert list(tmp_path.iterdir()) == []


def test_nobody_is_sent_to_where_he_is(sm: Sm, tmp_path: Path) -> None:
    assert sm(*CREATE, cwd=tmp_path).returncode == 0
    again = sm("create-microservice", "--spec", "sm.yaml", "--force", cwd=tmp_path / "orders")
    assert [line.split("#")[0].strip() for line in again.stdout.splitlines()[2:]] == ["make run", "make test"]


def test_the_command_to_type_next_is_quoted(sm: Sm, tmp_path: Path) -> None:
    (tmp_path / "my services").mkdir()
    done = sm(*CREATE, "--output-dir", "my services", cwd=tmp_path)
    assert "  cd 'my services/orders'\n" in done.stdout


def test_a_dry_run_does_not_count_what_it_keeps(sm: Sm, tmp_path: Path) -> None:
    assert sm(*CREATE, cwd=tmp_path).returncode == 0
    (tmp_path / "orders/README.md").write_text("mine")
    assert "0 changes; nothing was written" in sm(*CREATE, "--force", "--dry-run", cwd=tmp_path).stdout


def test_a_folder_with_files_is_refused_without_force(sm: Sm, tmp_path: Path) -> None:
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders/notes.txt").write_text("mine")
    done = sm(*CREATE, cwd=tmp_path)
    assert done.returncode == 1
    assert "the folder is not empty" in done.stderr
    assert contents(tmp_path / "orders") == {"notes.txt": b"mine"}


def test_an_empty_folder_is_used(sm: Sm, tmp_path: Path) -> None:
    (tmp_path / "orders").mkdir()
    assert sm(*CREATE, cwd=tmp_path).returncode == 0
    assert_complete(tmp_path / "orders")


def test_force_keeps_what_sm_does_not_own(sm: Sm, tmp_path: Path) -> None:
    (tmp_path / "orders/src").mkdir(parents=True)
    (tmp_path / "orders/notes.txt").write_text("mine")
    (tmp_path / "orders/README.md").write_text("my readme")
    done = sm(*CREATE, "--force", cwd=tmp_path)
    assert done.returncode == 1, "a conflict is not success"
    assert "conflict: README.md" in done.stdout
    service = tmp_path / "orders"
    assert (service / "notes.txt").read_text() == "mine"
    assert (service / "README.md").read_text() == "my readme"
    assert "orders" in (service / ".sm/conflicts/README.md").read_text()
    assert (service / "Dockerfile").is_file()


def test_force_on_a_service_merges_new_values_with_the_users_edits(sm: Sm, tmp_path: Path) -> None:
    assert sm(*CREATE, cwd=tmp_path).returncode == 0
    service = tmp_path / "orders"
    readme = service / "README.md"
    readme.write_text(readme.read_text() + "\nOur own chapter.\n")
    (service / "compose.yaml").unlink()
    starter = next((service / "src/orders").rglob("items/*.py"))
    starter.write_text("# replaced\n")
    done = sm(*CREATE, "--force", "--set", "prod.scaling.max_replicas=33", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert readme.read_text().endswith("\nOur own chapter.\n")
    assert not (service / "compose.yaml").exists()
    assert starter.read_text() == "# replaced\n"
    overlay = service / "deploy/kubernetes/overlays/prod"
    assert any("33" in path.read_text() for path in overlay.iterdir())
    assert "max_replicas: 33" in (service / "sm.yaml").read_text(), "the spec says what the files say"
    assert not (service / ".sm/staging").exists()


def test_an_edited_spec_is_applied_to_its_own_service(sm: Sm, tmp_path: Path) -> None:
    """The loop that sm.yaml's header describes: edit it, run sm, and only what follows changes."""
    assert sm(*CREATE, cwd=tmp_path).returncode == 0
    service = tmp_path / "orders"
    spec = service / "sm.yaml"
    spec.write_text(spec.read_text() + "environments:\n  prod:\n    scaling: {max_replicas: 33}  # the sale\n")
    edited = spec.read_text()
    service = service.rename(tmp_path / "checkout-of-another-name")
    spec = service / "sm.yaml"
    done = sm("create-microservice", "--spec", "sm.yaml", "--force", "--json", cwd=service)
    assert done.returncode == 0, done.stderr
    changed = {each["path"] for each in json.loads(done.stdout)["changes"] if each["action"] != "keep"}
    assert spec.read_text() == edited
    assert changed == {
        ".sm/base.tar",
        ".sm/lock.json",
        "deploy/kubernetes/overlays/prod/horizontal-pod-autoscaler.yaml",
        "docs/architecture.md",
    }


@pytest.mark.parametrize(
    ("written", "lost"),
    [
        (("--set", "prod.scaling.max_replicas=33"), "prod.scaling.max_replicas=33"),
        (("--set", "http.docs=true"), "http.docs=true"),
        (("--owner", "team-payments"), "owner: team-payments"),
        (("--region", "eu-central-1"), "region: eu-central-1"),
        (("--description", "Takes orders."), "description: Takes orders."),
        (("--pattern", "background_worker"), "the pattern background_worker"),
    ],
)
def test_force_never_loses_what_the_spec_says(sm: Sm, tmp_path: Path, written: tuple[str, ...], lost: str) -> None:
    assert sm(*CREATE, *written, cwd=tmp_path).returncode == 0
    before = (tmp_path / "orders" / "sm.yaml").read_bytes()
    done = sm(*CREATE, "--force", cwd=tmp_path)
    assert done.returncode == 1
    assert re.search(rf"orders/sm\.yaml(:\d+)?: it would lose {re.escape(lost)}\n", done.stderr), done.stderr
    assert "sm create-microservice --spec orders/sm.yaml --force" in done.stderr
    assert (tmp_path / "orders" / "sm.yaml").read_bytes() == before
    assert sm(*CREATE, *written, "--force", cwd=tmp_path).returncode == 0, "named, it is not lost"


def test_force_never_loses_a_comment(sm: Sm, tmp_path: Path) -> None:
    assert sm(*CREATE, "--set", "prod.scaling.max_replicas=33", cwd=tmp_path).returncode == 0
    spec = tmp_path / "orders" / "sm.yaml"
    text = spec.read_text().replace("max_replicas: 33", "max_replicas: 33  # 40 was too much for the database")
    spec.write_text(text)
    again = ("create-microservice", "--spec", "orders/sm.yaml", "--force")
    done = sm(*again, "--set", "prod.scaling.max_replicas=34", cwd=tmp_path)
    assert done.returncode == 1
    line = next(number for number, each in enumerate(text.splitlines(), 1) if "too much" in each)
    assert f"orders/sm.yaml:{line}: it would lose the comment '# 40 was too much for the database'" in done.stderr
    assert sm(*again, cwd=tmp_path).returncode == 0, "the file itself is no loss"
    assert spec.read_text() == text


def test_force_twice_changes_nothing(sm: Sm, tmp_path: Path) -> None:
    assert sm(*CREATE, cwd=tmp_path).returncode == 0
    before = contents(tmp_path / "orders")
    assert sm(*CREATE, "--force", cwd=tmp_path).returncode == 0
    assert contents(tmp_path / "orders") == before


@pytest.mark.parametrize("link", ["README.md", "src", "deploy/kubernetes"])
def test_symbolic_links_inside_the_folder_are_not_followed(sm: Sm, tmp_path: Path, link: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    place = tmp_path / "orders" / link
    place.parent.mkdir(parents=True)
    place.symlink_to(outside)
    done = sm(*CREATE, "--force", cwd=tmp_path)
    assert done.returncode == 1
    assert "symbolic link" in done.stderr
    assert list(outside.iterdir()) == []


def test_a_file_where_a_folder_should_be_is_explained(sm: Sm, tmp_path: Path) -> None:
    (tmp_path / "orders").write_text("a file")
    done = sm(*CREATE, cwd=tmp_path)
    assert done.returncode == 1
    assert "not a directory" in done.stderr
    assert (tmp_path / "orders").read_text() == "a file"


@pytest.mark.parametrize("damage", ["truncate", "remove", "swap"])
def test_a_damaged_record_is_refused_and_nothing_changes(sm: Sm, tmp_path: Path, damage: str) -> None:
    assert sm(*CREATE, cwd=tmp_path).returncode == 0
    service = tmp_path / "orders"
    if damage == "truncate":
        (service / ".sm/lock.json").write_text("{")
    elif damage == "remove":
        (service / ".sm/base.tar").unlink()
    else:
        (service / ".sm/base.tar").write_bytes(b"\0" * 1024)
    before = contents(service)
    done = sm(*CREATE, "--force", cwd=tmp_path)
    assert done.returncode == 1
    assert "restore the folder .sm from version control" in done.stderr
    assert contents(service) == before


def test_the_service_moves_and_copies_with_its_records(sm: Sm, tmp_path: Path) -> None:
    assert sm(*CREATE, cwd=tmp_path).returncode == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.move(tmp_path / "orders", elsewhere / "orders")
    done = sm(*CREATE, "--force", "--json", "--output-dir", elsewhere)
    assert set(json.loads(done.stdout)["counts"]) == {"keep"}


def test_a_conflict_stays_open_until_it_is_settled(sm: Sm, tmp_path: Path) -> None:
    assert sm(*CREATE, cwd=tmp_path).returncode == 0
    service = tmp_path / "orders"
    overlay = service / "deploy/kubernetes/overlays/prod/horizontal-pod-autoscaler.yaml"
    overlay.write_text(overlay.read_text().replace("maxReplicas: 20", "maxReplicas: 25"))
    proposal = service / ".sm/conflicts" / overlay.relative_to(service)
    change = (*CREATE, "--force", "--set", "prod.scaling.max_replicas=33")
    for _ in range(2):
        done = sm(*change, cwd=tmp_path)
        assert done.returncode == 1, "the same answer however often one asks"
        assert "conflict: deploy/kubernetes/overlays/prod/horizontal-pod-autoscaler.yaml" in done.stdout
        assert "maxReplicas: 25" in overlay.read_text()
        assert "<<<<<<< yours" in proposal.read_text()
    proposal.unlink()
    assert sm(*change, cwd=tmp_path).returncode == 0, "deleting the proposal settles it"
    assert "maxReplicas: 25" in overlay.read_text()
    done = sm(*CREATE, "--force", "--set", "prod.scaling.max_replicas=40", cwd=tmp_path)
    assert done.returncode == 1, "another change is another question"
    overlay.write_text(overlay.read_text().replace("maxReplicas: 25", "maxReplicas: 40"))
    assert sm(*CREATE, "--force", "--set", "prod.scaling.max_replicas=40", cwd=tmp_path).returncode == 0
    assert not (service / ".sm/conflicts").exists()
