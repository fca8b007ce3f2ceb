"""The reading commands, help and completion."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.conftest import SM, Sm

PUBLIC_API = (
    "version: 1\npatterns:\n  public_api:\n    title: Public API\n    version: 0.1.0\n    summary: Ours.\n"
    "    use_when: [always]\n    avoid_when: [never]\n    capabilities: [http_api, rate_limiting, http_autoscaling,"
    " http_ingress, container_registry, workload_identity, delivery]\n    parameters:\n"
    "      http.request_timeout: {default: 5, reason: Ours are quick.}\n"
)


def test_help_shows_every_command_purpose_and_examples(sm: Sm) -> None:
    text = sm("--help").stdout
    for expected in ("create-microservice", "patterns", "explain", "completion", "web_api", "--cloud aws"):
        assert expected in text
    text = sm("create-microservice", "--help").stdout
    for option in ("--pattern", "--cloud", "--region", "--output-dir", "--set", "--spec", "--owner", "--dry-run",
                   "--json", "--force", "Use it when", "Examples:"):  # fmt: skip
        assert option in text


def test_every_pattern_is_in_the_help(sm: Sm) -> None:
    names = [each["name"] for each in json.loads(sm("patterns", "--json").stdout)]
    for command in ([], ["create-microservice"]):
        text = sm(*command, "--help").stdout
        assert all(f"  {name} " in text for name in names)


def test_version(sm: Sm) -> None:
    assert sm("--version").stdout == "sm, version 1.2.0\n"


def test_patterns_is_a_table(sm: Sm) -> None:
    lines = sm("patterns").stdout.splitlines()
    assert lines[0].split() == ["PATTERN", "VERSION", "CLOUDS", "SUMMARY"]
    assert lines[1].split()[:4] == ["web_api", "1.0.0", "aws,", "azure"]


def test_explain_a_pattern(sm: Sm) -> None:
    text = sm("explain", "web-api", "--cloud", "aws").stdout
    for expected in ("Use it when", "Use something else when", "http_ingress", "keep-alive-outlives-load-balancer",
                     "scaling.max_replicas (integer from 1 to 1000) = dev 2, staging 4, prod 20 pods", "Why: ",
                     "- Dockerfile", "- deploy/terraform/waf.tf"):  # fmt: skip
        assert expected in text
    document = json.loads(sm("explain", "web_api", "--cloud", "aws", "--json").stdout)
    assert document["parameters"]["http.port"]["resolved"] == {"dev": 8080, "staging": 8080, "prod": 8080}
    assert document["derived"]["prod"]["http.termination_grace_period"] > 30


def test_explain_every_capability_and_parameter(sm: Sm) -> None:
    pattern = json.loads(sm("explain", "web_api", "--json").stdout)
    for name in pattern["capabilities"]:
        document = json.loads(sm("explain", name, "--cloud", "aws", "--json").stdout)
        assert document["kind"] == "capability"
        assert document["purpose"]
        assert document["files"], f"{name} generates something"
    text = sm("explain", "ingress.domain").stdout
    assert text.startswith("ingress.domain (string)")
    assert "Source: https://www.rfc-editor.org/rfc/rfc2606" in text
    assert "Read by the capability http_ingress" in text
    assert "Read by every service" in sm("explain", "workload.memory").stdout


def test_explain_without_a_cloud_takes_the_first_that_has_it_all(sm: Sm) -> None:
    for subject in ("web_api", "http_ingress"):
        assert "Generates on aws, the first cloud that has it all" in sm("explain", subject).stdout


def test_explain_a_parameter_shows_what_patterns_make_of_it(sm: Sm, tmp_path: Path) -> None:
    (tmp_path / "ours.yaml").write_text(PUBLIC_API)
    text = sm("explain", "http.request_timeout", "--catalog", "ours.yaml", cwd=tmp_path).stdout
    assert "In public_api:" in text
    assert "= 5 seconds" in text
    assert "request-fits-idle-timeout" in text


def test_explain_on_a_cloud_that_refuses_it_gives_reason_and_way_out(sm: Sm, tmp_path: Path) -> None:
    small = f"{PUBLIC_API}      database.size: {{default: burstable-2x4, reason: Ours are small.}}\n"
    (tmp_path / "ours.yaml").write_text(small.replace("delivery]", "delivery, relational_db]"))
    text = sm("explain", "public_api", "--cloud", "azure", "--catalog", "ours.yaml", cwd=tmp_path).stdout
    assert "Refused" in text
    assert "hint: set database.size to 2x8 or more there" in text


def test_explain_a_near_miss(sm: Sm) -> None:
    done = sm("explain", "http_ingres")
    assert done.returncode == 2
    assert "did you mean 'http_ingress'?" in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(sm: Sm, shell: str) -> None:
    done = sm("completion", shell)
    assert done.returncode == 0
    assert "_SM_COMPLETE" in done.stdout


def test_completion_offers_patterns_clouds_and_parameters(sm: Sm) -> None:
    def complete(words: str, number: int) -> str:
        return sm(_SM_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(number)).stdout

    assert "web_api" in complete("sm create-microservice x --pattern we", 4)
    assert "aws" in complete("sm create-microservice x --cloud ", 4)
    assert "http.port=" in complete("sm create-microservice x --set http.p", 4)
    assert "prod.scaling.max_replicas=" in complete("sm create-microservice x --set prod.sc", 4)
    assert "explain" in complete("sm exp", 1)


def test_completion_knows_the_catalog(sm: Sm, tmp_path: Path) -> None:
    (tmp_path / "ours.yaml").write_text(PUBLIC_API)
    for words, number, variable in (
        ("sm create-microservice x --pattern pu", "4", "ours.yaml"),
        ("sm create-microservice x --catalog ours.yaml --pattern pu", "6", ""),
    ):
        done = sm(cwd=tmp_path, SM_CATALOG=variable, _SM_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=number)
        assert "public_api" in done.stdout


def test_a_full_disk_is_not_a_bug(sm: Sm) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([*SM, "patterns"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: the output can't be written: No space left on device\nhint: ")


def test_the_entry_point_stays_a_function() -> None:
    import standardized_modules.cli.app  # noqa: F401
    from standardized_modules import cli

    assert callable(cli.main)


def test_a_terminal_is_asked_and_a_pipe_is_not(tmp_path: Path) -> None:
    controller, terminal = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    process = subprocess.Popen(
        [*SM, "create-microservice"], cwd=tmp_path, stdin=terminal, stdout=subprocess.PIPE, stderr=terminal,
        env=environment,
    )  # fmt: skip
    os.close(terminal)
    os.write(controller, b"orders\n\n\n")
    output, _ = process.communicate(timeout=60)
    os.close(controller)
    assert process.returncode == 0
    assert output.decode().startswith("orders: web_api on aws")
    assert (tmp_path / "orders/sm.yaml").is_file()


def test_an_organisation_adds_a_pattern_as_data(sm: Sm, tmp_path: Path) -> None:
    (tmp_path / "ours.yaml").write_text(PUBLIC_API)
    assert "public_api" in sm("patterns", "--catalog", "ours.yaml", cwd=tmp_path).stdout
    done = sm(
        "create-microservice", "shop", "--pattern", "public-api", "--cloud", "aws", cwd=tmp_path, SM_CATALOG="ours.yaml"
    )
    assert done.returncode == 0, done.stderr
    assert '"http.request_timeout": 5' in (tmp_path / "shop/.sm/lock.json").read_text()
    refused = sm("create-microservice", "shop", "--pattern", "public-api", "--cloud", "aws", "--dry-run",
                 "--set", "http.keep_alive=5", cwd=tmp_path, SM_CATALOG="ours.yaml")  # fmt: skip
    assert refused.returncode == 1, "a catalog's pattern is as safe as ours"
    assert "502" in refused.stderr


@pytest.mark.parametrize("text", ['"a\\" \\nname: x"', '"\\e]0;owned\\a x"'])
def test_control_characters_of_a_catalog_reach_no_terminal_and_no_file(sm: Sm, tmp_path: Path, text: str) -> None:
    (tmp_path / "evil.yaml").write_text(
        f"version: 1\npatterns:\n  evil:\n    title: T\n    version: 1.0.0\n    summary: {text}\n"
        "    use_when: [a]\n    avoid_when: [b]\n    capabilities: [http_api]\n"
    )
    done = sm("patterns", "--catalog", "evil.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "evil.yaml:6" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_a_hostile_catalog_is_refused(sm: Sm, tmp_path: Path) -> None:
    rule = (
        "version: 1\npatterns: {}\nrules:\n  evil:\n"
        "    require: __import__('os').system('touch pwned')\n    because: x\n    instead: y\n"
    )
    for text in (
        rule,
        "version: 1\npatterns: !!python/object/apply:os.system ['touch pwned']\n",
        "a: &a [*a]\n",
        "\x00",
        "[" * 100_000,
    ):
        (tmp_path / "evil.yaml").write_text(text)
        done = sm("patterns", "--catalog", "evil.yaml", cwd=tmp_path)
        assert done.returncode == 2, done.stderr
        assert "evil.yaml" in done.stderr
        assert [path.name for path in tmp_path.iterdir()] == ["evil.yaml"]
