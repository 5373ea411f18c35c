"""nginx's configuration as a tree of directives, and the one printer that quotes.

Whatever is in an argument, it stays one argument of its directive: it cannot end it, open a block, begin a comment or
name a variable. What nginx has no way to quote is an error.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_NAME = re.compile("[a-z][a-z0-9_]*")
_PLAIN = re.compile(r"[A-Za-z0-9_.:/@%+,=\[\]-]+")
_IMPOSSIBLE = re.compile("[\x00-\x1f\x7f$\\\\\ud800-\udfff]")
_INDENT = "    "


class RenderError(ValueError):
    """A value that no quoting makes safe.

    A control character; a `$`, which nginx always takes for a variable; a backslash, which programs that read nginx's files do
    not all understand alike.
    """


@dataclass(frozen=True, slots=True)
class Directive:
    """`block` is None for `name args;` and a tuple for `name args { ... }`."""

    name: str
    args: tuple[str, ...] = ()
    block: "tuple[Directive, ...] | None" = None


def to_text(directives: Iterable[Directive]) -> str:
    """Print a tree.

    Raises:
        RenderError: a name is no directive's name, or an argument cannot be quoted.
    """
    return "".join(line + "\n" for directive in directives for line in _lines(directive, ""))


def quote(argument: str) -> str:
    """One argument as nginx reads it back."""
    if _IMPOSSIBLE.search(argument):
        raise RenderError("an argument holds a control character, a $ or a backslash")
    if _PLAIN.fullmatch(argument):
        return argument
    escaped = argument.replace('"', '\\"')
    return f'"{escaped}"'


def _lines(directive: Directive, indent: str) -> Iterator[str]:
    if not _NAME.fullmatch(directive.name):
        raise RenderError("no name of a directive")
    head = " ".join((directive.name, *map(quote, directive.args)))
    if directive.block is None:
        yield f"{indent}{head};"
        return
    yield f"{indent}{head} {{"
    for child in directive.block:
        yield from _lines(child, indent + _INDENT)
    yield f"{indent}}}"
