"""LiteLLM's package as a client of an OpenAI-compatible address."""

import json
import os
from collections.abc import Sequence
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # before the import, which would fetch it otherwise

import litellm
from cells import SYSTEM, Dish, Order, Refused, Said, Tool, Worked, run, status_of

_QUESTION = "What will the weather be?"
litellm.telemetry = False
litellm.suppress_debug_info = True


class Completion:
    name = "litellm"
    refusals = {429: (429, "RateLimitError"), 400: (400, "BadRequestError")}  # noqa: RUF012 - read only, as the protocol says
    broken = ()

    def __init__(self, order: Order) -> None:
        self._order = order

    def others(self) -> dict[str, Any]:
        return {}

    async def say(self, model: str, text: str) -> Said:
        answer = await self._ask(model, [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}])
        return Said(answer.choices[0].message.content, _tokens(answer.usage))

    async def stream(self, model: str, text: str) -> Said:
        return (await self._streamed(model, [{"role": "user", "content": text}]))[0]

    async def work(self, model: str, tools: Sequence[Tool]) -> Worked:
        messages: list[Any] = [{"role": "user", "content": _QUESTION}]
        message = (await self._ask(model, messages, tools=_tools(tools))).choices[0].message
        messages += [_said(message), *self._results(message)]
        last = await self._ask(model, messages, tools=_tools(tools))
        return Worked(_calls(message), Said(last.choices[0].message.content, None))

    async def stream_work(self, model: str, tools: Sequence[Tool]) -> Worked:
        messages: list[Any] = [{"role": "user", "content": _QUESTION}]
        _, chunks = await self._streamed(model, messages, tools=_tools(tools))
        message = litellm.stream_chunk_builder(chunks, messages=messages).choices[0].message
        messages += [_said(message), *self._results(message)]
        return Worked(_calls(message), (await self._streamed(model, messages, tools=_tools(tools)))[0])

    async def look(self, model: str, image: str) -> Said:
        picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{image}"}}
        content = [{"type": "text", "text": "What is this?"}, picture]
        answer = await self._ask(model, [{"role": "user", "content": content}])
        return Said(answer.choices[0].message.content, None)

    async def shape(self, model: str) -> object:
        answer = await self._ask(model, [{"role": "user", "content": "A dish, please."}], response_format=Dish)
        return Dish.model_validate_json(answer.choices[0].message.content)

    async def leave(self, model: str) -> int:
        pieces = 0
        stream = await self._ask(model, [{"role": "user", "content": "hello"}], stream=True)
        async for chunk in stream:
            pieces += bool(chunk.choices and chunk.choices[0].delta.content)
            if pieces == 2:
                break
        await stream.completion_stream.close()
        return pieces

    def refused(self, error: Exception) -> Refused:
        return status_of(error)

    async def _ask(self, model: str, messages: list[Any], **more: Any) -> Any:
        place = {"api_base": f"{self._order.base_url}/v1", "api_key": self._order.key}
        return await litellm.acompletion(model=f"openai/{model}", messages=messages, max_retries=0, **place, **more)

    async def _streamed(self, model: str, messages: list[Any], **more: Any) -> tuple[Said, list[Any]]:
        stream = await self._ask(model, messages, stream=True, stream_options={"include_usage": True}, **more)
        chunks = [chunk async for chunk in stream]
        pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
        tokens = [_tokens(chunk.usage) for chunk in chunks if getattr(chunk, "usage", None)]
        assert tokens, "no usage in the stream"
        return Said("".join(pieces), tokens[-1], len(pieces)), chunks

    def _results(self, message: Any) -> list[dict[str, Any]]:
        return [{"role": "tool", "tool_call_id": call.id, "content": self._order.result} for call in message.tool_calls]


def _said(message: Any) -> dict[str, Any]:
    """Without what the package has added."""
    calls = [call.model_dump(include={"id", "type", "function"}) for call in message.tool_calls]
    return {"role": "assistant", "content": message.content, "tool_calls": calls}


def _tools(tools: Sequence[Tool]) -> list[Any]:
    return [{"type": "function", "function": vars(tool)} for tool in tools]


def _calls(message: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls]


def _tokens(usage: Any) -> tuple[int, int]:
    return usage.prompt_tokens, usage.completion_tokens


if __name__ == "__main__":
    run(Completion)
