"""The API as an OpenAPI document, made from its routes and the types of their answers.

Source: https://spec.openapis.org/oas/v3.1.1.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

import mtg
from mtg.control.route import Route
from mtg.control.schemas import Error

ERRORS_OF_ALL = {
    400: "the request isn't as expected",
    401: "over TCP: the token is missing or wrong",
    403: "over TCP: the configuration has no token",
    408: "the request's body came too late",
    413: "the request's body is too large",
    500: "a bug; the log says more",
    503: "too many requests at once",
}
_OF_BODIES = (408, 413)


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the document, ready to be encoded."""
    routes = tuple(routes)
    kinds = [kind for route in routes for kind in (route.answer, route.body) if kind not in (None, dict)]
    _, components = msgspec.json.schema_components((Error, *kinds), ref_template="#/components/schemas/{name}")
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "mtg", "version": mtg.__version__, "description": "The running proxy, asked and changed."},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "over TCP only"}},
        },
        "security": [{"token": []}],
    }


def errors_of(route: Route) -> dict[int, str]:
    """Return the meaning of each error that a request may have."""
    left_out = () if route.body else _OF_BODIES
    shared = {status: text for status, text in ERRORS_OF_ALL.items() if status not in left_out}
    return dict(sorted({**shared, **route.errors}.items()))


def _operation(route: Route) -> dict[str, Any]:
    name = re.sub(r"\W+", "_", f"{route.method.lower()}{route.path}").strip("_")
    responses = {str(route.status): _response("done", route.content_type, _schema(route.answer))}
    for content_type in route.other_content_types:
        responses[str(route.status)]["content"][content_type] = {"schema": {"type": "string"}}
    for status, text in errors_of(route).items():
        responses[str(status)] = _response(text, "application/json", _schema(Error))
    operation: dict[str, Any] = {"operationId": name, "summary": route.summary, "responses": responses}
    parameters = [
        *({"in": "path", "name": key, "required": True, **_text(help_)} for key, help_ in route.path_help.items()),
        *({"in": "query", "name": key, **_text(help_)} for key, help_ in route.query_help.items()),
    ]
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _schema(route.body)}},
        }
    if route.is_open:
        operation["security"] = [{}, {"token": []}]
    return operation


def _response(description: str, content_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {content_type: {"schema": schema}}}


def _schema(kind: Any) -> dict[str, Any]:
    if kind is None:
        return {"type": "string"}
    return {"type": "object"} if kind is dict else {"$ref": f"#/components/schemas/{kind.__name__}"}


def _text(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}
