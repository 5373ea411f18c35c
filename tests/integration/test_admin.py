"""The admin API of a whole gateway: what it changes counts for requests within a second, and only its own port has it (TP-24)."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support import sample
from tests.support.client import Reply, call
from tests.support.gateway import Gateway
from tests.support.process import free_port
from tests.support.provider import Provider
from tests.support.wait import until

ADMIN, VIEWER = "an-admin-token", "a-viewer-token"
EFFECTIVE_SECONDS = 1.5  # one second, and what a busy machine adds


class Desk:
    """A gateway, and somebody with a token at its admin port."""

    def __init__(self, gateway: Gateway, port: int) -> None:
        self.gateway = gateway
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, path: str, body: object = None, *, method: str = "", token: str = ADMIN) -> Reply:
        return call(self.url, f"/admin{path}", body, key=token, method=method)

    def made(self, **body: Any) -> Any:
        reply = self.ask("/keys", body)
        assert reply.status == 201, reply
        return reply.json

    def status(self, key: str, prefix: str = "open") -> int:
        return call(self.gateway.base_url, f"/{prefix}/echo", b"x", key=key).status

    def becomes(self, key: str, wanted: int, prefix: str = "open") -> float:
        """Seconds until the key is answered so."""
        start = time.monotonic()
        until(lambda: self.status(key, prefix) == wanted, f"the key gets {wanted}")
        return time.monotonic() - start


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[Desk]:
    folder, port = tmp_path_factory.mktemp("admin"), free_port()
    for name, token in (("admin", ADMIN), ("viewer", VIEWER)):
        (folder / name).write_text(f"{token}\n")
    tokens = {"admin_token_file": folder / "admin", "viewer_token_file": folder / "viewer"}
    gateway = Gateway(folder / "gateway", workers=1, admin_port=port, **tokens)
    gateway.start(sample.providers(provider.url))
    yield Desk(gateway, port)
    gateway.stop()


def test_tp_24_a_key_counts_within_a_second_of_its_creation_and_of_its_end(desk: Desk) -> None:
    key = desk.made(name="ann", spec={"owner": "Ann"})["key"]
    assert desk.becomes(key, 200) < EFFECTIVE_SECONDS
    assert desk.ask("/keys/default/ann", method="DELETE").status == 200
    assert desk.becomes(key, 403) < EFFECTIVE_SECONDS


def test_tp_24_a_regenerated_key_replaces_the_old_one_within_a_second(desk: Desk) -> None:
    old = desk.made(name="ben")["key"]
    desk.becomes(old, 200)
    new = desk.ask("/keys/default/ben/regenerate", method="POST").json["key"]
    assert desk.becomes(new, 200) < EFFECTIVE_SECONDS
    assert desk.status(old) == 403


def test_a_provider_of_the_api_is_called_within_a_second(desk: Desk, provider: Provider) -> None:
    key = desk.made(name="cyd")["key"]
    desk.becomes(key, 200)
    posted = desk.ask("/providers", {"name": "fresh", "spec": {"type": "openai", "baseURL": provider.url}})
    assert posted.status == 201
    assert desk.becomes(key, 200, prefix="fresh") < EFFECTIVE_SECONDS
    assert desk.ask("/providers/default/fresh", method="DELETE").status == 204
    assert desk.becomes(key, 404, prefix="fresh") < EFFECTIVE_SECONDS


def test_a_rule_between_fields_is_checked_at_once(desk: Desk) -> None:
    spec = {"type": "openai", "baseURL": "https://a.example", "prefix": "auth"}
    refused = desk.ask("/providers", {"name": "reserved", "spec": spec})
    assert (refused.status, "reserved for Ostiary" in refused.json["error"]["message"]) == (422, True)


def test_what_does_not_fit_the_others_is_told_by_the_status(desk: Desk) -> None:
    credential = {"secretRef": {"name": "not-there", "key": "key"}}
    spec = {"type": "openai", "baseURL": "https://a.example", "credential": credential}
    assert desk.ask("/providers", {"name": "poor", "spec": spec}).status == 201

    def condition() -> dict[str, str] | None:
        conditions = desk.ask("/providers/default/poor").json["status"].get("conditions", [])
        return next((each for each in conditions if each["status"] == "False"), None)

    assert "not-there" in until(condition, "the compiler has said no")["message"]
    assert desk.ask("/providers/default/poor", method="DELETE").status == 204


def test_requests_are_found_by_their_id_and_added_up(desk: Desk) -> None:
    key = desk.made(name="dan", spec={"owner": "Dan"})["key"]
    desk.becomes(key, 200)
    call(desk.gateway.base_url, "/open/echo", b"x", key=key, headers={"x-request-id": "find-me"})
    (record,) = until(lambda: desk.ask("/usage/records?request_id=find-me", token=VIEWER).json["items"], "the record is there")
    assert (record["key_id"], record["owner"], record["status"]) == ("default/dan", "Dan", 200)
    assert record == desk.gateway.record("find-me")
    (row,) = until(lambda: desk.ask("/usage?key=default/dan", token=VIEWER).json["items"], "the request is added up")
    assert (row["name"], row["requests"] >= 1) == ("default/dan", True)


def test_a_posting_is_in_the_ledger_when_it_is_answered(desk: Desk) -> None:
    given = {"kind": "credit", "account": "key/default/ann", "amount": "2.50", "reason": "a present"}
    posted = desk.ask("/postings", given)
    assert (posted.status, posted.json["actor"]) == (201, "admin")
    assert desk.ask("/postings?account=key/default/ann", token=VIEWER).json["items"] == [posted.json]


def test_the_statement_is_told_to_viewers(desk: Desk) -> None:
    said = desk.ask("/statement", token=VIEWER).json
    assert {"cursor", "keys", "budgets", "unpriced", "sharing"} <= said.keys()
    assert desk.ask("/unpriced", token=VIEWER).json["items"] == [{"model": model} for model in said["unpriced"]]


def test_tp_24_who_has_no_token_is_told_nothing_and_a_viewer_changes_nothing(desk: Desk) -> None:
    assert [desk.ask("/keys", token=token).status for token in ("", "wrong", "sk-1", VIEWER, ADMIN)] == [401, 401, 401, 200, 200]
    assert desk.ask("/keys", {"name": "eve"}, token=VIEWER).status == 403
    assert desk.ask("/keys/default/eve").status == 404


@pytest.mark.parametrize(
    "path", ["/admin/keys", "/admin/openapi.json", "/admin/statement", "/v1/admin/keys", "//admin/keys", "/admin"]
)
def test_tp_24_no_other_port_has_the_admin_api(desk: Desk, path: str) -> None:
    for url in (desk.gateway.base_url, desk.gateway.sidecar_url):
        for method in ("GET", "POST"):
            answer = call(url, path, b"{}" if method == "POST" else None, key=ADMIN, method=method)
            assert answer.status in {400, 401, 403, 404, 405}, (url, answer)
            assert b"items" not in answer.body


def test_nothing_that_was_logged_or_kept_has_a_key_or_a_token_in_it(desk: Desk) -> None:
    key = desk.made(name="fay")["key"]
    desk.becomes(key, 200)
    kept = [path for folder in (desk.gateway.manifests, desk.gateway.data) for path in folder.rglob("*") if path.is_file()]
    everything = b"".join(path.read_bytes() for path in kept) + desk.gateway.output.encode()
    for secret in (key, ADMIN, VIEWER):
        assert secret.encode() not in everything


PRICE = {"inputPerMillionTokens": "1", "outputPerMillionTokens": "2", "perRequest": "0.003"}


def test_a_credit_lets_a_key_go_on_whose_budget_is_used_up(desk: Desk) -> None:
    backends = [{"providerRef": {"name": "openai"}, "model": "echo"}]
    model = {"name": "priced", "spec": {"backends": backends, "price": PRICE, "limits": {"maxOutputTokens": 100}}}
    assert desk.ask("/models", model).status == 201
    key = desk.made(name="poor", spec={"budget": {"amount": "0.01"}})["key"]
    chat = {"model": "priced", "messages": [{"role": "user", "content": "hello"}]}

    def status() -> int:
        return call(desk.gateway.base_url, "/v1/chat/completions", chat, key=key).status

    until(lambda: status() == 200, "the key and the model count")
    until(lambda: status() == 402, "the budget is used up")
    given = {"kind": "credit", "account": "key/default/poor", "amount": "1", "reason": "a present"}
    assert desk.ask("/postings", given).status == 201
    until(lambda: status() == 200, "the credit counts", EFFECTIVE_SECONDS)
    said = desk.ask("/statement", token=VIEWER).json["keys"]["default/poor"]
    assert said["spent"].startswith("-0.9")
