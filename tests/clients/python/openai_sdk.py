"""The official `openai` package: Chat Completions and Responses."""

import json
from collections.abc import Awaitable, Sequence
from typing import Any

from cells import SYSTEM, Dish, Order, Refused, Said, Tool, Worked, run, status_of
from openai import APIError, AsyncOpenAI, BadRequestError

REFUSALS = {
    400: (400, "BadRequestError"), 401: (401, "AuthenticationError"), 403: (403, "PermissionDeniedError"),
    404: (404, "NotFoundError"), 413: (413, "APIStatusError"), 429: (429, "RateLimitError"), 500: (500, "InternalServerError"),
    503: (503, "InternalServerError"), 529: (503, "InternalServerError"),
}  # fmt: skip
_QUESTION = "What will the weather be?"


class Chat:
    name = "openai-python chat"
    refusals = REFUSALS
    broken = ("APIError",)

    def __init__(self, order: Order) -> None:
        self._order = order
        self._client = AsyncOpenAI(base_url=f"{order.base_url}/v1", api_key=order.key, max_retries=0)
        self._completions = self._client.chat.completions

    def others(self) -> dict[str, Any]:
        return {"models": self._models, "embeddings": self._embeddings}

    async def _models(self, target: Any) -> None:
        model = target["models"]["echo"]
        assert model in [one.id async for one in self._client.models.list()]
        assert (await self._client.models.retrieve(model)).id == model

    async def _embeddings(self, target: Any) -> None:
        asking = self._client.embeddings.create(model=target["models"]["echo"], input=["Zürich", "東京"])
        if not target["embeds"]:
            refusal = await _refusal(asking)
            assert "does not speak embeddings" in refusal, refusal
            return
        answer = await asking
        first, second = (row.embedding for row in answer.data)
        assert len(first) == len(second) > 1, answer
        assert first != second, answer
        assert answer.usage.prompt_tokens > 0, answer.usage

    async def say(self, model: str, text: str) -> Said:
        answer = await self._completions.create(model=model, messages=_messages(text))
        return Said(answer.choices[0].message.content or "", _chat_tokens(answer.usage))

    async def stream(self, model: str, text: str) -> Said:
        return (await self._streamed(model, _messages(text), ())).answer

    async def work(self, model: str, tools: Sequence[Tool]) -> Worked:
        messages = _messages(_QUESTION)
        answer = await self._completions.create(model=model, messages=messages, tools=_chat_tools(tools))
        message = answer.choices[0].message
        assert answer.choices[0].finish_reason == "tool_calls", answer.choices[0].finish_reason
        messages += [message, *self._results(call.id for call in message.tool_calls)]
        last = await self._completions.create(model=model, messages=messages, tools=_chat_tools(tools))
        calls = [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls]
        return Worked(calls, Said(last.choices[0].message.content or "", None))

    async def stream_work(self, model: str, tools: Sequence[Tool]) -> Worked:
        messages = _messages(_QUESTION)
        async with self._completions.stream(model=model, messages=messages, tools=_chat_tools(tools)) as stream:
            message = (await stream.get_final_completion()).choices[0].message
        said = {"role": "assistant", "tool_calls": [_call(call) for call in message.tool_calls]}
        messages += [said, *self._results(call.id for call in message.tool_calls)]
        calls = [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls]
        return Worked(calls, (await self._streamed(model, messages, tools)).answer)

    async def look(self, model: str, image: str) -> Said:
        url = {"url": f"data:image/png;base64,{image}"}
        content = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": url}]
        answer = await self._completions.create(model=model, messages=[{"role": "user", "content": content}])
        return Said(answer.choices[0].message.content or "", None)

    async def shape(self, model: str) -> object:
        answer = await self._completions.parse(model=model, messages=_messages("A dish, please."), response_format=Dish)
        return answer.choices[0].message.parsed

    async def leave(self, model: str) -> int:
        pieces = 0
        async with await self._completions.create(model=model, messages=_messages("hello"), stream=True) as stream:
            async for chunk in stream:
                pieces += bool(chunk.choices and chunk.choices[0].delta.content)
                if pieces == 2:
                    break
        return pieces

    def refused(self, error: Exception) -> Refused:
        return status_of(error)

    async def _streamed(self, model: str, messages: list[Any], tools: Sequence[Tool]) -> Worked:
        pieces, tokens = [], None
        more = {"tools": _chat_tools(tools)} if tools else {}
        stream = await self._completions.create(
            model=model, messages=messages, stream=True, stream_options={"include_usage": True}, **more
        )
        async for chunk in stream:
            tokens = _chat_tokens(chunk.usage) if chunk.usage else tokens
            pieces += [choice.delta.content for choice in chunk.choices if choice.delta.content]
        assert tokens, "no usage at the end of the stream"
        return Worked([], Said("".join(pieces), tokens, len(pieces)))

    def _results(self, ids: Any) -> list[dict[str, Any]]:
        return [{"role": "tool", "tool_call_id": number, "content": self._order.result} for number in ids]


