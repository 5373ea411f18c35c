"""google-genai's lists of models: `google_models.py <base URL> <key>` tells what it found as JSON."""

import json
import sys

from google import genai
from google.genai import errors, types

with genai.Client(api_key=sys.argv[2], http_options=types.HttpOptions(base_url=sys.argv[1])) as client:
    found = [model.name for model in client.models.list(config={"page_size": 2})]
    one = client.models.get(model="cl-one")
    try:
        client.models.get(model="cl-unheard-of")
    except errors.ClientError as error:
        print(json.dumps({"found": found, "one": [one.name, one.input_token_limit], "status": error.code, "word": error.status}))
