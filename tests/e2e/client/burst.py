"""As many calls at once as asked for: KEY MODEL CALLS URL...; how often each status came, as JSON on stdout.

Each URL gets CALLS calls by CALLERS threads, all of them at the same time; nobody tries again.
"""

import collections
import http.client
import json
import sys
import threading
from urllib.parse import urlsplit

CALLERS = 8
statuses = collections.Counter()
counting = threading.Lock()


def call(connection, path, key, body):
    connection.request("POST", path, body=body, headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
    response = connection.getresponse()
    response.read()
    return response.status


def caller(url, key, body, calls, begin):
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port or 80, timeout=60)
    begin.wait()
    for _ in range(calls):
        try:
            status = call(connection, f"{place.path}/v1/chat/completions", key, body)
        except (OSError, http.client.HTTPException):
            connection.close()
            status = 0
        with counting:
            statuses[status] += 1


def main():
    key, model, calls, *urls = sys.argv[1:]
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hello"}]})
    begin = threading.Event()
    each = int(calls) // CALLERS
    threads = [threading.Thread(target=caller, args=(url, key, body, each, begin)) for url in urls for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    begin.set()
    for thread in threads:
        thread.join()
    print(json.dumps({str(status): count for status, count in sorted(statuses.items())}))


main()
