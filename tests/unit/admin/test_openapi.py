"""The OpenAPI document: what it says is what is served, tried with made-up requests by schemathesis."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import schemathesis
from aiohttp import web
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks
from tests.support.client import call
from tests.support.process import free_port
from tests.unit.admin.rig import ADMIN, Rig
from tests.unit.admin.test_objects import BODIES

TOKEN = {"Authorization": f"Bearer {ADMIN}"}
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.unsupported_method,
    checks.allow_header_conformance,
    checks.ignored_auth,
    checks.use_after_free,
    checks.ensure_resource_availability,
]


@contextmanager
def in_a_thread(app: web.Application) -> Iterator[str]:
    """The API on a socket and an event loop of its own: schemathesis waits for its answers. Yields its address."""
    port, ready = free_port(), threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        ready.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    """With one object of each kind to find, `default/one`."""
    rig = Rig(tmp_path_factory.mktemp("admin"))
    with in_a_thread(rig.app()) as url:
        for kind, spec in BODIES.items():
            assert call(url, f"/admin/{kind}", {"name": "one", "spec": spec}, headers=TOKEN).status == 201
        yield schemathesis.openapi.from_url(f"{url}/admin/openapi.json", headers=TOKEN)


def tried(schema, mode, examples, **fixed):
    """Requests to every operation; which of its statuses it answered with, by its method and path."""
    statuses = {}
    for found in schema.get_all_operations():
        operation = found.ok()
        parameters = {"path_parameters": fixed} if fixed and "{name}" in operation.path else {}
        statuses[operation.label] = asked(operation.as_strategy(generation_mode=mode, **parameters), examples)
    return statuses


def asked(cases, examples):
    statuses = set()

    @settings(
        max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None, phases=[Phase.generate]
    )
    @given(case=cases)
    def ask(case):
        statuses.add(case.call_and_validate(headers=TOKEN, checks=CHECKS).status_code)

    ask()
    return statuses


def test_the_document_is_openapi_and_tells_every_resource(schema):
    schema.validate()
    labels = {found.ok().label for found in schema.get_all_operations()}
    for kind in ("keys", "providers", "models", "budgets"):
        assert {f"GET /admin/{kind}", f"POST /admin/{kind}"} <= labels
        assert {f"{method} /admin/{kind}/{{namespace}}/{{name}}" for method in ("GET", "PUT", "DELETE")} <= labels
    others = {"usage", "usage/records", "postings", "unpriced", "statement"}
    assert {f"GET /admin/{path}" for path in others} <= labels


def test_requests_as_the_document_wants_them_get_what_it_promises(schema):
    statuses = tried(schema, GenerationMode.POSITIVE, 2, namespace="default", name="one")
    found = [label for label in statuses if label.startswith("GET ") and "{name}" in label]
    assert len(found) == len(BODIES)
    assert all(200 in statuses[label] for label in found)
    assert all(max(seen) < 500 for seen in statuses.values())


def test_requests_that_the_document_does_not_allow_are_refused(schema):
    for label, seen in tried(schema, GenerationMode.NEGATIVE, 2).items():
        assert max(seen) < 500, label
