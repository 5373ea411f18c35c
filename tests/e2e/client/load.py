"""Load until stdin ends: BASE_URL KEY. Half of the callers keep their connections, half make new ones.

Each request is a chat completion; whatever is not a 200 with the echoed text has failed. No caller tries again.
Prints `started` after the first answer and, at the end, {"requests", "failed": {what: how often}} as JSON.
"""

import collections
import http.client
import json
import sys
import threading
import time
from urllib.parse import urlsplit

CALLERS = 6
PAUSE = 0.02  # between two requests: a steady load, not the most that fits

done = collections.Counter()
failed = collections.Counter()
stop = threading.Event()
started = threading.Event()


def call(connection, path, key, number):
    text = f"request {number}"
    body = json.dumps({"model": "fake/echo", "messages": [{"role": "user", "content": text}]})
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request("POST", path, body=body, headers=headers)
    response = connection.getresponse()
    content = response.read()
    if response.status != 200:
        return f"status {response.status}"
    return "" if text in content.decode() else "another answer"


def caller(base, key, keep):
    place = urlsplit(base)
    number = 0
    connection = None
    while not stop.is_set():
        number += 1
        connection = connection or http.client.HTTPConnection(place.hostname, place.port or 80, timeout=30)
        try:
            problem = call(connection, f"{place.path}/chat/completions", key, number)
        except (OSError, http.client.HTTPException) as error:
            problem = f"{type(error).__name__} {'kept' if keep else 'new'} {error}"
            connection.close()
            connection = None
        done["requests"] += 1
        if problem:
            failed[problem] += 1
        started.set()
        if connection and not keep:
            connection.close()
            connection = None
        time.sleep(PAUSE)


def main():
    threads = [threading.Thread(target=caller, args=(*sys.argv[1:3], n % 2 == 0)) for n in range(CALLERS)]
    for thread in threads:
        thread.start()
    started.wait()
    print("started", flush=True)
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join()
    print(json.dumps({"requests": done["requests"], "failed": failed}), flush=True)


main()
