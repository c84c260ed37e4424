"""The API's description is a valid OpenAPI document, and has all requests."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import validate

from mtg.control.openapi import document
from mtg.control.route import RequestError
from mtg.control.routes import ROUTES, find

DOCUMENT: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document(ROUTES)))


def test_a_validator_accepts_it() -> None:
    validate(DOCUMENT)


def test_every_request_is_in_it_once() -> None:
    described = {(method.upper(), path) for path, operations in DOCUMENT["paths"].items() for method in operations}
    assert described == {(route.method, route.path) for route in ROUTES}
    assert len(described) == len(ROUTES)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_all_parts_of_a_path_are_explained_and_found(route: Any) -> None:
    assert set(re.findall(r"\{(\w+)\}", route.path)) == set(route.path_help)
    found = find(route.method, re.sub(r"\{\w+\}", "a-b_1", route.path))
    assert found == (route, dict.fromkeys(route.path_help, "a-b_1"))


def test_everything_that_an_answer_has_is_explained() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert schema["description"], name
        for field, described in schema["properties"].items():
            assert described.get("description"), f"{name}.{field}"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v1/status/", 404),
        ("GET", "/v1/connections/a/b", 404),
        ("GET", "/v1/connections/a", 405),
        ("PUT", "/stats", 405),
        ("get", "/stats", 405),
    ],
)
def test_what_is_not_in_it_is_not_found(method: str, path: str, status: int) -> None:
    found = find(method, path)
    assert isinstance(found, RequestError)
    assert found.status == status
