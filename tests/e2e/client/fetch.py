"""Raw HTTP requests, as JSON on stdin: a list of {"url", "method", "headers", "body"}; answers likewise on stdout."""

import http.client
import json
import sys
from urllib.parse import urlsplit


def fetch(ask):
    place = urlsplit(ask["url"])
    connection = http.client.HTTPConnection(place.hostname, place.port or 80, timeout=30)
    target = ask["url"].split(place.netloc, 1)[1] or "/"
    try:
        body = ask["body"].encode() if "body" in ask else None
        connection.request(ask.get("method", "GET"), target, body=body, headers=ask.get("headers", {}))
        response = connection.getresponse()
        content = response.read()
    except (OSError, http.client.HTTPException) as error:
        return {"status": 0, "headers": {}, "body": type(error).__name__}
    finally:
        connection.close()
    return {
        "status": response.status,
        "headers": {k.lower(): v for k, v in response.getheaders()},
        "body": content.decode(),
    }


print(json.dumps([fetch(ask) for ask in json.load(sys.stdin)]))
