import pytest

from ostiary_gateway.fake.script import Script, parse


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", Script()),
        ("gpt-4.1-mini", Script()),
        ("claude-3-5-sonnet-20241022", Script()),
        ("echo", Script(echo=True)),
        ("status-503", Script(status=503)),
        ("html-502", Script(status=502, html=True)),
        ("retry-after-7", Script(status=429, retry_after=7)),
        ("slow-20x5.crlf.split-3", Script(delay_ms=20, events=5, crlf=True, split=3)),
        ("break-2.cached", Script(break_after=2, usage="cached")),
        ("stall-0.nospace.zero", Script(stall_after=0, nospace=True, usage="zero")),
        ("events-4000.fault-3.pings", Script(events=4000, fault_after=3, pings=True)),
        ("thinks.length.notools", Script(thinks=True, ending="length", notools=True)),
        ("refuses.rates.cumulative", Script(refuses=True, rates=True, cumulative=True)),
        ("expires-2.filtered", Script(expires=2, ending="filter")),
        ("big-64.nousage.close", Script(big_kib=64, usage="none", close=True)),
    ],
)
def test_words_of_a_model_name_are_a_script(name: str, expected: Script) -> None:
    assert parse(name) == expected
