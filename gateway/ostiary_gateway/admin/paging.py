"""Pages of a list: `{items, total_count, page, page_size}`."""

from collections.abc import Sequence
from typing import Any

from ostiary_gateway.admin.operations import Parameter

LARGEST = 200
SIZE = Parameter("page_size", "query", {"type": "integer", "minimum": 1, "maximum": LARGEST}, "How many items at most.", 50)
PAGE = Parameter("page", "query", {"type": "integer", "minimum": 1, "maximum": 1_000_000}, "Which page.", 1)


def page_of(items: Sequence[Any], page: int, size: int) -> dict[str, Any]:
    """One page; one behind the last has no items."""
    begin = (page - 1) * size
    return {"items": items[begin : begin + size], "total_count": len(items), "page": page, "page_size": size}
