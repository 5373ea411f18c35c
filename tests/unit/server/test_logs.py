import json
import logging
import sys

from ostiary_gateway.server.logs import JsonLines


def formatted(message, *args, exc_info=None, **extra):
    record = logging.getLogger("x").makeRecord("x", logging.INFO, "f", 1, message, args, exc_info, extra=extra)
    text = JsonLines().format(record)
    assert "\n" not in text
    return json.loads(text)


def test_a_line_is_one_json_object():
    line = formatted("two\nlines of %s", "text", bundle="abc", folder=object)
    assert line["message"] == "two\nlines of text"
    assert (line["level"], line["logger"], line["bundle"]) == ("INFO", "x", "abc")
    assert line["time"].endswith("Z")


def test_a_traceback_stays_on_its_line():
    try:
        int("why")
    except ValueError:
        line = formatted("failed", exc_info=sys.exc_info())
    assert line["traceback"].endswith("ValueError: invalid literal for int() with base 10: 'why'")
