"""An application for tests, with routes that misbehave in every way the layers must handle."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from httpx import ASGITransport, AsyncClient

from accounts.app import Routes, create_app
from accounts.problems import ProblemError
from accounts.routes import include_routes
from accounts.settings import Settings
from accounts.tracing import close_tracing


@asynccontextmanager
async def client_for(
    settings: Settings, routes: Routes = include_routes, peer: str = "192.0.2.1"
) -> AsyncIterator[AsyncClient]:
    """A client of an application that has been started, without a socket between them."""
    app = create_app(settings, routes)
    async with app.router.lifespan_context(app):
        transport = ASGITransport(app, client=(peer, 50000))
        async with AsyncClient(transport=transport, base_url="http://test") as client:
            client.app = app  # type: ignore[attr-defined]  # tests that steer the application
            yield client
    close_tracing(app.state.tracer_provider)


def misbehaving(app: FastAPI, _: Settings) -> None:
    """Routes below a nested prefix, as real services have them."""
    inner = APIRouter(prefix="/things")
    inner.add_api_route("/{number}", _number, methods=["GET"])
    inner.add_api_route("/{number}/crash", _crash, methods=["GET"])
    inner.add_api_route("/{number}/conflict", _conflict, methods=["GET"])
    inner.add_api_route("/slow/{seconds}", _slow, methods=["GET"])
    inner.add_api_route("/own-timeout", _own_timeout, methods=["POST"])
    inner.add_api_route("/stream", _stream, methods=["POST"])
    inner.add_api_route("/broken-stream", _broken_stream, methods=["POST"])
    inner.add_api_route("/size", _size, methods=["POST"])
    inner.add_api_route("/slow-after-body", _slow_after_body, methods=["POST"])
    inner.add_api_route("/endless", _endless, methods=["POST"])
    inner.add_api_route("/cached", _cached, methods=["POST"])
    app.include_router(inner, prefix="/v1")


async def _number(number: int) -> dict[str, int]:
    return {"number": number}


async def _crash(number: int) -> None:
    raise RuntimeError(f"boom {number}")


async def _conflict(number: int) -> None:
    raise ProblemError(409, "Already there.", kind="https://example.com/taken", number=number)


async def _slow(seconds: float) -> dict[str, float]:
    await asyncio.sleep(seconds)
    return {"slept": seconds}


async def _own_timeout() -> None:
    raise TimeoutError("of the handler")


async def _stream() -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b"begin "
        await asyncio.sleep(0.15)
        yield b"end"

    return StreamingResponse(parts())


async def _broken_stream() -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b"begin "
        raise RuntimeError("in the middle")

    return StreamingResponse(parts())


async def _size(request: Request) -> dict[str, int]:
    return {"size": len(await request.body())}


async def _slow_after_body(request: Request) -> None:
    await request.body()
    await asyncio.sleep(60)


async def _endless() -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        while True:
            yield b"more "
            await asyncio.sleep(0.05)

    return StreamingResponse(parts())


async def _cached() -> Response:
    return Response("{}", headers={"cache-control": "max-age=60"}, media_type="application/json")
