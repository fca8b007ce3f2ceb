"""Faults in workflows, scripts and YAML."""

from __future__ import annotations

from tests.generated.mutations._mutation import WORKFLOWS
from tests.generated.mutations._mutation import Mutation as M

CI = f"{WORKFLOWS}ci.yaml"
DEPLOY = f"{WORKFLOWS}deploy.yaml"
ENVIRONMENT = f"{WORKFLOWS}deploy-environment.yaml"
MUTATIONS = (
    M("misspelt key", "SM401", CI, "timeout-minutes:", "timeout-minute:"),
    M("output of a step that is gone", "SM401", DEPLOY, "steps.push.outputs.digest", "steps.pushed.outputs.digest"),
    M("job that does not exist", "SM401", DEPLOY, "needs: [build, staging]", "needs: [build, stage]"),
    M("input that the called workflow lacks", "SM401", DEPLOY, "      gate: dev\n", "      gates: dev\n"),
    M(
        "unquoted variable in a run block",
        "SM401",
        ENVIRONMENT,
        'run: scripts/smoke-test.sh "$URL"',
        "run: test -n $URL && scripts/smoke-test.sh $URL",
    ),
    M("runner that does not exist", "SM401", CI, "runs-on: ubuntu-24.04", "runs-on: ubuntu-2404"),
    M(
        "title of a pull request as code",
        "SM402",
        CI,
        "run: make lint",
        "run: echo ${{ github.event.pull_request.title }}",
    ),
    M("token left on disk", "SM402", CI, "        with:\n          persist-credentials: false\n", ""),
    M("strangers' code with our secrets", "SM402", CI, "  pull_request:", "  pull_request_target:"),
    M("action by tag", "SM403", CI, "checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "checkout@v7"),
    M(
        "action by branch",
        "SM403",
        DEPLOY,
        "trivy-action@ed142fd0673e97e23eac54620cfb913e5ce36c25 # v0.36.0",
        "trivy-action@master",
    ),
    M("action by a short commit", "SM403", DEPLOY, "@3d3c42e5aac5ba805825da76410c181273ba90b1", "@3d3c42e"),
    M("commit without its version", "SM403", DEPLOY, " # v7.0.1", ""),
    M("permissions at the top", "SM404", CI, "permissions: {}", "permissions:\n  contents: write"),
    M("no permissions at the top", "SM404", DEPLOY, "permissions: {}\n", ""),
    M("job that may push code", "SM404", CI, "contents: read # to check out", "contents: write"),
    M(
        "sign-in without a token",
        "SM404",
        ENVIRONMENT,
        "      id-token: write # to sign in to the cloud without secrets\n",
        "",
    ),
    M("key that stands twice", "SM405", "catalog-info.yaml", "kind: Component\n", "kind: Component\nkind: Component\n"),
    M("wrong indentation", "SM405", ".github/dependabot.yml", "    directory: /\n", "     directory: /\n"),
    M("blanks at the end", "SM405", "compose.yaml", "    build: .\n", "    build: . \n"),
    M("unquoted variable", "SM406", "scripts/smoke-test.sh", '"$', "$"),
    M("goes on after a failure", "SM406", "scripts/deploy.sh", "set -euo pipefail", "set -u"),
    M("variable that nobody sets", "SM406", "scripts/test-image.sh", "engine=${CONTAINER", "engines=${CONTAINER"),
    M("no time limit", "SM407", CI, "    timeout-minutes: 15\n", ""),
    M(
        "failure swallowed",
        "SM407",
        CI,
        "      - name: Test\n",
        "      - name: Test\n        continue-on-error: true\n",
    ),
)
