"""What the matrix has shown: the committed file, and the table that README prints of it.

The file holds, for each client, the version that it was run with and, for each provider, the cases that work.
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.clients.matrix import CASES, CLIENTS, Cell
from tests.clients.providers import PROVIDERS
from tests.support.process import REPOSITORY

FILE = REPOSITORY / "tests/clients/results.json"
BEGIN, END = "<!-- matrix: begin (hack/update/matrix) -->", "<!-- matrix: end -->"
_PYTHON = {
    "openai-python chat": "openai", "openai-python responses": "openai",
    "anthropic-python": "anthropic", "google-genai": "google-genai",
    "langchain-openai": "langchain-openai", "langchain-anthropic": "langchain-anthropic", "litellm": "litellm",
    "pydantic-ai openai": "pydantic-ai-slim", "pydantic-ai anthropic": "pydantic-ai-slim",
}  # fmt: skip
_NODE = {
    "openai-node chat": "openai", "openai-node responses": "openai", "anthropic-node": "@anthropic-ai/sdk",
    "ai-sdk openai": "@ai-sdk/openai", "ai-sdk anthropic": "@ai-sdk/anthropic", "ai-sdk google": "@ai-sdk/google",
}  # fmt: skip


def versions() -> dict[str, str]:
    """Of the clients, as they are pinned."""
    pinned = dict(re.findall(r"^([\w-]+)==([\w.]+)", (REPOSITORY / "hack/requirements/clients.txt").read_text(), re.MULTILINE))
    node = json.loads((REPOSITORY / "tests/sdk/package.json").read_text())["devDependencies"]
    return {client: pinned[_PYTHON[client]] if client in _PYTHON else node[_NODE[client]] for client in CLIENTS}


def dump(told: Mapping[Cell, str]) -> str:
    """The text of the file, of what went wrong in each cell."""
    pinned = versions()
    clients = {
        client: {
            "version": pinned[client],
            "works": {
                provider: " ".join(case for case in CASES if told.get(Cell(client, provider, case)) == "")
                for provider in PROVIDERS
            },
        }
        for client in CLIENTS
    }
    return json.dumps(clients, indent=1, ensure_ascii=False) + "\n"


def table(text: str) -> str:
    """The table in Markdown, of the text of the file."""
    rows = [f"| client | {' | '.join(PROVIDERS)} |", f"|---|{'---|' * len(PROVIDERS)}"]
    for client, of in json.loads(text).items():
        entries = (_entry(of["works"][provider].split()) for provider in PROVIDERS)
        rows.append(f"| {client} {of['version']} | {' | '.join(entries)} |")
    return "\n".join([*rows, "", f"Each entry counts {len(CASES)} cases: {', '.join(CASES[:-1])} and {CASES[-1]}."]) + "\n"


def _entry(works: Sequence[str]) -> str:
    missing = [case for case in CASES if case not in works]
    return f"{len(works)}/{len(CASES)}" + (f" (not {', '.join(missing)})" if missing else "")


def put(document: str, shown: str) -> str:
    """The document with this table between its marks.

    Raises:
        ValueError: the marks are not there.
    """
    head, begin, rest = document.partition(BEGIN + "\n")
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"no {BEGIN} ... {END}")
    return f"{head}{begin}{shown}{end}{tail}"


def main(output: Path) -> None:
    """README with the table of the committed results."""
    output.write_text(put((REPOSITORY / "README.md").read_text(), table(FILE.read_text())))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
