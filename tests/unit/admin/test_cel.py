"""The part of CEL that rules are written in: as the API server evaluates it, or refused when it is read."""

import pytest

from ostiary_gateway.admin.cel import CelError, holds, parse
from ostiary_gateway.admin.kinds import KINDS
from ostiary_gateway.admin.rules import RULES, with_defaults

SELF = {"a": 1, "text": "Ab-c", "list": [{"n": 1}, {"n": 2}, {"n": 2}], "inner": {"x": True}, "none": []}
TRUE = [
    "has(self.a) && !has(self.b)",
    "has(self.inner.x) && !has(self.inner.y)",
    "self.a + 1 * 2 == 3 && (self.a + 1) * 2 == 4",
    "self.a < 2 && self.a <= 1 && self.a > 0 && self.a >= 1 && self.a != 2",
    "self.a in [1, 2] && !(self.a in [])",
    "self.text.lowerAscii() == 'ab-c' && self.text.contains('-') && self.text.matches('^A') && !self.text.matches('^b')",
    "int('4' + '2') == 42 && self.text.charAt(0) == 'A' && self.text + '!' == 'Ab-c!'",
    "size(self.list) == 3 && self.list.size() == 3 && self.none.size() == 0",
    "self.list.all(o, o.n > 0) && self.none.all(o, o.n > 0) && self.list.exists(o, o.n == 1)",
    "self.list.exists_one(o, o.n == 1) && !self.list.exists_one(o, o.n == 2)",
    "self.list.all(o, self.list.exists(p, p.n == o.n))",
    "self.list.filter(o, o.n == 2).size() == 2",
    "type(self.a) == int && type(self.text) != int",
    "self.b.c == 1 || self.a == 1",
    "self.a == 1 || self.b.c == 1",
    "!!self.inner.x",
    "has(self.a) != has(self.b)",
]
FALSE = ["self.b == 1", "self.a", "self.a == 2 || self.b.c == 1", "self.inner.x && self.b.c", "self.a < 'x'", "int('x') == 1"]
UNKNOWN = [
    "",
    "self.",
    "self.a ==",
    "(self.a",
    "self.a)",
    "self.a.map(x, x)",
    "f(self)",
    "self ? 1 : 2",
    "'open",
    "self['a']",
    "1 2",
    "has(1)",
]


@pytest.mark.parametrize("rule", TRUE)
def test_a_rule_holds(rule: str) -> None:
    assert holds(parse(rule), SELF)


@pytest.mark.parametrize("rule", FALSE)
def test_a_rule_that_is_false_or_cannot_be_evaluated_does_not_hold(rule: str) -> None:
    assert not holds(parse(rule), SELF)


@pytest.mark.parametrize("rule", UNKNOWN)
def test_what_is_not_of_this_part_is_refused_when_it_is_read(rule: str) -> None:
    with pytest.raises(CelError):
        parse(rule)


def test_every_rule_of_every_resource_is_of_this_part() -> None:
    def rules(schema: object) -> list[str]:
        if isinstance(schema, dict):
            return [rule["rule"] for rule in schema.get(RULES, ())] + [each for value in schema.values() for each in rules(value)]
        return [each for value in schema for each in rules(value)] if isinstance(schema, list) else []

    found = [rule for kind in KINDS for rule in rules(kind.structural)]
    assert len(found) > 20
    for rule in found:
        parse(rule)


def test_rules_see_what_is_left_out_as_the_api_server_keeps_it() -> None:
    schema = {
        "properties": {
            "a": {"default": 1},
            "b": {"properties": {"c": {"default": 2}}},
            "d": {"items": {"properties": {"e": {"default": 3}}}},
        }
    }
    assert with_defaults(schema, {"b": {}, "d": [{}, {"e": 4}], "f": 5}) == {
        "a": 1,
        "b": {"c": 2},
        "d": [{"e": 3}, {"e": 4}],
        "f": 5,
    }
    assert with_defaults(schema, {"a": 0}) == {"a": 0}
