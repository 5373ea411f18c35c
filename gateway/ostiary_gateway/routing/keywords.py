"""The simplest matcher: the route whose keywords occur in what the user said last."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from ostiary_gateway.contract.model import Route
from ostiary_gateway.routing.prompt import Prompt

_LONGER = re.compile(r"[^\W\d_]{4,}")
_EMPTY = frozenset(
    ("about", "also", "asks", "asking", "based", "does", "from", "help", "into", "like", "more", "other", "question", "questions",
     "request", "requests", "such", "task", "tasks", "than", "that", "their", "them", "these", "this", "user", "users", "using",
     "what", "when", "which", "will", "with", "your"),
)  # fmt: skip


def match(routes: Sequence[Route], prompt: Prompt) -> tuple[str | None, str]:
    """The name of the route, and why: the first that has a keyword in the text, as whole words, whatever their case.

    A route without keywords is known by the longer words of its name and description, but only where no keyword was found;
    the one with the most of them counts then.
    """
    text = prompt.text.lower()
    for route in routes:
        found = list(_found(route.keywords, text))
        if found:
            return route.name, f"found {', '.join(found)}"
    described = {route.name: list(_found(_words(route), text)) for route in routes if not route.keywords}
    best = max(described, key=lambda name: len(described[name]), default=None)
    if best is None or not described[best]:
        return None, "no keyword of any route occurs"
    return best, f"found {', '.join(described[best])} of its description"


def _found(keywords: Iterable[str], text: str) -> Iterable[str]:
    return (keyword for keyword in keywords if _pattern(keyword).search(text))


@lru_cache(maxsize=4096)
def _pattern(keyword: str) -> re.Pattern[str]:
    words = r"\s+".join(re.escape(word) for word in keyword.lower().split())
    return re.compile(rf"(?<!\w){words}(?!\w)")


def _words(route: Route) -> list[str]:
    return sorted({word for word in _LONGER.findall(f"{route.name} {route.description}".lower()) if word not in _EMPTY})
