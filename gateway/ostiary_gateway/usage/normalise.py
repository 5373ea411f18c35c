"""What a provider's raw usage objects mean, as one table.

Shapes are told apart by their keys, not by who sent them: an OpenAI-compatible provider may serve Anthropic's dialect.
Input counts what was read from and written to a cache, output counts reasoning, as OpenTelemetry's GenAI names ask.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec

from ostiary_gateway.contract.record import Usage, UsageSource

LARGEST = 2**53
"""A count above this is no count: it cannot even be told exactly in JSON."""

CHARS_PER_TOKEN = 4

Terms = tuple[str, ...]  # paths of one name or two, whose values are added; those that are absent count nothing
_NUMBERS = (int, float)  # and not bool, which is an int elsewhere


class Shape(msgspec.Struct, frozen=True):
    """How one kind of usage object is read.

    `marks`: any of these keys names the shape. Each count is the first of its alternatives with a value. `total` tells
    the output where it is left out (embeddings; Google omits zeros), and whether reasoning comes on top of it (xAI).
    `running`: a stream repeats its counts as they grow, so those of a cut stream are only a part; `begins`: it tells the
    first of them at its beginning, in an object of their own. `others` are further counts of `Usage`, by name.
    """

    marks: frozenset[str]
    input: tuple[Terms, ...]
    output: tuple[Terms, ...]
    cache_read: tuple[Terms, ...] = ()
    cache_write: tuple[Terms, ...] = ()
    reasoning: tuple[Terms, ...] = ()
    others: tuple[tuple[str, tuple[Terms, ...]], ...] = ()
    total: str = ""
    running: bool = False
    begins: bool = False


_ANTHROPIC = Shape(  # messages: input leaves the cache out
    marks=frozenset({"cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation", "server_tool_use"}),
    input=(("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"),),
    output=(("output_tokens",),),
    cache_read=(("cache_read_input_tokens",),),
    cache_write=(("cache_creation_input_tokens",),),
    reasoning=(("output_tokens_details.thinking_tokens",),),
    others=(
        ("cache_write_1h_tokens", (("cache_creation.ephemeral_1h_input_tokens",),)),
        ("web_searches", (("server_tool_use.web_search_requests",),)),
    ),
    running=True,
    begins=True,
)

SHAPES = (
    Shape(  # Google generateContent: thoughts come beside candidates, tool results beside the prompt
        marks=frozenset({"promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "totalTokenCount"}),
        input=(("promptTokenCount", "toolUsePromptTokenCount"),),
        output=(("candidatesTokenCount", "thoughtsTokenCount"),),
        cache_read=(("cachedContentTokenCount",),),
        reasoning=(("thoughtsTokenCount",),),
        others=(
            ("input_audio_tokens", (("promptTokensDetails.AUDIO",),)),
            ("input_image_tokens", (("promptTokensDetails.IMAGE",),)),
            ("output_audio_tokens", (("candidatesTokensDetails.AUDIO",), ("responseTokensDetails.AUDIO",))),
            ("output_image_tokens", (("candidatesTokensDetails.IMAGE",), ("responseTokensDetails.IMAGE",))),
        ),
        total="totalTokenCount",
        running=True,
    ),
    Shape(  # Bedrock Converse: input leaves the cache out
        marks=frozenset({"inputTokens", "outputTokens"}),
        input=(("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"),),
        output=(("outputTokens",),),
        cache_read=(("cacheReadInputTokens",),),
        cache_write=(("cacheWriteInputTokens",),),
        others=(("cache_write_1h_tokens", (("cacheDetails.1h",),)),),
        total="totalTokens",
    ),
    Shape(  # OpenAI chat, completions, embeddings and who copies them
        marks=frozenset({"prompt_tokens", "completion_tokens"}),
        input=(("prompt_tokens",),),
        output=(("completion_tokens",),),
        cache_read=(("prompt_tokens_details.cached_tokens",), ("prompt_cache_hit_tokens",), ("cached_tokens",)),
        cache_write=(("prompt_tokens_details.cache_write_tokens",),),
        reasoning=(("completion_tokens_details.reasoning_tokens",),),
        others=(
            ("input_audio_tokens", (("prompt_tokens_details.audio_tokens",),)),
            ("input_image_tokens", (("prompt_tokens_details.image_tokens",),)),
            ("output_audio_tokens", (("completion_tokens_details.audio_tokens",),)),
            ("output_image_tokens", (("completion_tokens_details.image_tokens",),)),
        ),
        total="total_tokens",
    ),
    _ANTHROPIC,
    Shape(  # OpenAI Responses, images and transcriptions: input includes the cache
        marks=frozenset({"input_tokens_details", "input_token_details", "total_tokens"}),
        input=(("input_tokens",),),
        output=(("output_tokens",),),
        cache_read=(("input_tokens_details.cached_tokens",),),
        cache_write=(("input_tokens_details.cache_write_tokens",),),
        reasoning=(("output_tokens_details.reasoning_tokens",),),
        others=(
            ("input_audio_tokens", (("input_tokens_details.audio_tokens",), ("input_token_details.audio_tokens",))),
            ("input_image_tokens", (("input_tokens_details.image_tokens",),)),
            ("output_audio_tokens", (("output_tokens_details.audio_tokens",),)),
            ("output_image_tokens", (("output_tokens_details.image_tokens",),)),
            ("images", (("generated_images",),)),
        ),
        total="total_tokens",
    ),
    msgspec.structs.replace(_ANTHROPIC, marks=frozenset({"input_tokens", "output_tokens"})),  # where nothing was cached
    Shape(  # who sells pictures by the piece
        marks=frozenset({"image_count", "generated_images"}),
        input=(),
        output=(),
        others=(("images", (("image_count",), ("generated_images",))),),
    ),
)


def _paths(shape: Shape) -> Iterator[str]:
    others = (alternatives for _, alternatives in shape.others)
    for alternatives in (shape.input, shape.output, shape.cache_read, shape.cache_write, shape.reasoning, *others):
        yield from chain(*alternatives)
    yield shape.total


_PATHS = {path: path.partition(".")[::2] for shape in SHAPES for path in _paths(shape)}


def normalise(
    raws: Sequence[Mapping[str, Any]], *, stream: bool = False, complete: bool = True, chars: float | None = None
) -> tuple[Usage, UsageSource]:
    """Counts of one reply and where they came from.

    Args:
        raws: the provider's usage objects in order; a later one replaces what an earlier one said, nothing is added.
        stream: the reply was a stream.
        complete: the whole reply arrived from the provider.
        chars: characters of answer text seen in a cut stream, to estimate from.
    """
    raw = raws[0] if len(raws) == 1 else {name: value for each in raws for name, value in each.items()}
    shape = next((shape for shape in SHAPES if not shape.marks.isdisjoint(raw)), None)
    if shape is None:
        return _estimate(chars)
    usage = _read(shape, raw)
    if shape.running and stream and not _final(shape, raws, complete=complete):
        return _partial(usage, chars), "partial"
    return usage, "provider"


def _final(shape: Shape, raws: Sequence[Mapping[str, Any]], *, complete: bool) -> bool:
    """Anthropic's last word is its `message_delta`, the second object; Google's is known by the stream's end only."""
    if shape.begins:
        return len(raws) > 1
    return complete


