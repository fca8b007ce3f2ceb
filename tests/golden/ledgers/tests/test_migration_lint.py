"""The linter of migrations: what it refuses, what it lets pass, and what exceptions need."""

from pathlib import Path

import pytest

from ledgers.migrations.findings import Finding
from ledgers.migrations.lint import (
    OF_CONTRACT,
    find_squawk,
    lint,
    main,
)
from tests import migration_samples as samples
from tests import refused_migrations as refused
from tests.migration_samples import Step


def _findings(folder: Path) -> list[Finding]:
    """What is found in the migrations of a folder."""
    squawk = find_squawk()
    assert squawk is not None
    return lint(squawk, folder)


def found(folder: Path) -> set[str]:
    """The rules that find something."""
    return {finding.rule for finding in _findings(folder)}


@pytest.mark.parametrize("rule", refused.BAD)
def test_refuses(tmp_path: Path, rule: str) -> None:
    samples.write(tmp_path, Step(refused.BAD[rule]))
    assert rule in found(tmp_path)


@pytest.mark.parametrize(("rule", "sql"), refused.ALSO_BAD)
def test_refuses_however_it_is_written(tmp_path: Path, rule: str, sql: str) -> None:
    samples.write(tmp_path, Step(f"op.execute({sql})"))
    assert rule in found(tmp_path)


@pytest.mark.parametrize("sql", refused.NOT_ONLINE)
def test_refuses_outside_a_transaction(tmp_path: Path, sql: str) -> None:
    samples.write(tmp_path, Step(f'with online():\n    op.execute("{sql}")', phase="contract"))
    assert "not-online" in found(tmp_path)


@pytest.mark.parametrize("name", samples.GOOD)
def test_lets_pass(tmp_path: Path, name: str) -> None:
    samples.write(tmp_path, *samples.GOOD[name])
    assert found(tmp_path) == set()


@pytest.mark.parametrize("rule", sorted(OF_CONTRACT & set(refused.BAD)))
def test_a_contract_migration_takes_away(tmp_path: Path, rule: str) -> None:
    samples.write(tmp_path, Step(refused.BAD[rule], phase="contract"))
    assert found(tmp_path) == set()


def test_what_a_comment_says_is_no_phase(tmp_path: Path) -> None:
    samples.write(tmp_path, Step(f'# phase: str = "contract"\n{refused.BAD["ban-drop-column"]}'))
    assert found(tmp_path) == {"ban-drop-column"}


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ('phase: str = "contracted"', "unknown-phase"),
        ('lock_timeout: str = "0"', "no-timeout"),
        ('lock_timeout = "0ms"', "no-timeout"),
        ('lock_timeout: str = "30min"', "long-timeout"),
        ('statement_timeout: str = "0"', "no-timeout"),
        ('statement_timeout: str = "soon"', "no-timeout"),
        ('statement_timeout: str = "4h"', "long-timeout"),
    ],
)
def test_refuses_of_the_module(tmp_path: Path, line: str, rule: str) -> None:
    samples.write(tmp_path, Step("pass"))
    path = tmp_path / "0002_sample.py"
    path.write_text(path.read_text().replace('phase: str = "expand"', line, 1))
    finding = next(each for each in _findings(tmp_path) if each.rule == rule)
    assert path.read_text().splitlines()[finding.line - 1] == line


def test_a_migration_has_timeouts_of_its_own(tmp_path: Path) -> None:
    samples.write(tmp_path, Step("pass"))
    path = tmp_path / "0002_sample.py"
    given = 'lock_timeout: str = "5s"\nstatement_timeout: str = "5min"\nphase'
    path.write_text(path.read_text().replace("phase", given, 1))
    assert found(tmp_path) == set()


