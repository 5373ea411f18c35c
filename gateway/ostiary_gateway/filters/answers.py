"""What the answer of an HTTP filter means (PL-29)."""

from typing import Any

from ostiary_gateway.filters import literals, verdicts
from ostiary_gateway.filters.literals import NotJsonError
from ostiary_gateway.filters.verdicts import Verdict

LONGEST_STOP = 65536  # bytes of an answer that the client is shown
_OK, _NO_CONTENT = 200, 204
_CLIENT_ERRORS, _SERVER_ERRORS = range(400, 500), range(500, 600)
_NOT_TO_CHANGE = ("model", "stream")  # who answers has been decided, and the client waits for an answer of this kind


def verdict(status: int, answer: bytes, sent: str) -> Verdict:
    """200 goes on, with the answer in place of what was sent if there is one; 4xx stops; everything else is a failure.

    Args:
        status: of the answer; 5xx is what the client sees too, where failures stop.
        answer: its body.
        sent: the JSON object that the filter was shown.
    """
    if status == _NO_CONTENT or (status == _OK and not answer.strip()):
        return verdicts.PASSED
    if status == _OK:
        return _changed(answer, sent)
    if status in _CLIENT_ERRORS:
        return verdicts.rejected(_shown(answer), status)
    if status in _SERVER_ERRORS:
        return verdicts.failed(_shown(answer), status)
    return verdicts.failed(f"the filter answered {status}")


def _changed(answer: bytes, sent: str) -> Verdict:
    try:
        text = answer.decode()
        value, repeated = literals.load(text)
    except (NotJsonError, UnicodeDecodeError):
        return verdicts.failed("the filter answered with something that is not JSON")
    if not isinstance(value, dict):
        return verdicts.failed("the filter answered with JSON that is no object")
    if text == sent:
        return verdicts.PASSED
    original, _ = literals.load(sent)
    restored = _restored(value, original)
    return verdicts.changed(literals.dump(restored) if repeated or restored != value else text)


def _restored(value: dict[str, Any], original: dict[str, Any]) -> dict[str, Any]:
    if all(value.get(name, ...) == original.get(name, ...) for name in _NOT_TO_CHANGE):
        return value
    kept = {name: original[name] for name in _NOT_TO_CHANGE if name in original}
    return {name: item for name, item in value.items() if name not in _NOT_TO_CHANGE} | kept


def _shown(answer: bytes) -> str:
    return answer[:LONGEST_STOP].decode(errors="replace")
