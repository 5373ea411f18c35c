"""GZ-22: Google's SDK lists models and asks for one. OpenAI's and Anthropic's do so in tests/integration/test_models_list.py."""

import json
import subprocess

from tests.support.gateway import Gateway
from tests.support.manifests import api_key, model, provider
from tests.support.process import REPOSITORY

KEY = "sk-clients-models"
_SECONDS = 60


def test_gz_22_googles_sdk_reads_all_pages_and_one_model(gateway: Gateway) -> None:
    gateway.apply(
        *provider("away", "http://127.0.0.1:1", credential="sk-nobody"),
        *(model(f"cl-{name}", "away", catalogue={"contextLength": 1234}) for name in ("one", "three", "two")),
        api_key("clients-models", KEY, models=["cl-*"]),
        file="clients-models",
    )
    program = str(REPOSITORY / "tests/clients/python/google_models.py")
    python = str(REPOSITORY / ".venv-clients/bin/python")
    said = subprocess.run([python, program, gateway.base_url, KEY], capture_output=True, text=True, timeout=_SECONDS, check=False)
    assert said.returncode == 0, said.stderr
    told = json.loads(said.stdout)
    assert told == {
        "found": ["models/cl-one", "models/cl-three", "models/cl-two"],
        "one": ["models/cl-one", 1234],
        "status": 404,
        "word": "NOT_FOUND",
    }
