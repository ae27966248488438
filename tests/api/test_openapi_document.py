"""The OpenAPI document is whole, and the service keeps to it whatever is sent."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import requests
import schemathesis
from http_help import Served, finished, served, upload
from hypothesis import HealthCheck, Phase, given, settings
from jsonschema import Draft202012Validator
from schemathesis import GenerationMode

from api.options import FIELDS

METHODS = ("get", "post", "patch", "delete", "put")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("fuzzed")
    with served(folder, "--uploads-per-minute", "1000000", "--queue-limit", "100000") as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Served) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.url, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def document(client: httpx2.Client) -> dict[str, Any]:
    return dict(client.get("/v1/openapi.json").json())


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield f"{method.upper()} {path}", operation


def test_every_error_is_a_problem(document: dict[str, Any]) -> None:
    for name, operation in _operations(document):
        errors = {s: r for s, r in operation["responses"].items() if s >= "400"}
        assert {"401", "403", "422", "500", "503"} <= set(errors), name
        assert ("404" in errors) == ("{recording}" in name), name
        for answer in errors.values():
            assert list(answer["content"]) == ["application/problem+json"], name
            content = answer["content"]["application/problem+json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
            assert content["example"]["detail_en"]
    problem = document["components"]["schemas"]["Problem"]
    assert {"type", "title", "status", "detail", "detail_en"} <= set(problem["required"])
    assert problem["examples"]


def test_every_operation_is_described(document: dict[str, Any]) -> None:
    operations = dict(_operations(document))
    assert len(operations) >= 20
    for name, operation in operations.items():
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["tags"], name
    ids = [operation["operationId"] for operation in operations.values()]
    assert len(set(ids)) == len(ids)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def check(value: Any) -> None:
        if isinstance(value, dict):
            target = value.get("$ref")
            if isinstance(target, str):
                found: Any = document
                for part in target.removeprefix("#/").split("/"):
                    found = found[part]
            for inner in value.values():
                check(inner)
        elif isinstance(value, list):
            for inner in value:
                check(inner)

    check(document)


def test_the_form_names_every_option(document: dict[str, Any]) -> None:
    body = document["paths"]["/v1/recordings"]["post"]["requestBody"]["content"]
    form = body["multipart/form-data"]["schema"]
    assert set(form["properties"]) == {"file", *FIELDS}
    assert form["required"] == ["file"]


def test_answers_are_as_described(client: httpx2.Client, document: dict[str, Any]) -> None:
    made = upload(client, b"urgent call")
    done = finished(client, made["id"])
    assert done["urgent"] is True
    base = f"/v1/recordings/{made['id']}"
    for path, answer in (
        ("/v1/recordings/{recording}", client.get(base)),
        ("/v1/recordings", client.get("/v1/recordings")),
        ("/v1/recordings/{recording}/review", client.get(base + "/review")),
        ("/v1/recordings/{recording}/waveform", client.get(base + "/waveform")),
        ("/v1/recordings/{recording}/report", client.get(base + "/report")),
        ("/v1/health", client.get("/v1/health")),
        ("/v1/session", client.get("/v1/session")),
    ):
        described = document["paths"][path]["get"]["responses"]["200"]["content"]
        schema = described["application/json"]["schema"] | {"components": document["components"]}
        Draft202012Validator(schema).validate(answer.json())
    refused = client.get("/v1/recordings/none").json()
    Draft202012Validator(document["components"]["schemas"]["Problem"]).validate(refused)


def _ask_everything(server: Served, document: dict[str, Any], examples: int) -> set[int]:
    """Send what the document allows, and what it does not; return the statuses that came."""
    schema = schemathesis.openapi.from_dict(document)
    statuses: set[int] = set()
    with httpx2.Client(base_url=server.url, timeout=60) as client:
        known = upload(client, b"a call to fuzz")["id"]
        finished(client, known)
    session, turn = requests.Session(), itertools.cycle((True, False, True))
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path.endswith(("/evidence", "/clips/{flag}", "/text")):
            continue  # these keep workers busy; asked elsewhere

        @settings(
            max_examples=examples, deadline=None, database=None, derandomize=True,
            suppress_health_check=list(HealthCheck), phases=[Phase.generate],
        )  # fmt: skip
        @_given(operation)
        def ask(case: Any) -> None:
            places = case.path_parameters or {}
            if "recording" in places and case.method != "DELETE" and next(turn):
                places["recording"] = known  # so that not all ends with 404
            try:
                answer = case.call(base_url=server.url, session=session)
            except (UnicodeError, ValueError, requests.RequestException):
                return  # no client can send that
            statuses.add(answer.status_code)
            assert answer.status_code < 500, f"{case.method} {case.path}: {answer.text[:300]}"
            if answer.status_code >= 400 and b"Invalid HTTP request" not in answer.content:
                assert answer.headers["content-type"] == ["application/problem+json"]
                assert json.loads(answer.content)["detail_en"]

        ask()
    return statuses


def _given(operation: Any) -> Any:
    allowed = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if not (operation.query or operation.path_parameters or operation.headers or operation.body):
        return given(case=allowed)  # nothing in it could be wrong
    return given(case=allowed | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))


def test_nothing_that_is_sent_breaks_the_service(server: Served, document: dict[str, Any]) -> None:
    assert {200, 204, 404, 422} <= _ask_everything(server, document, 12)


@pytest.mark.slow
def test_much_that_is_sent_breaks_nothing(server: Served, document: dict[str, Any]) -> None:
    assert 422 in _ask_everything(server, document, 60)
