"""One chat completion with the official SDK, as JSON on stdout: BASE_URL KEY MODEL TEXT [stream].

With `stream`, the moments (seconds since the request) at which the chunks with text came.
"""

import json
import sys
import time

import openai


def main() -> None:
    base, key, model, text, *rest = sys.argv[1:]
    client = openai.OpenAI(base_url=base, api_key=key, max_retries=0, timeout=60)
    messages = [{"role": "user", "content": text}]
    try:
        answer = streamed(client, model, messages) if rest == ["stream"] else whole(client, model, messages)
    except openai.APIStatusError as error:
        answer = {"status": error.status_code, "class": type(error).__name__, "body": error.body}
    print(json.dumps(answer))


def whole(client, model, messages):
    raw = client.chat.completions.with_raw_response.create(model=model, messages=messages)
    reply = raw.parse()
    return {
        "status": raw.status_code,
        "text": reply.choices[0].message.content,
        "tokens": [reply.usage.prompt_tokens, reply.usage.completion_tokens],
        "request_id": raw.headers["x-request-id"],
    }


def streamed(client, model, messages):
    began = time.monotonic()
    times, text = [], []
    for chunk in client.chat.completions.create(model=model, messages=messages, stream=True):
        if chunk.choices and chunk.choices[0].delta.content:
            times.append(time.monotonic() - began)
            text.append(chunk.choices[0].delta.content)
    return {"status": 200, "times": times, "ended": time.monotonic() - began, "text": "".join(text)}


main()
