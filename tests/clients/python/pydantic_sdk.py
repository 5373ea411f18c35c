"""Pydantic AI's agents, on its models for OpenAI's Chat Completions and Anthropic's Messages."""

from collections.abc import Sequence
from typing import Any

from cells import SYSTEM, Dish, Order, Refused, Said, Tool, Worked, run, status_of
from pydantic_ai import Agent, BinaryContent, NativeOutput
from pydantic_ai import Tool as AgentTool
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

_QUESTION = "What will the weather be?"
REFUSALS = {429: (429, "ModelRateLimitError"), 400: (400, "ModelRequestRejectedError")}


class _PydanticAI:
    name = ""
    refusals = REFUSALS
    broken = ()

    def __init__(self, order: Order) -> None:
        self._order = order

    def _model(self, model: str) -> Any:
        raise NotImplementedError

    def others(self) -> dict[str, Any]:
        return {}

    async def say(self, model: str, text: str) -> Said:
        return _said(await Agent(self._model(model), system_prompt=SYSTEM).run(text))

    async def stream(self, model: str, text: str) -> Said:
        return await _streamed(Agent(self._model(model), system_prompt=SYSTEM), text)

    async def work(self, model: str, tools: Sequence[Tool]) -> Worked:
        calls: list[tuple[str, dict[str, Any]]] = []
        return Worked(calls, _said(await self._agent(model, tools, calls).run(_QUESTION)))

    async def stream_work(self, model: str, tools: Sequence[Tool]) -> Worked:
        calls: list[tuple[str, dict[str, Any]]] = []
        said = await _streamed(self._agent(model, tools, calls), _QUESTION)
        return Worked(calls, said)

    async def look(self, model: str, image: str) -> Said:
        picture = BinaryContent.from_data_uri(f"data:image/png;base64,{image}")
        return _said(await Agent(self._model(model)).run(["What is this?", picture]))

    async def shape(self, model: str) -> object:
        return (await Agent(self._model(model), output_type=NativeOutput(Dish)).run("A dish, please.")).output

    async def leave(self, model: str) -> int:
        pieces = 0
        async with Agent(self._model(model)).run_stream("hello") as stream:
            async for _ in stream.stream_text(delta=True, debounce_by=None):
                pieces += 1
                if pieces == 2:
                    await stream.cancel()
                    break
        return pieces

    def refused(self, error: Exception) -> Refused:
        return status_of(error)

    def _agent(self, model: str, tools: Sequence[Tool], calls: list[tuple[str, dict[str, Any]]]) -> Agent:
        def tool_of(tool: Tool) -> AgentTool:
            def answer(**arguments: Any) -> str:
                calls.append((tool.name, arguments))
                return self._order.result

            return AgentTool.from_schema(answer, tool.name, tool.description, tool.parameters, sequential=True)

        return Agent(self._model(model), tools=[tool_of(tool) for tool in tools])


class OpenAI(_PydanticAI):
    name = "pydantic-ai openai"

    def __init__(self, order: Order) -> None:
        super().__init__(order)
        self._provider = OpenAIProvider(base_url=f"{order.base_url}/v1", api_key=order.key)
        self._provider.client.max_retries = 0

    def _model(self, model: str) -> Any:
        return OpenAIChatModel(model, provider=self._provider)


class Anthropic(_PydanticAI):
    name = "pydantic-ai anthropic"

    def __init__(self, order: Order) -> None:
        super().__init__(order)
        self._provider = AnthropicProvider(base_url=order.base_url, api_key=order.key)
        self._provider.client.max_retries = 0

    def _model(self, model: str) -> Any:
        return AnthropicModel(model, provider=self._provider, profile={"supports_json_schema_output": True})


def _said(result: Any, pieces: int = 1) -> Said:
    return Said(str(result.output), None, pieces)


async def _streamed(agent: Agent, prompt: str) -> Said:
    async with agent.run_stream(prompt) as stream:
        pieces = [piece async for piece in stream.stream_text(delta=True, debounce_by=None)]
        usage = stream.usage
        return Said("".join(pieces), (usage.input_tokens, usage.output_tokens), len(pieces))


if __name__ == "__main__":
    run(OpenAI, Anthropic)
