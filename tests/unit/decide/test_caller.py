import pytest

from ostiary_gateway.decide.caller import key_in


@pytest.mark.parametrize(
    ("authorization", "x_api_key", "key"),
    [
        pytest.param("Bearer sk-1", None, "sk-1", id="lm_02_bearer"),
        pytest.param("bearer sk-1", None, "sk-1", id="lm_03_scheme_in_any_case"),
        pytest.param(None, "sk-2", "sk-2", id="lm_04_x_api_key"),
        pytest.param("Bearer bad", "sk-2", "bad", id="lm_05_bearer_decides"),
        pytest.param("Bearer ", None, "", id="lm_06_empty_bearer"),
        pytest.param("Bearer ", "sk-2", "", id="lm_06_empty_bearer_still_decides"),
        pytest.param("Basic abc", None, "", id="lm_07_other_scheme"),
        pytest.param("Basic abc", "sk-2", "sk-2", id="lm_07_other_scheme_falls_through"),
        pytest.param("AWS4-HMAC-SHA256 Credential=AKIA/x", None, "", id="lm_08_sigv4"),
        pytest.param("", "", "", id="nothing"),
    ],
)
def test_key_in_headers(authorization, x_api_key, key):
    assert key_in(authorization, x_api_key) == key
