"""Errors as RFC 9457 problem details: one shape for every failure, whoever finds it.

In a handler: `raise ProblemError(409, "The order is already paid.")`.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from .request_id import current_request_id

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """The body of every error answer; it appears in the OpenAPI document."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(default="about:blank", description="URI that identifies the kind of problem.")
    title: str = Field(description="Short summary of the kind of problem.")
    status: int = Field(ge=400, le=599, description="The HTTP status code.")
    detail: str | None = Field(default=None, description="What went wrong this time.")
    request_id: str | None = Field(default=None, description="Quote this when asking for help.")
    errors: list[dict[str, str]] | None = Field(default=None, description="Each invalid input.")


class ProblemError(HTTPException):
    """Raise it anywhere below the application to answer with a problem."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str = "about:blank",
        headers: Mapping[str, str] | None = None,
        **members: object,
    ) -> None:
        super().__init__(status, detail, headers)
        self.kind = kind
        self.members = members


def problem_response(
    status: int,
    detail: str | None = None,
    *,
    kind: str = "about:blank",
    headers: Mapping[str, str] | None = None,
    members: Mapping[str, object] | None = None,
) -> JSONResponse:
    """The response for a problem; middleware sends it without a route being involved."""
    body: dict[str, object] = {"type": kind, "title": _title(status), "status": status}
    if detail:
        body["detail"] = detail
    if request_id := current_request_id():
        body["request_id"] = request_id
    return JSONResponse({**body, **(members or {})}, status, headers, MEDIA_TYPE)


def install_problem_handlers(app: FastAPI) -> None:
    """Replace FastAPI's own error shapes."""
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_input)


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


async def _on_http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 registered for this type only
    if isinstance(error, ProblemError):
        return problem_response(
            error.status_code,
            error.detail,
            kind=error.kind,
            headers=error.headers,
            members=error.members,
        )
    # Starlette fills `detail` with the phrase when nobody gave one: no need to say it twice.
    detail = None if error.detail == _title(error.status_code) else str(error.detail)
    return problem_response(error.status_code, detail, headers=error.headers)


async def _on_invalid_input(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 registered for this type only
    errors = [_describe(fault) for fault in error.errors()]
    return problem_response(422, "The request is not valid.", members={"errors": errors})


def _describe(fault: Mapping[str, Any]) -> dict[str, str]:
    """Say where and why, and never repeat the input: it may be a secret, or an attack."""
    location: Sequence[str | int] = fault["loc"]
    place, path = str(location[0]), location[1:]
    if place == "body":
        # RFC 6901: "~" and "/" are escaped inside a JSON pointer.
        parts = (str(part).replace("~", "~0").replace("/", "~1") for part in path)
        return {"detail": str(fault["msg"]), "pointer": "#" + "".join(f"/{part}" for part in parts)}
    return {"detail": str(fault["msg"]), "in": place, "name": ".".join(map(str, path))}
