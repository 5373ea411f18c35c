"""`router:general[:mode]`: what kind of task a prompt is, and in which order targets come for it (GZ-20).

| mode | a sure category that is easy | a sure category that is hard | not sure |
|---|---|---|---|
| balanced | cheapest first | best quality first | the Model's own order |
| quality | best quality first | best quality first | the Model's own order |
| cost | cheapest first | cheapest of the better half first | the Model's own order |
| latency | fastest first | fastest first | the Model's own order |

The Model's own order begins with the mode's fallback (hack/samples/routers.yaml). Routes of the Model that bear a category's
name are the candidates for it instead of all backends.
"""

from ostiary_gateway.routing.order import Candidate, by_cost, by_latency, by_quality, cheapest_of_the_better
from ostiary_gateway.routing.prompt import Prompt
from ostiary_gateway.routing.signs import Sign, Verdict, sign, weigh

DEFAULT = "balanced"
MODES = ("balanced", "quality", "cost", "latency")
FALLBACKS = {
    "quality": "openai/gpt-4o",
    "cost": "openai/gpt-4o-mini",
    "latency": "groq/llama-3.3-70b-versatile",
    "balanced": "anthropic/claude-sonnet-4-20250514",
}
OTHERWISE = "chat"
HARD = frozenset({"code", "math", "reasoning", "analysis"})

SIGNS: dict[str, tuple[Sign, ...]] = {
    "code": (
        sign(r"```", 3, "a block of code"),
        sign(
            r"(?:def \w+\(|class \w+[:({]|from \w+ import|const \w+ =|public static|select .{1,80}? from)",
            2,
            "a line of a program",
        ),
        sign(r"(?:traceback|stack ?trace|exception|compile error|segfault)", 3, "an error of a program"),
        sign(
            r"(?:python|(?:java|type)script|java|rust|golang|c\+\+|sql|bash|regex|kubernetes)\b",
            2,
            "a language or tool",
        ),
        sign(r"(?:code|function|script|program|debug|refactor|unit test|algorithm)s?\b", 2, "a word of programming"),
    ),
    "math": (
        sign(
            r"(?:integral|derivative|equation|theorem|matrix|eigenvalue|polynomial|logarithm)s?\b",
            3,
            "a word of mathematics",
        ),
        sign(r"(?:solve|prove|calculate|compute|simplify|differentiate|integrate)\b", 2, "a mathematical request"),
        sign(r"\d+\s*[-+*/^=]\s*\d+", 2, "a formula"),
    ),
    "reasoning": (
        sign(r"(?:step by step|think through|reason about|logic puzzle|riddle)\b", 3, "a request to reason"),
        sign(r"(?:why does|why do|why is|what would happen if|how come|deduce|infer)\b", 2, "a question for causes"),
        sign(r"(?:therefore|assume that|given that|hypothes[ie]s)\b", 1, "a word of an argument"),
    ),
    "analysis": (
        sign(r"(?:analy[sz]e|evaluate|assess|compare|contrast|critique|review)\b", 3, "a request to analyse"),
        sign(r"(?:pros and cons|trade-?offs|advantages and disadvantages|implications|root cause)\b", 3, "a weighing of sides"),
        sign(r"(?:report|data ?set|quarter|revenue|trend|market)s?\b", 1, "a matter of analysis"),
    ),
    "creative": (
        sign(
            r"(?:write|compose|invent|make up|tell)\b.{0,40}\b(?:story|poem|song|haiku|joke|slogan|novel)",
            4,
            "a request for something invented",
        ),
        sign(r"(?:story|poem|haiku|limerick|lyrics|screenplay|brainstorm|slogan)\b", 2, "a word of creative writing"),
    ),
    "summarisation": (
        sign(r"(?:summari[sz]e|sum up|tl;?dr|condense|key (?:points|takeaways))\b", 4, "a request to summarise"),
        sign(r"(?:in (?:one|two|three|a few) sentences?|shorter version|brief overview)\b", 2, "a request to be short"),
    ),
    "translation": (
        sign(r"translat(?:e|ion)\b", 4, "a request to translate"),
        sign(
            r"(?:in|into|to) (?:english|french|german|spanish|italian|portuguese|japanese|chinese|russian|arabic)\b",
            2,
            "a target language",
        ),
    ),
    "extraction": (
        sign(r"(?:extract|classify|categori[sz]e|label|tag|parse)\b", 3, "a request to extract or to label"),
        sign(r"(?:as json|in json|json object|csv|yaml|table with columns|bullet list of)\b", 2, "a format for data"),
    ),
    "question": (
        sign(r"(?:what is|what are|who is|who was|when did|when was|where is|how many|how much|which)\b", 2, "a short question"),
        sign(r"(?:capital of|definition of|define|meaning of)\b", 2, "a question for a fact"),
    ),
    "chat": (sign(r"(?:hi|hello|hey|good (?:morning|evening)|thanks|thank you|how are you)\b", 2, "a greeting"),),
}


def classify(prompt: Prompt) -> Verdict:
    """The category of what the user said last."""
    return weigh(prompt.text, SIGNS, OTHERWISE)


def order(mode: str, verdict: Verdict, candidates: list[Candidate]) -> list[Candidate]:
    """Candidates best first, as the table above says; the verdict is a sure one."""
    hard = verdict.category in HARD
    if mode == "latency":
        return by_latency(candidates)
    if mode == "quality" or (mode == "balanced" and hard):
        return by_quality(candidates)
    return cheapest_of_the_better(candidates) if hard else by_cost(candidates)
