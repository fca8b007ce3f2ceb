"""Services whose whole output is committed, so that a review shows what a change generates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parent / "golden"

SERVICES: dict[str, dict[str, Any]] = {
    "orders": {"patterns": ["web_api"], "cloud": "aws"},
    "order-events-api": {
        "patterns": ["web_api"],
        "cloud": "aws",
        "region": "us-east-1",
        "owner": "team-payments",
        "assignments": [
            "ingress.domain=shop.example",
            "ingress.exposure=internal",
            "delivery.organization=shop",
            "prod.scaling.max_replicas=40",
            "dev.telemetry.trace_sample_ratio=0.5",
        ],
    },
    "invoices": {"patterns": ["background_worker"], "cloud": "aws"},
    "parcels": {
        "patterns": ["web_api", "background_worker"],
        "cloud": "azure",
        "region": "northeurope",
        "owner": "team-shipping",
        "assignments": ["queue.ordered=true", "ingress.domain=shop.example"],
    },
    "accounts": {"patterns": ["data_api"], "cloud": "aws"},
    "ledgers": {
        "patterns": ["data_api"],
        "cloud": "azure",
        "region": "northeurope",
        "owner": "team-ledgers",
        "assignments": ["database.pooler=true", "dev.database.pooler=false", "prod.database.replicas=2"],
    },
}
