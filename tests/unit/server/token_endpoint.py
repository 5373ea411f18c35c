"""Where service accounts get their tokens: checks what it is asked as Google does, and counts."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import jwt
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@cache
def _key() -> rsa.RSAPrivateKey:
    """One for all tests: it takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Account:
    """A service account and its key file."""

    def __init__(self, email: str = "bot@project.iam.gserviceaccount.com") -> None:
        self.email = email
        self._key = _key()
        self.public = self._key.public_key()
        self.pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    def file(self, token_uri: str, **more: object) -> str:
        told = {"type": "service_account", "client_email": self.email, "private_key": self.pem, "token_uri": token_uri}
        return json.dumps({**told, "private_key_id": "k1", **more})


class Endpoint:
    """`life` is what the next token is given, `trouble` a status and a body instead of one."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.life: Any = 3600
        self.trouble: tuple[int, str] | None = None
        self.assertions: list[dict[str, Any]] = []
        self.url = ""

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        assert form["grant_type"] == _GRANT
        assertion = str(form["assertion"])
        assert jwt.get_unverified_header(assertion) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
        self.assertions.append(jwt.decode(assertion, self._account.public, algorithms=["RS256"], audience=self.url))
        if self.trouble:
            status, body = self.trouble
            headers = {"Location": "/elsewhere"} if status == 302 else {}
            return web.Response(status=status, text=body, headers=headers)
        told = {"access_token": f"token-{len(self.assertions)}", "expires_in": self.life, "token_type": "Bearer"}
        return web.json_response(told)


@asynccontextmanager
async def serving(account: Account) -> AsyncIterator[Endpoint]:
    endpoint = Endpoint(account)
    app = web.Application()
    app.router.add_post("/token", endpoint.token)
    async with TestServer(app, host="127.0.0.1") as server:
        endpoint.url = f"http://127.0.0.1:{server.port}/token"
        yield endpoint
