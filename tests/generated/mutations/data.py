"""Faults of a service with a database: secrets as files, jobs, schedules, alerts."""

from __future__ import annotations

from functools import partial

from tests.generated.mutations._mutation import BASE, PROD, Mutation

D = partial(Mutation, service="data_api")
A = partial(Mutation, service="data_api on azure")
CLASS = f"{BASE}secret-provider-class-database.yaml"
JOB = f"{BASE}migration-job.yaml"
MUTATIONS = (
    D("secrets by IRSA", "SM203", CLASS, '    usePodIdentity: "true"\n', ""),
    D(
        "secret of the store as Secret of the cluster",
        "SM203",
        CLASS,
        "  provider: aws\n",
        "  provider: aws\n  secretObjects: []\n",
    ),
    D("misspelt alias of a file", "SM203", CLASS, "objectAlias:", "objectAliases:"),
    D("parameter that no provider knows", "SM201", CLASS, "    region:", "    regions:"),
    A("secrets read as the node", "SM203", CLASS, 'useVMManagedIdentity: "false"', 'useVMManagedIdentity: "true"'),
    A("secrets without an identity", "SM201", CLASS, "    clientID: replaced-by-kustomize\n", ""),
    D(
        "class that does not exist",
        "SM208",
        JOB,
        "secretProviderClass: orders-database-admin",
        "secretProviderClass: orders-admin",
    ),
    D(
        "account that does not exist",
        "SM208",
        JOB,
        "serviceAccountName: orders-migrate",
        "serviceAccountName: orders-migration",
    ),
    D(
        "mount that nothing fills",
        "SM213",
        JOB,
        "        - name: database-admin\n          csi:",
        "        - name: admin\n          csi:",
    ),
    D("job that restarts its pod for ever", "SM204", JOB, "restartPolicy: Never", "restartPolicy: Always"),
    D("job as root", "SM217", JOB, "        runAsNonRoot: true\n        runAsUser: 10001", "        runAsUser: 0"),
    D(
        "job without a limit of memory",
        "SM212",
        JOB,
        "            limits:\n              memory: 256Mi\n",
        "            limits:\n",
    ),
    D(
        "misspelt field of a schedule",
        "SM202",
        f"{BASE}backup-cron-job.yaml",
        "concurrencyPolicy:",
        "concurencyPolicy:",
    ),
    D(
        "image of the job without digest",
        "SM215",
        f"{PROD}kustomization.yaml",
        '          - "spec.template.spec.containers.[name=migrate].image"\n',
        "",
    ),
    D(
        "jobs on a host that nothing names",
        "SM305",
        f"{PROD}kustomization.yaml",
        "fieldPath: data.database_primary_host",
        "fieldPath: data.region",
    ),
    D(
        "panel of a metric that is not there",
        "SM223",
        f"{PROD}dashboards/overview.json",
        "database_pool_connections",
        "database_connections",
    ),
    D("alert without a section in the runbook", "SM221", "docs/runbook.md", "## MigrationFailed\n", "## Migrations\n"),
)
