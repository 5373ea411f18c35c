"""Ask several URLs again and again with one key: KEY WANTED_STATUS SECONDS URL...

A JSON line for each URL when its first answer came, and one when it first answered WANTED_STATUS; ends when all have.
`at` is when that request was sent, in Unix seconds: an answer cannot have been decided earlier.
"""

import http.client
import json
import sys
import threading
import time
from urllib.parse import urlsplit

PAUSE = 0.02  # between two requests: a steady load, not the most that fits
telling = threading.Lock()


def ask(connection, path, key):
    sent = time.time()
    connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
    response = connection.getresponse()
    response.read()
    return sent, response.status


def tell(what):
    """A whole line at once: the threads share stdout."""
    with telling:
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()


def watch(url, key, wanted, deadline):
    place = urlsplit(url)
    first = True
    connection = http.client.HTTPConnection(place.hostname, place.port or 80, timeout=10)
    while time.time() < deadline:
        try:
            sent, status = ask(connection, place.path, key)
        except (OSError, http.client.HTTPException):
            connection.close()
            sent, status = time.time(), 0
        if first or status == wanted:
            tell({"url": url, "at": sent, "status": status, "reached": status == wanted})
            first = False
        if status == wanted:
            return
        time.sleep(PAUSE)


def main():
    key, wanted, seconds, *urls = sys.argv[1:]
    deadline = time.time() + float(seconds)
    threads = [threading.Thread(target=watch, args=(url, key, int(wanted), deadline)) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


main()