class Responses:
    name = "openai-python responses"
    refusals = REFUSALS
    broken = ("APIError",)

    def __init__(self, order: Order) -> None:
        self._order = order
        self._responses = AsyncOpenAI(base_url=f"{order.base_url}/v1", api_key=order.key, max_retries=0).responses

    def others(self) -> dict[str, Any]:
        return {}

    async def say(self, model: str, text: str) -> Said:
        answer = await self._responses.create(model=model, instructions=SYSTEM, input=text)
        return Said(answer.output_text, _response_tokens(answer))

    async def stream(self, model: str, text: str) -> Said:
        said, _ = await self._streamed(model, [{"role": "user", "content": text}], ())
        return said

    async def work(self, model: str, tools: Sequence[Tool]) -> Worked:
        asked: list[Any] = [{"role": "user", "content": _QUESTION}]
        answer = await self._responses.create(model=model, input=asked, tools=_response_tools(tools))
        calls = [item for item in answer.output if item.type == "function_call"]
        asked += [*answer.output, *self._results(calls)]
        last = await self._responses.create(model=model, input=asked, tools=_response_tools(tools))
        return Worked([(call.name, json.loads(call.arguments)) for call in calls], Said(last.output_text, None))

    async def stream_work(self, model: str, tools: Sequence[Tool]) -> Worked:
        asked: list[Any] = [{"role": "user", "content": _QUESTION}]
        _, answer = await self._streamed(model, asked, tools)
        calls = [item for item in answer.output if item.type == "function_call"]
        items = [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in answer.output]
        said, _ = await self._streamed(model, [*asked, *items, *self._results(calls)], tools)
        return Worked([(call.name, json.loads(call.arguments)) for call in calls], said)

    async def look(self, model: str, image: str) -> Said:
        url = f"data:image/png;base64,{image}"
        content = [{"type": "input_text", "text": "What is this?"}, {"type": "input_image", "image_url": url, "detail": "auto"}]
        answer = await self._responses.create(model=model, input=[{"role": "user", "content": content}])
        return Said(answer.output_text, None)

    async def shape(self, model: str) -> object:
        return (await self._responses.parse(model=model, input="A dish, please.", text_format=Dish)).output_parsed

    async def leave(self, model: str) -> int:
        pieces = 0
        async with await self._responses.create(model=model, input="hello", stream=True) as stream:
            async for event in stream:
                pieces += event.type == "response.output_text.delta"
                if pieces == 2:
                    break
        return pieces

    def refused(self, error: Exception) -> Refused:
        return status_of(error)

    async def _streamed(self, model: str, asked: list[Any], tools: Sequence[Tool]) -> tuple[Said, Any]:
        more = {"tools": _response_tools(tools)} if tools else {}
        async with self._responses.stream(model=model, input=asked, **more) as stream:
            pieces = []
            async for event in stream:
                if event.type == "error":  # as the API's reference has it; the package says nothing of that
                    raise APIError(event.message, request=None, body=None)
                pieces += [event.delta] if event.type == "response.output_text.delta" else []
            answer = await stream.get_final_response()
        assert "".join(pieces) == answer.output_text, (pieces, answer.output_text)
        return Said(answer.output_text, _response_tokens(answer), len(pieces)), answer

    def _results(self, calls: Sequence[Any]) -> list[dict[str, Any]]:
        return [{"type": "function_call_output", "call_id": call.call_id, "output": self._order.result} for call in calls]


async def _refusal(asking: Awaitable[object]) -> str:
    try:
        answer = await asking
    except BadRequestError as error:
        return error.message
    raise AssertionError(f"an answer instead of an error: {answer}")


def _messages(text: str) -> list[Any]:
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]


def _call(call: Any) -> dict[str, Any]:
    """Without what the package's helper for streams has added."""
    function = {"name": call.function.name, "arguments": call.function.arguments}
    return {"id": call.id, "type": call.type, "function": function}


def _chat_tools(tools: Sequence[Tool]) -> list[Any]:
    """Strict ones, as the package's helper for streams wants them."""
    return [{"type": "function", "function": {**vars(tool), "strict": True}} for tool in tools]


def _response_tools(tools: Sequence[Tool]) -> list[Any]:
    return [{"type": "function", "strict": True, **vars(tool)} for tool in tools]


def _chat_tokens(usage: Any) -> tuple[int, int]:
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens, usage
    return usage.prompt_tokens, usage.completion_tokens


def _response_tokens(answer: Any) -> tuple[int, int]:
    assert answer.status == "completed", answer.status
    return answer.usage.input_tokens, answer.usage.output_tokens


if __name__ == "__main__":
    run(Chat, Responses)