@pytest.mark.parametrize(
    "code",
    [
        "if bind := op.get_bind():\n    bind.exec_driver_sql('LOCK TABLE notes')",
        "if not op.get_context().is_offline_mode():\n    pass",
        "from alembic.op import get_bind\nget_bind()",
    ],
)
def test_refuses_what_it_cannot_see(tmp_path: Path, code: str) -> None:
    samples.write(tmp_path, Step(code))
    assert found(tmp_path) == {"hidden-from-linter"}


def test_a_migration_has_a_number(tmp_path: Path) -> None:
    samples.write(tmp_path, Step("pass"))
    path = tmp_path / "0002_sample.py"
    text = path.read_text()
    path.write_text(text.replace('"0002"', '"ab12"'))
    assert found(tmp_path) == {"revision-number"}
    path.write_text(text.replace('"0002"', '"0002_ab12"'))
    assert found(tmp_path) == set()


def test_two_branches_have_to_say_who_comes_first(tmp_path: Path) -> None:
    samples.write(tmp_path, Step("pass"))
    ours = tmp_path / "0002_sample.py"
    theirs = tmp_path / "0002_ab12_theirs.py"
    theirs.write_text(ours.read_text().replace('"0002"', '"0002_ab12"'))
    (finding,) = _findings(tmp_path)
    assert finding.rule == "fork"
    assert finding.path == theirs
    assert finding.message.startswith("0002 comes after 0001 as well")
    theirs.write_text(theirs.read_text().replace('"0001"', '"0002"'))
    assert found(tmp_path) == set()


def test_a_downgrade_takes_away_but_does_not_lock(tmp_path: Path) -> None:
    samples.write(tmp_path, Step("pass", down=refused.BAD["ban-drop-column"]))
    assert found(tmp_path) == set()
    samples.write(tmp_path, Step("pass", down=refused.BAD["require-concurrent-index-creation"]))
    assert found(tmp_path) == {"require-concurrent-index-creation"}


def test_an_exception_excuses_one_rule_on_one_statement(tmp_path: Path) -> None:
    allow = "# lint: allow lock-table because the table has 40 rows and one writer, this job"
    samples.write(tmp_path, Step(f"{allow}\n{refused.BAD['lock-table']}"))
    assert found(tmp_path) == set()
    twice = f"{refused.BAD['lock-table']}\n{refused.BAD['lock-table']}"
    samples.write(tmp_path, Step(f"{allow}\n{twice}"))
    assert found(tmp_path) == {"lock-table"}


def test_an_exception_below_the_first_line_of_a_statement_counts(tmp_path: Path) -> None:
    samples.write(
        tmp_path,
        Step("""
op.create_index(
    "ix_notes_text",
    "notes",  # lint: allow require-concurrent-index-creation because it is empty until release 7
    ["text"],
)
"""),
    )
    assert found(tmp_path) == set()


@pytest.mark.parametrize("reason", ["", " because small"])
def test_an_exception_needs_a_reason(tmp_path: Path, reason: str) -> None:
    samples.write(tmp_path, Step(f"# lint: allow lock-table{reason}\n{refused.BAD['lock-table']}"))
    assert found(tmp_path) == {"exception-without-reason"}


def test_an_exception_that_excuses_nothing_is_found(tmp_path: Path) -> None:
    unused = "# lint: allow lock-table because it was needed once, long ago\npass"
    samples.write(tmp_path, Step(unused))
    assert found(tmp_path) == {"unused-exception"}


def test_findings_name_the_line(tmp_path: Path) -> None:
    samples.write(tmp_path, Step(f"x = 1\n{refused.BAD['lock-table']}"))
    (finding,) = _findings(tmp_path)
    lines = (tmp_path / "0002_sample.py").read_text().splitlines()
    assert "LOCK TABLE" in lines[finding.line - 1]
    assert str(finding).startswith(f"{tmp_path}/0002_sample.py:{finding.line}: lock-table: ")


def test_the_migrations_of_the_service_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0
    assert capsys.readouterr().out == ""


def test_without_squawk_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    assert main() == 2
    assert "squawk is not there" in capsys.readouterr().out
