"""The languages that clients and providers speak, one name for each.

A dialect is a shape of requests, answers, streams and errors: `chat` (OpenAI Chat Completions), `completions` (OpenAI's
older one), `responses` (OpenAI Responses), `embeddings` (OpenAI), `messages` (Anthropic Messages), `count_tokens` (Anthropic),
`generate` (Google generateContent and streamGenerateContent), `embed` (Google batchEmbedContents), `converse` (AWS Bedrock
Converse and ConverseStream), and those that are passed on and never translated: `images`, `audio`, `moderations`, `files`,
`batches`.
"""

from collections.abc import Mapping
from typing import Literal

Dialect = Literal[
    "chat", "completions", "responses", "embeddings", "messages", "count_tokens", "generate", "embed", "converse",
    "images", "audio", "moderations", "files", "batches",
]  # fmt: skip

PATHS: Mapping[str, str] = {
    "chat": "/v1/chat/completions",
    "completions": "/v1/completions",
    "responses": "/v1/responses",
    "embeddings": "/v1/embeddings",
    "messages": "/v1/messages",
    "count_tokens": "/v1/messages/count_tokens",
}
"""Where a client asks in a dialect, and where a provider is asked that says nothing else."""

TRANSLATIONS: Mapping[str, tuple[Dialect, ...]] = {
    "chat": ("messages", "generate", "converse", "responses"),
    "completions": ("chat", "messages", "generate", "converse", "responses"),
    "responses": ("chat", "messages", "generate", "converse"),
    "messages": ("converse", "chat", "generate", "responses"),
    "generate": ("chat", "messages", "converse", "responses"),
    "embeddings": ("embed",),
}
"""What a client's dialect can be said in, best first. A dialect that is not here is spoken by the provider or refused."""
