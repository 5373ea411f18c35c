"""The part of the Common Expression Language that the custom resources' rules are written in.

In a cluster the API server evaluates them; a folder of manifests has nobody else to. What a rule uses beyond this part is a
`CelError` when it is read, so a test over all rules shows that none does.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

Names = Mapping[str, Any]
Expression = Callable[[Names], Any]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+)|(?P<text>'[^'\\]*')|(?P<name>[A-Za-z_]\w*)|(?P<sign>\|\||&&|[=!<>]=|[-!<>+*.(),\[\]]))"
)
_ERRORS = (LookupError, TypeError, ValueError, AttributeError)
_RELATIONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "in": lambda a, b: a in b,
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {"size": len, "int": int, "type": type}
_METHODS: Mapping[str, Callable[..., Any]] = {
    "size": len,
    "matches": lambda text, pattern: re.search(pattern, text) is not None,
    "contains": lambda text, part: part in text,
    "lowerAscii": lambda text: re.sub("[A-Z]+", lambda found: found[0].lower(), text),
    "charAt": lambda text, place: text[place],
}
_MACROS: Mapping[str, Callable[[list[Any], list[Any]], Any]] = {
    "all": lambda _, said: all(said),
    "exists": lambda _, said: any(said),
    "exists_one": lambda _, said: said.count(True) == 1,
    "filter": lambda items, said: [item for item, kept in zip(items, said, strict=True) if kept],
}


class CelError(ValueError):
    """The rule is no CEL, or CEL of another part."""


def holds(rule: Expression, value: object) -> bool:
    """Whether a rule is true of a value (`self`); one that cannot be evaluated is not, as in the API server."""
    try:
        return rule({"self": value, "int": int}) is True
    except _ERRORS:
        return False


def parse(text: str) -> Expression:
    """A rule that can be evaluated.

    Raises:
        CelError: it uses what is not known here.
    """
    parser = _Parser(text)
    found = parser.disjunction()
    if parser.next:
        raise CelError(f"{text}: {parser.next} is too much")
    return found


class _Parser:
    """Recursive descent; `next` is the next one, empty at the end."""

    def __init__(self, text: str) -> None:
        self._text = text.strip()
        self._at = 0
        self.next = self.kind = ""
        self._advance()

    def disjunction(self) -> Expression:
        found = self._conjunction()
        while self.next == "||":
            self._advance()
            found = _either(found, self._conjunction())
        return found

    def _conjunction(self) -> Expression:
        found = self._relation()
        while self.next == "&&":
            self._advance()
            found = _both(found, self._relation())
        return found

    def _relation(self) -> Expression:
        found = self._sum()
        while self.next in _RELATIONS:
            found = _binary(_RELATIONS[self._advance()], found, self._sum())
        return found

    def _sum(self) -> Expression:
        found = self._product()
        while self.next == "+":
            self._advance()
            found = _binary(lambda a, b: a + b, found, self._product())
        return found

    def _product(self) -> Expression:
        found = self._unary()
        while self.next == "*":
            self._advance()
            found = _binary(lambda a, b: a * b, found, self._unary())
        return found

    def _unary(self) -> Expression:
        if self.next != "!":
            return self._member()
        self._advance()
        inner = self._unary()
        return lambda names: not inner(names)

    def _member(self) -> Expression:
        found = self._primary()
        while self.next == ".":
            self._advance()
            name = self._expect("name")
            found = self._called(found, name) if self.next == "(" else _selected(found, name)
        return found

    def _primary(self) -> Expression:
        kind, word = self.kind, self._advance()
        if kind == "number":
            return _constant(int(word))
        if kind == "text":
            return _constant(word[1:-1])
        if word == "(":
            found = self.disjunction()
            self._expect("sign", ")")
            return found
        if word == "[":
            items = self._arguments("]")
            return lambda names: [item(names) for item in items]
        if kind == "name" and self.next == "(":
            return self._function(word)
        if kind == "name":
            return lambda names: names[word]
        raise CelError(f"{self._text}: {word or 'the end'} is unexpected")

    def _function(self, name: str) -> Expression:
        self._advance()
        if name == "has":
            return self._has()
        if name not in _FUNCTIONS:
            raise CelError(f"{self._text}: {name}() is not known")
        return _applied(_FUNCTIONS[name], self._arguments(")"))

    def _has(self) -> Expression:
        """`has(a.b.c)`: whether `a.b` has a `c`."""
        path = [self._expect("name")]
        while self.next == ".":
            self._advance()
            path.append(self._expect("name"))
        self._expect("sign", ")")

        def there(names: Names) -> bool:
            found: Any = names
            for step in path[:-1]:
                found = found[step]
            return path[-1] in found

        return there

    def _called(self, target: Expression, name: str) -> Expression:
        self._advance()
        if name in _MACROS:
            variable = self._expect("name")
            self._expect("sign", ",")
            (predicate,) = self._arguments(")")
            return _over(_MACROS[name], target, variable, predicate)
        if name not in _METHODS:
            raise CelError(f"{self._text}: .{name}() is not known")
        return _applied(_METHODS[name], [target, *self._arguments(")")])

    def _arguments(self, end: str) -> list[Expression]:
        found: list[Expression] = []
        while self.next != end:
            found.append(self.disjunction())
            if self.next != end:
                self._expect("sign", ",")
        self._advance()
        return found

    def _expect(self, kind: str, token: str = "") -> str:
        if self.kind != kind or token not in ("", self.next):
            raise CelError(f"{self._text}: {self.next or 'the end'} is unexpected")
        return self._advance()

    def _advance(self) -> str:
        """Go on to the next token. Returns: the one before."""
        before = self.next
        if self._at == len(self._text):
            self.next = self.kind = ""
            return before
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            raise CelError(f"{self._text}: cannot be read from character {self._at}")
        self._at, self.kind = match.end(), match.lastgroup or ""
        self.next = match[self.kind]
        return before


def _constant(value: object) -> Expression:
    return lambda _: value


def _selected(target: Expression, name: str) -> Expression:
    return lambda names: target(names)[name]


def _binary(work: Callable[[Any, Any], Any], left: Expression, right: Expression) -> Expression:
    return lambda names: work(left(names), right(names))


def _applied(work: Callable[..., Any], arguments: list[Expression]) -> Expression:
    return lambda names: work(*(argument(names) for argument in arguments))


def _both(left: Expression, right: Expression) -> Expression:
    return lambda names: left(names) and right(names)


def _either(left: Expression, right: Expression) -> Expression:
    """The right side decides where the left one cannot be evaluated."""

    def found(names: Names) -> Any:
        try:
            said = left(names)
        except _ERRORS:
            if right(names) is True:
                return True
            raise
        return said or right(names)

    return found


def _over(work: Callable[[list[Any], list[Any]], Any], target: Expression, variable: str, predicate: Expression) -> Expression:
    def found(names: Names) -> Any:
        items = list(target(names))
        return work(items, [predicate({**names, variable: item}) for item in items])

    return found
