"""Applies the limit and reports it in the RateLimit fields of draft-ietf-httpapi-ratelimit-headers.

RateLimit-Policy: "default";q=600;w=60     600 requests (q) in 60 seconds (w)
RateLimit: "default";r=41;t=77             41 left (r); all are back after 77 quiet seconds (t)
Retry-After: 3                             with 429: when one request will pass
"""

from prometheus_client import Counter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..probes import PATHS as PROBES
from ..problems import problem_response
from .client import client_address, client_key
from .limiter import Limiter

REJECTIONS = Counter("rate_limit_rejections_total", "Requests refused with 429.")

QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"


class RateLimitMiddleware:
    """One limit for each client. Once callers authenticate, count by subject instead."""

    def __init__(
        self, app: ASGIApp, limiter: Limiter, limit: int, window: int, trusted_hops: int
    ) -> None:
        self.app = app
        self.limiter = limiter
        self.trusted_hops = trusted_hops
        self.policy = (b"ratelimit-policy", b'"default";q=%d;w=%d' % (limit, window))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self.app(scope, receive, send)
            return
        address = scope["client_address"] = client_address(scope, self.trusted_hops)
        decision = await self.limiter.hit(client_key(address))
        state = (b"ratelimit", b'"default";r=%d;t=%d' % (decision.remaining, decision.reset))

        async def send_with_quota(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), self.policy, state]
            await send(message)

        if decision.allowed:
            await self.app(scope, receive, send_with_quota)
            return
        REJECTIONS.inc()
        refusal = problem_response(
            429,
            f"Too many requests; try again in {decision.retry_after} seconds.",
            kind=QUOTA_EXCEEDED,
            headers={"retry-after": str(decision.retry_after)},
            members={"violated-policies": ["default"]},
        )
        await refusal(scope, receive, send_with_quota)
