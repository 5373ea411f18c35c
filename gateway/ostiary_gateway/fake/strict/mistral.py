"""Mistral's chat completions: OpenAI's with fewer fields, and a few of its own ("Chat Completion API" of the API reference)."""

from itertools import pairwise
from typing import Any

from ostiary_gateway.fake.strict import chat
from ostiary_gateway.fake.strict.shape import Problem

_FIELDS = frozenset({
    "model", "messages", "frequency_penalty", "guardrails", "max_tokens", "metadata", "n", "parallel_tool_calls", "prediction",
    "presence_penalty", "prompt_mode", "random_seed", "reasoning_effort", "response_format", "safe_prompt", "stop", "stream",
    "temperature", "tool_choice", "tools", "top_p",
})  # fmt: skip
_OWN = frozenset({"guardrails", "metadata", "prompt_mode", "random_seed", "safe_prompt"})


def check(body: object) -> Problem | None:
    """What the API would refuse."""
    if not isinstance(body, dict):
        return chat.check(body)
    for name in body:
        if name not in _FIELDS:
            return Problem("unknown", name, "Extra inputs are not permitted")
    shared: dict[str, Any] = {name: value for name, value in body.items() if name not in _OWN}
    if shared.get("tool_choice") == "any":  # Mistral's word for it, beside OpenAI's
        shared["tool_choice"] = "required"
    return chat.check(shared) or _check_turns(shared["messages"])


def _check_turns(messages: list[dict[str, Any]]) -> Problem | None:
    for number, (before, after) in enumerate(pairwise(messages), start=1):
        if (before["role"], after["role"]) == ("tool", "user"):
            return Problem("rule", f"messages[{number}].role", "Unexpected role 'user' after role 'tool'")
    return None
