"""Probes of all fields of generateContent, made of the types of Google's SDK.

That SDK is in .venv-clients only, so what is made is kept: `.venv-clients/bin/python -m tests.support.google_fields` writes
tests/golden/translate/google_probes.json anew, from the root of the repository; `check` after it only
says whether it would differ.
"""

import enum
import json
import sys
import types as kinds
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Required, TypedDict, Union, get_args, get_origin

from pydantic import BaseModel
from tests.support.sdk_fields import Probe, Prober, sample

TABLE = Path(__file__).parents[1] / "golden/translate/google_probes.json"
DATA = ("text", "inlineData", "fileData", "functionCall", "functionResponse")
"""The fields of a part of which it has one."""
FOREIGN = ("executableCode", "codeExecutionResult", "toolCall", "toolResponse", "audioTranscription")
NEEDED = {
    "Content": ("parts",), "Blob": ("data", "mimeType"), "FileData": ("fileUri",), "FunctionCall": ("name",),
    "FunctionResponse": ("name",), "FunctionDeclaration": ("name",), "FunctionResponseBlob": ("data", "mimeType"),
    "FunctionResponseFileData": ("fileUri",),
}  # fmt: skip
DEEP = ("Schema", "JSONSchema")
"""Their insides are held by the tests of schemas."""
BASE: dict[str, Any] = {
    "contents": [{"role": "user", "parts": [{"text": "x"}]}],
    "tools": [{"functionDeclarations": [{"name": "x"}]}],
}
ASKED, CALL = {"role": "user", "parts": [{"text": "x"}]}, {"functionCall": {"name": "x"}}
CONVERSATIONS: dict[str, Callable[[dict[str, Any]], list[dict[str, Any]]]] = {
    "functionCall": lambda said: [
        ASKED,
        {**said, "role": "model"},
        {"role": "user", "parts": [{"functionResponse": {"name": "x"}}]},
    ],
    "functionResponse": lambda said: [ASKED, {"role": "model", "parts": [CALL]}, {**said, "role": "user"}],
}


class Types:
    """The SDK's models as typed dictionaries, with the names that are on the wire."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def of(self, model: type[BaseModel]) -> Any:
        name = model.__name__
        if name not in self._made:
            self._made[name] = dict[str, object]
            fields = {field.alias or key: field.annotation for key, field in model.model_fields.items()}
            self._made[name] = self._part(fields) if name == "Part" else self._dict(name, fields, NEEDED.get(name, ()))
        return self._made[name]

    def _dict(self, name: str, fields: dict[str, Any], needed: tuple[str, ...]) -> Any:
        return TypedDict(  # type: ignore[operator]
            name,
            {key: Required[self._kind(kind)] if key in needed else self._kind(kind) for key, kind in fields.items()},
            total=False,
        )

    def _part(self, fields: dict[str, Any]) -> Any:
        hints = {key: kind for key, kind in fields.items() if key not in DATA + FOREIGN}
        variants = [
            self._dict(f"{key}Part", {key: fields[key], **(hints if key == "text" else {})}, (key,)) for key in DATA + FOREIGN
        ]
        return Union[tuple(variants)]  # noqa: UP007  # of as many as there are

    def _kind(self, kind: Any) -> Any:
        origin, args = get_origin(kind), get_args(kind)
        if origin in (Union, kinds.UnionType):
            return self._kind(next(one for one in args if one is not type(None)))
        if origin is list:
            return list[self._kind(args[0])]
        if origin is dict:
            return dict[str, object]
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return Literal[tuple(member.value for member in kind if "UNSPECIFIED" not in member.value)]
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return dict[str, object] if kind.__name__ in DEEP else self.of(kind)
        return kind if kind in (int, float, bool) else str


def _placed(probe: Probe) -> Probe:
    """Calls and what comes of them where they can be."""
    for kind, place in CONVERSATIONS.items():
        if probe.path.startswith(f".contents[].parts[]<{kind}Part>."):
            value, without = ({**body, "contents": place(body["contents"][0])} for body in (probe.value, probe.without))
            return Probe(probe.path, value, without)
    return probe


def main() -> None:
    from google.genai import types  # noqa: PLC0415  # not in every environment

    made = Types()
    part = {field.alias or key: field.annotation for key, field in types.GenerateContentConfig.model_fields.items()}
    beside = (
        "systemInstruction",
        "safetySettings",
        "tools",
        "toolConfig",
        "labels",
        "cachedContent",
        "serviceTier",
        "continuationToken",
        "store",
    )
    skipped = ("httpOptions", "shouldReturnHttpResponse", "automaticFunctionCalling", *beside)
    config = made._dict("Config", {key: kind for key, kind in part.items() if key not in skipped}, ())
    told = {
        "contents": list[types.Content], "systemInstruction": types.Content, "tools": list[types.Tool],
        **{key: part[key] for key in beside if key not in ("systemInstruction", "tools")},
    }  # fmt: skip
    request = made._dict("Request", told, ("contents",))
    request = TypedDict("Whole", {**request.__annotations__, "generationConfig": config}, total=False)  # type: ignore[operator]
    opaque = (
        r"^(GoogleSearch|Retrieval|Computer|FileSearch|GoogleMaps|Tool(Code|Parallel|Exa)|Enterprise|UrlContext|Mcp|Speech|Image|Audio"
        r"|\w+Metadata|PartMediaResolution|MediaProcessing|SafetySetting)"
    )
    probes = [_placed(probe) for probe in Prober(opaque).request(request, BASE)]
    least = {**sample(request, ""), **BASE}
    text = json.dumps({"least": least, "probes": probes}, separators=(",", ":")) + "\n"
    if sys.argv[1:] == ["check"]:
        sys.exit(None if TABLE.read_text() == text else f"{TABLE} is not what Google's SDK makes it")
    TABLE.write_text(text)


if __name__ == "__main__":
    main()
