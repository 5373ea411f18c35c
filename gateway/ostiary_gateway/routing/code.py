"""`router:code[:mode]`: how hard a programming task is, and which tier of models it goes to (GZ-20).

Points: the category's own, 1 if the prompt is longer than 2,000 characters and 1 more beyond 8,000, 1 if it names two files or
more, 1 for each hard matter (two at most), 1 if tools are offered. 0 is simple, 1 to 2 medium, more is complex; an agent at work
(results of tools, or tools and a long conversation) is agentic.

| complexity | auto | price | quality | agentic |
|---|---|---|---|---|
| simple | light | light | solid | frontier |
| medium | solid | light | strong | frontier |
| complex | strong | solid | frontier | frontier |
| agentic | frontier | strong | frontier | frontier |

A tier is a range of SWE-bench Verified (see ranking.py). Targets of the wanted tier come first, then those of the next higher
tiers, then of the lower ones, then those without a published figure. A route of the Model that bears the tier's name
holds the candidates instead.
"""

import re

import msgspec

from ostiary_gateway.routing.order import Candidate, by_cost
from ostiary_gateway.routing.prompt import Prompt
from ostiary_gateway.routing.signs import Sign, Verdict, sign, weigh

DEFAULT = "auto"
MODES = ("auto", "price", "quality", "agentic")
TIERS = ("light", "solid", "strong", "frontier")
FROM_SWE_BENCH = {"frontier": 74.0, "strong": 60.0, "solid": 30.0, "light": 0.0}  # lowest figure of a tier
OTHERWISE = "generation"
POINTS = {
    "explanation": 0, "generation": 1, "testing": 1, "debugging": 1, "review": 1, "refactoring": 2,
    "architecture": 2, "agentic": 2,
}  # fmt: skip
_LEVELS = ("simple", "medium", "complex", "agentic")
_LONG, _VERY_LONG = 2000, 8000
_MOST_HARD_MATTERS = 2
_MEDIUM = 2  # points up to which a task is of medium complexity
_CONVERSATION = 6  # messages, beyond which offered tools mean an agent

SIGNS: dict[str, tuple[Sign, ...]] = {
    "debugging": (
        sign(r"(?:traceback|stack ?trace|exception|segfault|panic:|core dump)", 3, "an error of a program"),
        sign(r"(?:bug|fix|debug|fail(?:s|ing)?|crash(?:es|ed)?|broken|does ?n[o']t work|not working)\b", 2, "a defect"),
    ),
    "refactoring": (
        sign(
            r"(?:refactor|clean up|restructure|rename|deduplicate|modernize|migrate|port|rewrite)\b",
            3,
            "reshaping code",
        ),
    ),
    "testing": (sign(r"(?:unit tests?|test cases?|write tests?|pytest|jest|coverage|mock)\b", 3, "a word of testing"),),
    "review": (sign(r"(?:review|audit|code smells?|best practices?|pull request|vulnerabilit(?:y|ies))\b", 3, "a review"),),
    "explanation": (
        sign(r"(?:explain|what does|how does|walk me through|understand|document this|add comments?)\b", 3, "an explanation"),
    ),
    "architecture": (
        sign(
            r"(?:architecture|system design|design an? |data model|schema|microservice|scalab)",
            3,
            "a matter of design",
        ),
    ),
    "agentic": (
        sign(
            r"(?:end[- ]to[- ]end|whole (?:repo|codebase|project)|autonomous|multi-?step|until (?:all|the) tests pass)\b",
            4,
            "a task of many steps",
        ),
    ),
    "generation": (
        sign(r"(?:write|implement|create|build|generate|add|make)\b", 1, "a request to write code"),
        sign(r"(?:function|class|script|endpoint|component|query|regex|one-liner)\b", 1, "a thing to write"),
    ),
}
HARD_MATTERS = (
    sign(r"(?:race conditions?|deadlocks?|concurren(?:t|cy)|thread[- ]safe|lock-free|async)", 1, "concurrency"),
    sign(r"(?:distributed|consensus|consistency|sharding|replication)\b", 1, "distribution"),
    sign(r"(?:performance|optimi[sz]e|latency|memory leak|profil(?:e|ing)|complexity)\b", 1, "performance"),
    sign(r"(?:security|cryptograph|authenticat|injection|sandbox)", 1, "security"),
    sign(r"(?:compiler|parser|kernel|type system|dynamic programming|garbage collect)", 1, "a hard field"),
)
_FILE = re.compile(r"(?<![\w./-])[\w./-]{1,100}\.(?:py|[jt]sx?|go|rs|java|cc?|cpp|h|rb|php|cs|kt|swift|sql|ya?ml|toml|json|sh)\b")


class Task(msgspec.Struct, frozen=True, kw_only=True):
    category: str
    complexity: str
    confidence: float
    reasons: tuple[str, ...]


def classify(prompt: Prompt) -> Task:
    """Category and complexity of what the user said last."""
    verdict = weigh(prompt.text, SIGNS, OTHERWISE)
    if prompt.tool_results or (prompt.tools and prompt.messages > _CONVERSATION):
        reasons = ("an agent is at work: tools and their results", *verdict.reasons)
        return Task(category=verdict.category, complexity="agentic", confidence=1.0, reasons=reasons)
    more = _more_points(prompt)
    points = POINTS[verdict.category] + len(more)
    complexity = _complexity(verdict, points)
    reasons = (*verdict.reasons, *more, f"{points} points are {complexity}")
    return Task(category=verdict.category, complexity=complexity, confidence=verdict.confidence, reasons=reasons)


def tier(mode: str, complexity: str) -> str:
    """The table above."""
    if mode == "agentic":
        return TIERS[-1]
    shift = {"price": -1, "quality": 1}.get(mode, 0)
    return TIERS[min(max(_LEVELS.index(complexity) + shift, 0), len(TIERS) - 1)]


def tier_of(swe_bench: float) -> str | None:
    """The tier of a model with this figure, None where there is none."""
    return next((name for name, lowest in FROM_SWE_BENCH.items() if swe_bench >= lowest), None)


def order(wanted: str, candidates: list[Candidate]) -> list[Candidate]:
    """Candidates best first for a tier; within a tier the cheapest first."""
    level = TIERS.index(wanted)
    return sorted(by_cost(candidates), key=lambda each: _distance(level, tier_of(each.swe_bench)))


def _distance(wanted: int, found: str | None) -> int:
    if found is None:
        return 2 * len(TIERS)
    level = TIERS.index(found)
    return level - wanted if level >= wanted else len(TIERS) + wanted - level


def _complexity(verdict: Verdict, points: int) -> str:
    if verdict.category == "agentic":
        return "agentic"
    if points == 0:
        return "simple"
    return "medium" if points <= _MEDIUM else "complex"


def _more_points(prompt: Prompt) -> list[str]:
    """One reason for each point."""
    lower = prompt.text.lower()
    long = [f"longer than {bound} characters" for bound in (_LONG, _VERY_LONG) if prompt.chars > bound]
    files = ["more than one file"] if len(set(_FILE.findall(lower))) > 1 else []
    hard = [each.says for each in HARD_MATTERS if each.pattern.search(lower)][:_MOST_HARD_MATTERS]
    return [*long, *files, *hard, *(["tools are offered"] if prompt.tools else [])]
