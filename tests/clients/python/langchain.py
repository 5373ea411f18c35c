"""LangChain's chat models for OpenAI and Anthropic."""

from collections.abc import Sequence
from typing import Any

from cells import SYSTEM, Dish, Order, Refused, Said, Tool, Worked, run, status_of
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from langchain_openai import ChatOpenAI

_QUESTION = "What will the weather be?"


class _LangChain:
    name = ""
    refusals = {429: (429, "RateLimitError"), 400: (400, "BadRequestError")}  # noqa: RUF012 - read only, as the protocol says
    broken = ()

    def __init__(self, order: Order) -> None:
        self._order = order

    def _chat(self, model: str) -> Any:
        raise NotImplementedError

    def others(self) -> dict[str, Any]:
        return {}

    async def say(self, model: str, text: str) -> Said:
        return _said(await self._chat(model).ainvoke([SystemMessage(SYSTEM), HumanMessage(text)]))

    async def stream(self, model: str, text: str) -> Said:
        said, _ = await _streamed(self._chat(model), [SystemMessage(SYSTEM), HumanMessage(text)])
        return said

    async def work(self, model: str, tools: Sequence[Tool]) -> Worked:
        chat = self._chat(model).bind_tools(_tools(tools))
        messages = [HumanMessage(_QUESTION)]
        answer = await chat.ainvoke(messages)
        return Worked(_calls(answer), _said(await chat.ainvoke([*messages, answer, *self._results(answer)])))

    async def stream_work(self, model: str, tools: Sequence[Tool]) -> Worked:
        chat = self._chat(model).bind_tools(_tools(tools))
        messages = [HumanMessage(_QUESTION)]
        _, answer = await _streamed(chat, messages)
        said, _ = await _streamed(chat, [*messages, answer, *self._results(answer)])
        return Worked(_calls(answer), said)

    async def look(self, model: str, image: str) -> Said:
        picture = {"type": "image", "base64": image, "mime_type": "image/png"}
        message = HumanMessage(content_blocks=[{"type": "text", "text": "What is this?"}, picture])
        return _said(await self._chat(model).ainvoke([message]))

    async def shape(self, model: str) -> object:
        return await self._chat(model).with_structured_output(Dish, method="json_schema").ainvoke("A dish, please.")

    async def leave(self, model: str) -> int:
        pieces = 0
        stream = self._chat(model).astream("hello")
        async for chunk in stream:
            pieces += bool(chunk.text)
            if pieces == 2:
                break
        await stream.aclose()
        return pieces

    def refused(self, error: Exception) -> Refused:
        """LangChain may put a class of its own around the vendor's."""
        kinds = [kind.__name__ for kind in type(error).__mro__]
        told = status_of(error)
        return next((Refused(kind, told.status, told.message) for _, kind in self.refusals.values() if kind in kinds), told)

    def _results(self, answer: Any) -> list[ToolMessage]:
        return [ToolMessage(self._order.result, tool_call_id=call["id"]) for call in answer.tool_calls]


class OpenAI(_LangChain):
    name = "langchain-openai"

    def _chat(self, model: str) -> Any:
        base_url = f"{self._order.base_url}/v1"
        return ChatOpenAI(model=model, base_url=base_url, api_key=self._order.key, max_retries=0, stream_usage=True)


class Anthropic(_LangChain):
    name = "langchain-anthropic"

    def _chat(self, model: str) -> Any:
        return ChatAnthropic(model=model, base_url=self._order.base_url, api_key=self._order.key, max_retries=0, max_tokens=1024)


def _tools(tools: Sequence[Tool]) -> list[Any]:
    return [{"title": tool.name, "description": tool.description, **tool.parameters} for tool in tools]


def _calls(answer: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(call["name"], call["args"]) for call in answer.tool_calls]


def _said(answer: Any, pieces: int = 1) -> Said:
    usage = answer.usage_metadata
    return Said(str(answer.text), (usage["input_tokens"], usage["output_tokens"]), pieces)


async def _streamed(chat: Any, messages: Sequence[Any]) -> tuple[Said, AIMessageChunk]:
    whole, pieces = None, 0
    async for chunk in chat.astream(messages):
        pieces += bool(chunk.text)
        whole = chunk if whole is None else whole + chunk
    assert whole is not None, "nothing came"
    return _said(whole, pieces), whole


if __name__ == "__main__":
    run(OpenAI, Anthropic)
