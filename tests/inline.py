"""A small library as an inline tree, for tests of single stages."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

MINIMAL_LIBRARY = {
    "library/infrastructure-patterns.yaml": """
        version: 1
        patterns:
          web:
            title: Web
            version: 1.0.0
            summary: Serves.
            use_when: [always]
            avoid_when: [never]
            capabilities: [http]
          jobs:
            title: Jobs
            version: 2.1.0
            summary: Works.
            use_when: [always]
            avoid_when: [never]
            capabilities: [queue]
            parameters:
              http.low: {default: 2, reason: Two is company.}
            conflicts:
              cron: {because: both own the clock, instead: make two services}
          cron:
            title: Cron
            version: 1.0.0
            summary: Ticks.
            use_when: [always]
            avoid_when: [never]
            capabilities: [http]
            parameters:
              http.low: {default: 3, reason: Three is a crowd.}
        parameters:
          http:
            http.low: {type: integer, default: 1, minimum: 1, maximum: 9, doc: Low., reason: One., unit: pods}
            http.high:
              type: integer
              default: 5
              environments: {prod: 8}
              doc: High.
              reason: Five.
            http.mode: {type: enum, default: fast, choices: [fast, slow], doc: Mode., reason: Speed.}
            http.open: {type: boolean, default: false, doc: Open., reason: Closed.}
            http.share: {type: number, default: 0.5, minimum: 0, maximum: 1, doc: Share., reason: Half.}
            http.zone: {type: string, default: a.example, pattern: "[a-z.]+", doc: Zone., reason: A.}
          queue:
            queue.depth: {type: integer, default: 7, doc: Depth., reason: Seven.}
        rules:
          low-below-high:
            require: http.low <= http.high
            because: the world would turn over
            instead: raise http.high
        """,
    "library/names.yaml": """
        names:
          - {resource: a namespace, template: "{name}-{environment}", maximum: 20, source: a page}
        """,
    "library/versions.yaml": """
        versions: {python: "3.13"}
        actions: {actions/checkout: 3d3c v7}
        """,
    "library/base/capability.yaml": """
        {name: base, title: Base, summary: Base., purpose: Base.}
        """,
    "library/capabilities/http/capability.yaml": """
        name: http
        title: HTTP
        summary: Speaks HTTP.
        purpose: Speaks.
        derived:
          http.twice: {value: http.low * 2, doc: Twice.}
          http.third: {value: http.twice / 3, doc: A third of that.}
        processes:
          - name: api
            ports: [{setting: APP_PORT, title: HTTP, default: http.high}]
        """,
    "library/capabilities/queue/capability.yaml": """
        {name: queue, title: Queue, summary: Queues., purpose: Queues., requires: [http]}
        """,
    "clouds/sky/cloud.yaml": """
        name: sky
        title: Sky
        default_region: up-1
        region_pattern: "[a-z]+-[0-9]"
        implements: [http, queue]
        """,
    "clouds/sky/capabilities/queue/capability.yaml": """
        python: {runtime: []}
        parameters:
          queue.tier: {type: enum, default: low, choices: [low, high], doc: Tier., reason: Low is near.}
        refinements:
          queue.depth: {maximum: 10, reason: Clouds are thin.}
        rules:
          deep-enough:
            require: queue.depth >= 2 or queue.tier == 'high'
            because: it would run dry
            instead: raise queue.depth
          fast-enough:
            require: queue.speed > queue.depth
            because: it would run over
            instead: choose another tier
        engines: [sqs]
        lookups:
          queue.tier:
            queue.speed: {doc: Speed., unit: messages, values: {low: 8, high: 80}}
          service.region:
            queue.reach: {doc: Reach., otherwise: 5, values: {low-1: 2}}
        """,
    "clouds/sea/cloud.yaml": """
        name: sea
        title: Sea
        default_region: deep-1
        region_pattern: "[a-z]+-[0-9]"
        implements: [http]
        unsupported:
          queue: {because: water does not queue, instead: use the sky}
        """,
}


def write_tree(root: Path, tree: Mapping[str, str]) -> Path:
    """Write `{path: text}` below a folder; texts are dedented."""
    for path, text in tree.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    return root
