"""Everything that a worker works with."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opentelemetry.trace import NoOpTracer, Tracer

from ..idempotency_keys import IdempotencyStore
from ..lifecycle import Lifecycle
from ..queue import Queue
from ..settings import Settings
from .reachability import Reachability
from .registry import Registry
from .vitals import Vitals

if TYPE_CHECKING:
    from ..tasks.resources import Resources


@dataclass(frozen=True, kw_only=True)
class Equipment:
    """One for each worker. Tests replace the clock, the dice and whatever else they like."""

    settings: Settings
    queue: Queue
    store: IdempotencyStore
    registry: Registry
    resources: "Resources"
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    tracer: Tracer = field(default_factory=NoOpTracer)
    reachability: Reachability = field(default_factory=Reachability)
    vitals: Vitals = field(default_factory=Vitals)
    clock: Callable[[], float] = time.time
    """UNIX seconds, as in `Message.sent_at`; durations are measured by the event loop's clock."""
    rand: Callable[[], float] = random.random
