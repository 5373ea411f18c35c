"""Tokens of a reply: find the provider's raw usage objects in a body, and say what they mean.

Pure and table-driven. nginx's collector finds the raw objects of proxied replies by the same rules; the golden cases in
`tests/golden/usage` hold both to them.
"""

from ostiary_gateway.usage.counting import count_tokens, tokenizer
from ostiary_gateway.usage.extract import REPLY_LIMIT, Reply, extract
from ostiary_gateway.usage.normalise import normalise

__all__ = ["REPLY_LIMIT", "Reply", "count_tokens", "extract", "normalise", "tokenizer"]
