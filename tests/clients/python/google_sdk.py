"""Google's `google-genai` package: generateContent and its stream."""

import base64
from collections.abc import Sequence
from typing import Any

from cells import SYSTEM, Dish, Order, Refused, Said, Tool, Worked, run
from google import genai
from google.genai import types

_QUESTION = "What will the weather be?"
REFUSALS = {
    **{status: (status, "ClientError") for status in (400, 401, 403, 404, 413, 429)},
    **{status: (min(status, 503), "ServerError") for status in (500, 503, 529)},
}


class Generate:
    name = "google-genai"
    refusals = REFUSALS
    broken = ("ServerError", "ClientError")

    def __init__(self, order: Order) -> None:
        self._order = order
        options = types.HttpOptions(base_url=order.base_url)
        self._models = genai.Client(api_key=order.key, http_options=options).aio.models

    def others(self) -> dict[str, Any]:
        return {}

    async def say(self, model: str, text: str) -> Said:
        config = types.GenerateContentConfig(system_instruction=SYSTEM)
        answer = await self._models.generate_content(model=model, contents=text, config=config)
        assert answer.candidates[0].finish_reason == types.FinishReason.STOP, answer.candidates[0]
        return Said(answer.text or "", _tokens(answer.usage_metadata))

    async def stream(self, model: str, text: str) -> Said:
        said, _ = await self._streamed(model, [_user(text)], ())
        return said

    async def work(self, model: str, tools: Sequence[Tool]) -> Worked:
        contents = [_user(_QUESTION)]
        answer = await self._models.generate_content(model=model, contents=contents, config=_config(tools))
        contents += [answer.candidates[0].content, self._results(answer.function_calls)]
        last = await self._models.generate_content(model=model, contents=contents, config=_config(tools))
        return Worked([(call.name, call.args) for call in answer.function_calls], Said(last.text or "", None))

    async def stream_work(self, model: str, tools: Sequence[Tool]) -> Worked:
        contents = [_user(_QUESTION)]
        _, parts = await self._streamed(model, contents, tools)
        calls = [part.function_call for part in parts if part.function_call]
        contents += [types.Content(role="model", parts=parts), self._results(calls)]
        said, _ = await self._streamed(model, contents, tools)
        return Worked([(call.name, call.args) for call in calls], said)

    async def look(self, model: str, image: str) -> Said:
        picture = types.Part.from_bytes(data=base64.b64decode(image), mime_type="image/png")
        answer = await self._models.generate_content(model=model, contents=["What is this?", picture])
        return Said(answer.text or "", None)

    async def shape(self, model: str) -> object:
        config = types.GenerateContentConfig(response_mime_type="application/json", response_json_schema=Dish.model_json_schema())
        answer = await self._models.generate_content(model=model, contents="A dish, please.", config=config)
        return Dish.model_validate_json(answer.text or "")

    async def leave(self, model: str) -> int:
        pieces = 0
        stream = await self._models.generate_content_stream(model=model, contents="hello")
        async for chunk in stream:
            pieces += bool(chunk.text)
            if pieces == 2:
                break
        await stream.aclose()
        return pieces

    def refused(self, error: Exception) -> Refused:
        return Refused(type(error).__name__, getattr(error, "code", None), str(error))

    async def _streamed(self, model: str, contents: list[Any], tools: Sequence[Tool]) -> tuple[Said, list[Any]]:
        parts, tokens = [], None
        async for chunk in await self._models.generate_content_stream(model=model, contents=contents, config=_config(tools)):
            tokens = chunk.usage_metadata or tokens
            for candidate in chunk.candidates or ():
                parts += (candidate.content and candidate.content.parts) or ()
        assert tokens, "no usage in the stream"
        pieces = [part.text for part in parts if part.text]
        return Said("".join(pieces), _tokens(tokens), len(pieces)), [part for part in parts if part.text or part.function_call]

    def _results(self, calls: Sequence[Any]) -> types.Content:
        results = [types.FunctionResponse(id=call.id, name=call.name, response={"result": self._order.result}) for call in calls]
        return types.Content(role="user", parts=[types.Part(function_response=result) for result in results])


def _user(text: str) -> types.Content:
    return types.Content(role="user", parts=[types.Part(text=text)])


def _config(tools: Sequence[Tool]) -> types.GenerateContentConfig | None:
    if not tools:
        return None
    declared = [
        types.FunctionDeclaration(name=tool.name, description=tool.description, parameters_json_schema=tool.parameters)
        for tool in tools
    ]
    return types.GenerateContentConfig(tools=[types.Tool(function_declarations=declared)])


def _tokens(usage: Any) -> tuple[int | None, int | None]:
    return usage.prompt_token_count, usage.candidates_token_count


if __name__ == "__main__":
    run(Generate)
