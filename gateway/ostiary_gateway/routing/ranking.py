"""How good a model is, by what its vendor (or, where said, another vendor) published; nothing here is our own estimate.

`quality` is GPQA Diamond: the one test that all these vendors publish, on one scale from 0 to 100. The other figures are shown
beside the tiers of the code router. A model without a figure is unknown, which is not the same as bad: it comes after the known.

Figures are single attempts without tools, with the reasoning effort that the vendor reports. They were looked up on 2026-11-21:
those up to 2025-09 in copies of the publications themselves or of their tables, the later ones where two reports of the
publication agree; what only one report told is left out. Above 90 the test is nearly exhausted: a point there is noise.
"""

import re
from functools import lru_cache

import msgspec

UNKNOWN = -1.0


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """`date` is when it was published, ISO 8601, to the day or the month."""

    title: str
    date: str


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Percentages; None was not published there."""

    source: Source
    gpqa_diamond: float | None = None
    swe_bench_verified: float | None = None
    human_eval: float | None = None
    mmlu: float | None = None


_SIMPLE_EVALS = Source(title="OpenAI, simple-evals, table of benchmark results", date="2025-04-16")
_GPT_4_1 = Source(title="OpenAI, simple-evals; SWE-bench: Introducing GPT-4.1 in the API", date="2025-04-14")
_O3 = Source(title="OpenAI, simple-evals; SWE-bench: Introducing GPT-5 for developers", date="2025-08-07")
_GPT_5 = Source(title="OpenAI, Introducing GPT-5 and Introducing GPT-5 for developers", date="2025-08-07")
_CLAUDE_3_5 = Source(title="Anthropic, upgraded Claude 3.5 Sonnet and Claude 3.5 Haiku", date="2024-10-22")
_CLAUDE_3_7 = Source(title="Anthropic, Claude 3.7 Sonnet, without extended thinking", date="2025-02-24")
_CLAUDE_4 = Source(title="Anthropic, Introducing Claude 4", date="2025-05-22")
_CLAUDE_4_5 = Source(title="Anthropic, Introducing Claude Sonnet 4.5", date="2025-09-29")
_GEMINI_2_5 = Source(title="Google DeepMind, Gemini 2.5 technical report; SWE-bench with several attempts", date="2025-07-07")
_OPUS_4_5 = Source(title="Anthropic, Introducing Claude Opus 4.5", date="2025-11-24")
_OPUS_4_6 = Source(title="Anthropic, Introducing Claude Opus 4.6", date="2026-02-05")
_SONNET_4_6 = Source(title="Anthropic, Introducing Claude Sonnet 4.6", date="2026-02-17")
_GEMINI_3_1 = Source(title="Google, Gemini 3.1 Pro model card", date="2026-02")
_GPT_5_4 = Source(title="OpenAI, Introducing GPT-5.4", date="2026-03-05")
_OPUS_4_7 = Source(title="Anthropic, Introducing Claude Opus 4.7", date="2026-04-16")
_LLAMA_3_3 = Source(title="Meta, Llama 3.3 model card", date="2024-12-06")

RANKING: dict[str, Figures] = {
    "claude-3-5-haiku": Figures(source=_CLAUDE_3_5, gpqa_diamond=41.6, swe_bench_verified=40.6, human_eval=88.1),
    "claude-3-5-sonnet": Figures(source=_CLAUDE_3_5, gpqa_diamond=65.0, swe_bench_verified=49.0, human_eval=93.7),
    "claude-3-7-sonnet": Figures(source=_CLAUDE_3_7, gpqa_diamond=68.0, swe_bench_verified=62.3),
    "claude-3-opus": Figures(source=_SIMPLE_EVALS, gpqa_diamond=50.4, human_eval=84.9, mmlu=86.8),
    "claude-opus-4": Figures(source=_CLAUDE_4, gpqa_diamond=79.6, swe_bench_verified=72.5),
    "claude-opus-4-5": Figures(source=_OPUS_4_5, swe_bench_verified=80.9),
    "claude-opus-4-6": Figures(source=_OPUS_4_6, gpqa_diamond=91.3, swe_bench_verified=80.8),
    "claude-opus-4-7": Figures(source=_OPUS_4_7, gpqa_diamond=94.2),
    "claude-sonnet-4": Figures(source=_CLAUDE_4, gpqa_diamond=75.4, swe_bench_verified=72.7),
    "claude-sonnet-4-5": Figures(source=_CLAUDE_4_5, gpqa_diamond=83.4, swe_bench_verified=77.2),
    "claude-sonnet-4-6": Figures(source=_SONNET_4_6, swe_bench_verified=79.6),
    "gemini-2.5-pro": Figures(source=_GEMINI_2_5, gpqa_diamond=86.4, swe_bench_verified=67.2),
    "gemini-3.1-pro": Figures(source=_GEMINI_3_1, gpqa_diamond=94.3),
    "gpt-4-turbo": Figures(source=_SIMPLE_EVALS, gpqa_diamond=49.3, human_eval=88.2, mmlu=86.7),
    "gpt-4.1": Figures(source=_GPT_4_1, gpqa_diamond=66.3, swe_bench_verified=54.6, human_eval=94.5, mmlu=90.2),
    "gpt-4.1-mini": Figures(source=_GPT_4_1, gpqa_diamond=65.0, swe_bench_verified=23.6, human_eval=93.8, mmlu=87.5),
    "gpt-4.1-nano": Figures(source=_SIMPLE_EVALS, gpqa_diamond=50.3, human_eval=87.0, mmlu=80.1),
    "gpt-4o": Figures(source=_GPT_4_1, gpqa_diamond=53.1, swe_bench_verified=33.2, human_eval=90.2, mmlu=88.7),
    "gpt-4o-mini": Figures(source=_SIMPLE_EVALS, gpqa_diamond=40.2, human_eval=87.2, mmlu=82.0),
    "gpt-5": Figures(source=_GPT_5, gpqa_diamond=85.7, swe_bench_verified=74.9),
    "gpt-5.4": Figures(source=_GPT_5_4, gpqa_diamond=92.8),
    "llama-3.1-405b": Figures(source=_SIMPLE_EVALS, gpqa_diamond=50.7, human_eval=89.0, mmlu=88.6),
    "llama-3.1-70b": Figures(source=_SIMPLE_EVALS, gpqa_diamond=41.7, human_eval=80.5, mmlu=82.0),
    "llama-3.1-8b": Figures(source=_SIMPLE_EVALS, gpqa_diamond=30.4, human_eval=72.6, mmlu=68.4),
    "llama-3.3-70b": Figures(source=_LLAMA_3_3, gpqa_diamond=50.5, human_eval=88.4, mmlu=86.0),
    "o1": Figures(source=_GPT_4_1, gpqa_diamond=75.7, swe_bench_verified=41.0, mmlu=91.8),
    "o3": Figures(source=_O3, gpqa_diamond=82.8, swe_bench_verified=69.1, human_eval=87.4, mmlu=92.9),
    "o3-mini": Figures(source=_GPT_4_1, gpqa_diamond=74.9, swe_bench_verified=49.3, human_eval=96.3, mmlu=85.9),
    "o4-mini": Figures(source=_SIMPLE_EVALS, gpqa_diamond=77.6, human_eval=97.3, mmlu=90.0),
}

_FOLDER = re.compile(r"^.*/")  # `meta-llama/Llama-3.3-70B-Instruct`, `models/gemini-2.5-pro`
# What may follow a ranked name and still mean that model: a date, `latest`, `preview`, `instruct`, `@20250514`, `:free`.
# A version number (but 0, Anthropic's own alias) or a word for another size or kind means a model of its own.
_SAME_MODEL = re.compile(
    r"(?:[-@:](?!(?!0\b)\d{1,2}(?!\d))"
    r""
    r"(?!(?:mini|nano|lite|small|micro|pro|max|codex|chat|audio|realtime|search|deep|image|tts|transcribe)\b).*)?"
)


def quality(provider_model: str) -> float:
    """GPQA Diamond of the ranked model that this name means, 0 to 100; -1.0 where none is known."""
    found = figures(provider_model)
    return UNKNOWN if found is None or found.gpqa_diamond is None else found.gpqa_diamond


@lru_cache(maxsize=16384)
def figures(provider_model: str) -> Figures | None:
    """The figures of the longest ranked name that this one begins with."""
    name = _FOLDER.sub("", provider_model.lower())
    for length in range(len(name), 0, -1):
        known = RANKING.get(name[:length])
        if known is not None:
            return known if _SAME_MODEL.fullmatch(name, length) else None
    return None
