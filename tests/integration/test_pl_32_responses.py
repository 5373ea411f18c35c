"""PL-32 with the official SDK: conversations that two gateways keep in one database, whichever provider answers."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from tests.support.gateway import Gateway
from tests.support.manifests import Manifest, api_key, model, provider
from tests.support.planned import KEY as BED_KEY
from tests.support.planned import Bed
from tests.support.postgres import Postgres
from tests.support.provider import Provider

KEY, OTHER = "sk-test-stateful-1", "sk-test-stateful-2"
PROVIDERS = {"native": "openai", "claude": "anthropic", "gemini": "google", "chat": "openai-compatible"}
TOOL: dict[str, Any] = {
    "type": "function",
    "name": "add",
    "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}},
}

Client = Callable[..., openai.OpenAI]


def manifests(url: str) -> list[Manifest]:
    made = [api_key("one", KEY), api_key("two", OTHER)]
    for name, kind in PROVIDERS.items():
        made += provider(name, url, kind, credential=f"sk-{name}")
        made.append(model(name, f"{name}/echo"))
        made.append(model(f"{name}-tools", f"{name}/thinks"))
    second = {"providerRef": {"name": "native"}, "model": "echo", "priority": 1}
    made.append(model("failing-over", "claude/status-503", second))
    return made


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    made = Provider(tmp_path_factory.mktemp("fake") / "log")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def gateways(tmp_path_factory: pytest.TempPathFactory, fake: Provider) -> Iterator[list[Gateway]]:
    """Two replicas with one database."""
    database = Postgres().start()
    url = database.url()
    made = [Gateway(tmp_path_factory.mktemp("gateway"), response_store=url, workers=1) for _ in range(2)]
    for gateway in made:
        gateway.start(manifests(fake.url))
    yield made
    for gateway in made:
        gateway.drop()
    database.stop()


@pytest.fixture(scope="module")
def client(gateways: list[Gateway]) -> Iterator[Client]:
    made: dict[tuple[str, int], openai.OpenAI] = {}

    def make(key: str = KEY, replica: int = 0) -> openai.OpenAI:
        if (key, replica) not in made:
            made[key, replica] = openai.OpenAI(api_key=key, base_url=f"{gateways[replica].base_url}/v1", max_retries=0)
        return made[key, replica]

    yield make
    for one in made.values():
        one.close()


def user(text: str) -> dict[str, str]:
    return {"type": "message", "role": "user", "content": text}


def sent(fake: Provider, request_id: str) -> Any:
    """The body of the last attempt of a request."""
    return json.loads(fake.find(request_id)[-1].body)


@pytest.mark.parametrize("name", PROVIDERS)
def test_pl_32_three_turns_over_two_gateways(client: Client, fake: Provider, name: str) -> None:
    first = client().responses.create(model=name, input=f"{name}: one", instructions="be short")
    second = client(replica=1).responses.create(model=name, input="two", previous_response_id=first.id)
    headers = {"x-request-id": f"three-{name}"}
    third = client().responses.create(model=name, input="three", previous_response_id=second.id, extra_headers=headers)
    assert [turn.output_text for turn in (first, second, third)] == [f"{name}: one", "two", "three"]
    text = json.dumps(sent(fake, f"three-{name}"))
    said = [f"{name}: one", f"{name}: one", "two", "two", "three"]
    assert [text.count(f'"{word}"') for word in ("two", "three", f"{name}: one")] == [2, 1, 2], text
    assert "previous_response_id" not in text
    assert "be short" not in text
    places = [text.index(f'"{word}"') for word in dict.fromkeys(said)]
    assert places == sorted(places)


def test_pl_32_a_conversation_goes_on_with_another_provider_each_turn(client: Client, fake: Provider) -> None:
    previous = None
    for number, name in enumerate((*PROVIDERS, "native")):
        headers = {"x-request-id": f"wander-{number}"}
        turn = client().responses.create(model=name, input=f"turn {number}", previous_response_id=previous, extra_headers=headers)
        assert turn.output_text == f"turn {number}"
        previous = turn.id
    items = sent(fake, "wander-4")["input"]
    assert [item["role"] for item in items] == ["user", "assistant"] * 4 + ["user"]
    assert [item["content"] if isinstance(item["content"], str) else item["content"][0]["text"] for item in items] == [
        f"turn {number}" for number in (0, 0, 1, 1, 2, 2, 3, 3, 4)
    ]


@pytest.mark.parametrize("name", PROVIDERS)
def test_pl_32_the_result_of_a_tool_goes_with_the_call_that_asked_for_it(client: Client, fake: Provider, name: str) -> None:
    """Thoughts go with it where the provider signs them; the fakes refuse any that they have not signed."""
    asked = {"include": ["reasoning.encrypted_content"], "reasoning": {"effort": "low", "summary": "auto"}, "tools": [TOOL]}
    first = client().responses.create(model=f"{name}-tools", input=f"add for {name}", **asked)
    (call,) = [item for item in first.output if item.type == "function_call"]
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "42"}
    headers = {"x-request-id": f"tools-{name}"}
    second = client(replica=1).responses.create(
        model=f"{name}-tools", input=[result], previous_response_id=first.id, **asked, extra_headers=headers
    )
    assert second.status == "completed"
    assert second.output_text
    if name != "chat":  # which signs nothing
        signed = [item.encrypted_content for item in first.output if item.type == "reasoning" and item.encrypted_content]
        proofs = [text.partition("ostiary.")[2].partition(".")[2] or text for text in signed]
        assert proofs
        assert all(proof in json.dumps(sent(fake, f"tools-{name}")) for proof in proofs)


@pytest.mark.parametrize("name", PROVIDERS)
def test_pl_32_an_item_may_be_named_instead_of_told(client: Client, fake: Provider, name: str) -> None:
    """As the Vercel AI SDK does: it names what the model said and tells the rest."""
    first = client().responses.create(model=name, input=f"name it, {name}")
    said: Any = [user(f"name it, {name}"), {"type": "item_reference", "id": first.output[0].id}, user("two")]
    headers = {"x-request-id": f"named-{name}"}
    second = client(replica=1).responses.create(model="claude", input=said, extra_headers=headers)
    assert second.output_text == "two"
    assert [turn["role"] for turn in sent(fake, f"named-{name}")["messages"]] == ["user", "assistant", "user"]


@pytest.mark.parametrize("name", ["native", "claude"])
def test_pl_32_a_streamed_turn_can_be_gone_on_from_at_once(client: Client, name: str) -> None:
    one, two = client(), client(replica=1)
    for number in range(3):
        with one.responses.create(model=name, input=f"{name} streams {number}", stream=True) as events:
            last = next(event for event in events if event.type == "response.completed")
            second = two.responses.create(model=name, input="on", previous_response_id=last.response.id)
        assert second.output_text == "on"


def test_pl_32_unknown_responses_and_those_of_another_key_are_409(client: Client, gateways: list[Gateway]) -> None:
    mine = client().responses.create(model="claude", input="mine alone")
    for name, key in (("resp_none", KEY), (mine.id, OTHER)):
        with pytest.raises(openai.ConflictError) as caught:
            client(key).responses.create(model="claude", input="x", previous_response_id=name)
        assert caught.value.code == "ConversationStateNotFound"
        assert caught.value.param == "previous_response_id"
    headers = {"x-request-id": "conflict"}
    with pytest.raises(openai.ConflictError):
        client().responses.create(model="native", input="x", previous_response_id="resp_none", extra_headers=headers)
    record = gateways[0].record("conflict")
    assert (record["status"], record["error_type"], record["usage"], record["charged"]) == (409, "not_expressible", {}, "0")


def test_pl_32_store_false_keeps_nothing(client: Client) -> None:
    unkept = client().responses.create(model="claude", input="forget this", store=False)
    with pytest.raises(openai.ConflictError):
        client().responses.create(model="claude", input="x", previous_response_id=unkept.id)


def test_pl_32_every_attempt_has_the_whole_conversation(client: Client, fake: Provider) -> None:
    first = client().responses.create(model="gemini", input="begin to fail over")
    headers = {"x-request-id": "attempts"}
    second = client().responses.create(model="failing-over", input="go on", previous_response_id=first.id, extra_headers=headers)
    assert second.output_text == "go on"
    bodies = [attempt.body for attempt in fake.find("attempts")]
    assert len(bodies) >= 2
    assert all(b"begin to fail over" in body for body in bodies)


def test_pl_32_kept_responses_are_shown_listed_and_deleted(client: Client) -> None:
    first = client().responses.create(model="claude", input="show this")
    second = client().responses.create(model="claude", input="and this", previous_response_id=first.id)
    other = client(replica=1)
    assert other.responses.retrieve(first.id).output_text == "show this"
    assert other.responses.retrieve(second.id).previous_response_id == first.id
    assert [item.content for item in other.responses.input_items.list(second.id)] == ["and this"]  # type: ignore[union-attr]
    with pytest.raises(openai.NotFoundError):
        client(OTHER).responses.retrieve(first.id)
    other.responses.delete(first.id)
    for ask in (client().responses.retrieve, client().responses.delete):
        with pytest.raises(openai.NotFoundError):
            ask(first.id)
    with pytest.raises(openai.ConflictError):
        client().responses.create(model="claude", input="x", previous_response_id=second.id)


def test_pl_32_without_a_store_a_translated_conversation_is_refused_in_words(session_bed: Bed) -> None:
    asked = provider("no-store", session_bed.secondary.url, "anthropic", credential="sk-x")
    session_bed.gateway.apply(*asked, model("no-store", "no-store"), file="no-store")
    with openai.OpenAI(api_key=BED_KEY, base_url=f"{session_bed.gateway.base_url}/v1", max_retries=0) as sdk:
        with pytest.raises(openai.BadRequestError, match="this gateway keeps no responses") as caught:
            sdk.responses.create(model="no-store", input="x", previous_response_id="resp_1")
        assert caught.value.param == "previous_response_id"
        with pytest.raises(openai.NotFoundError):
            sdk.responses.retrieve("resp_1")
