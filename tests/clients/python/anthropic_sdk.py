"""The official `anthropic` package: Messages."""

from collections.abc import Sequence
from typing import Any

from anthropic import AsyncAnthropic
from cells import SYSTEM, Dish, Order, Refused, Said, Tool, Worked, run, status_of

_QUESTION = "What will the weather be?"
_LIMIT = 1024
REFUSALS = {
    400: (400, "BadRequestError"), 401: (401, "AuthenticationError"), 403: (403, "PermissionDeniedError"),
    404: (404, "NotFoundError"), 413: (413, "ContentTooLargeError"), 429: (429, "RateLimitError"),
    500: (500, "InternalServerError"),
    503: (503, "ServiceUnavailableError"), 529: (529, "OverloadedError"),
}  # fmt: skip


class Messages:
    name = "anthropic-python"
    refusals = REFUSALS
    broken = ("APIStatusError",)

    def __init__(self, order: Order) -> None:
        self._order = order
        self._client = AsyncAnthropic(base_url=order.base_url, api_key=order.key, max_retries=0)
        self._messages = self._client.messages

    def others(self) -> dict[str, Any]:
        return {"models": self._models, "count_tokens": self._count}

    async def _models(self, target: Any) -> None:
        model = target["models"]["echo"]
        assert model in [one.id async for one in self._client.models.list()]
        assert (await self._client.models.retrieve(model)).id == model

    async def _count(self, target: Any) -> None:
        """The provider's own count, or an estimate that says so."""
        counted = await self._messages.with_raw_response.count_tokens(model=target["models"]["echo"], messages=_user("Grüße!"))
        assert (await counted.parse()).input_tokens > 0
        assert (counted.headers.get("x-ostiary-estimated") == "true") is not target["counts"], counted.headers

    async def say(self, model: str, text: str) -> Said:
        answer = await self._messages.create(model=model, max_tokens=_LIMIT, system=SYSTEM, messages=_user(text))
        assert (answer.type, answer.role, answer.stop_reason) == ("message", "assistant", "end_turn"), answer
        return Said(_text(answer), _tokens(answer))

    async def stream(self, model: str, text: str) -> Said:
        said, _ = await self._streamed(model, _user(text), ())
        return said

    async def work(self, model: str, tools: Sequence[Tool]) -> Worked:
        messages = _user(_QUESTION)
        answer = await self._messages.create(model=model, max_tokens=_LIMIT, messages=messages, tools=_tools(tools))
        messages += self._turn(answer)
        last = await self._messages.create(model=model, max_tokens=_LIMIT, messages=messages, tools=_tools(tools))
        return Worked(_calls(answer), Said(_text(last), None))

    async def stream_work(self, model: str, tools: Sequence[Tool]) -> Worked:
        messages = _user(_QUESTION)
        _, answer = await self._streamed(model, messages, tools)
        said, _ = await self._streamed(model, [*messages, *self._turn(answer)], tools)
        return Worked(_calls(answer), said)

    async def look(self, model: str, image: str) -> Said:
        source = {"type": "base64", "media_type": "image/png", "data": image}
        content = [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]
        messages: list[Any] = [{"role": "user", "content": content}]
        return Said(_text(await self._messages.create(model=model, max_tokens=_LIMIT, messages=messages)), None)

    async def shape(self, model: str) -> object:
        asked = _user("A dish, please.")
        return (await self._messages.parse(model=model, max_tokens=_LIMIT, messages=asked, output_format=Dish)).parsed_output

    async def leave(self, model: str) -> int:
        pieces = 0
        async with self._messages.stream(model=model, max_tokens=_LIMIT, messages=_user("hello")) as stream:
            async for _ in stream.text_stream:
                pieces += 1
                if pieces == 2:
                    break
        return pieces

    def refused(self, error: Exception) -> Refused:
        return status_of(error)

    async def _streamed(self, model: str, messages: list[Any], tools: Sequence[Tool]) -> tuple[Said, Any]:
        more: Any = {"tools": _tools(tools)} if tools else {}
        async with self._messages.stream(model=model, max_tokens=_LIMIT, messages=messages, **more) as stream:
            pieces = [piece async for piece in stream.text_stream]
            answer = await stream.get_final_message()
        assert "".join(pieces) == _text(answer), (pieces, answer)
        return Said(_text(answer), _tokens(answer), len(pieces)), answer

    def _turn(self, answer: Any) -> list[Any]:
        assert answer.stop_reason == "tool_use", answer.stop_reason
        ids = [block.id for block in answer.content if block.type == "tool_use"]
        results = [{"type": "tool_result", "tool_use_id": number, "content": self._order.result} for number in ids]
        content = [block.model_dump(exclude_none=True, exclude={"parsed_output"}) for block in answer.content]
        return [{"role": "assistant", "content": content}, {"role": "user", "content": results}]


def _user(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def _tools(tools: Sequence[Tool]) -> list[Any]:
    return [{"name": tool.name, "description": tool.description, "input_schema": tool.parameters} for tool in tools]


def _calls(answer: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(block.name, block.input) for block in answer.content if block.type == "tool_use"]


def _text(answer: Any) -> str:
    return "".join(block.text for block in answer.content if block.type == "text")


def _tokens(answer: Any) -> tuple[int, int]:
    return answer.usage.input_tokens, answer.usage.output_tokens


if __name__ == "__main__":
    run(Messages)