def _read(shape: Shape, raw: Mapping[str, Any]) -> Usage:
    tokens_in = _first(raw, shape.input)
    tokens_out = _first(raw, shape.output)
    total = _count(raw, shape.total) if shape.total else None
    if tokens_out is None and total is not None and tokens_in is not None and total >= tokens_in:
        tokens_out = total - tokens_in
    reasoning = _first(raw, shape.reasoning)
    if reasoning and tokens_out is not None and total == (tokens_in or 0) + tokens_out + reasoning:
        tokens_out += reasoning
    usage = Usage(
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        cache_read_tokens=_first(raw, shape.cache_read),
        cache_write_tokens=_first(raw, shape.cache_write),
        reasoning_tokens=reasoning,
    )
    others = {name: count for name, paths in shape.others if (count := _first(raw, paths))}
    return msgspec.structs.replace(usage, **others) if others else usage


def _first(raw: Mapping[str, Any], alternatives: tuple[Terms, ...]) -> int | None:
    for terms in alternatives:
        total = None
        for path in terms:
            if (count := _count(raw, path)) is not None:
                total = count if total is None else total + count
        if total is not None:
            return total
    return None


def _count(raw: Mapping[str, Any], path: str) -> int | None:
    outer, inner = _PATHS[path]
    value = raw.get(outer)
    if inner:
        value = value.get(inner) if isinstance(value, dict) else None
    if value is None or type(value) not in _NUMBERS or not 0 <= value <= LARGEST:
        return None
    return int(value)


def _partial(usage: Usage, chars: float | None) -> Usage:
    estimated, _ = _estimate(chars)
    seen = [count for count in (usage.output_tokens, estimated.output_tokens) if count is not None]
    return msgspec.structs.replace(usage, output_tokens=max(seen, default=None))


def _estimate(chars: float | None) -> tuple[Usage, UsageSource]:
    if chars is None or not 0 <= chars <= LARGEST:
        return Usage(), "none"
    return Usage(output_tokens=-(-int(chars) // CHARS_PER_TOKEN)), "estimated"
