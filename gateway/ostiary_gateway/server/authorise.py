"""Who may call: `POST /auth` for nginx, `GET /auth` for LMGate's clients (LM-10)."""

import msgspec
from aiohttp import web

from ostiary_gateway.contract.allowlist import hash_key
from ostiary_gateway.contract.decision import Ask, Refusal
from ostiary_gateway.decide import refusals
from ostiary_gateway.decide.caller import key_in
from ostiary_gateway.server.clock import now_ms
from ostiary_gateway.server.live import Live
from ostiary_gateway.server.tokens import Tokens
from ostiary_gateway.telemetry.metrics import Metrics

ID_HEADER = "X-LMGate-ID"
_ask = msgspec.json.Decoder(Ask)
_encoder = msgspec.json.Encoder()


class Authorisation:
    def __init__(self, live: Live, metrics: Metrics, tokens: Tokens) -> None:
        self._live = live
        self._metrics = metrics
        self._tokens = tokens

    async def decide(self, request: web.Request) -> web.Response:
        """An Ask's Decision, a refusal with status 200 too; 503 without a bundle, 400 for what is no Ask."""
        index = self._live.index
        if index is None:
            return web.Response(status=503, text="no bundle")
        try:
            ask = _ask.decode(await request.read())
        except (msgspec.DecodeError, UnicodeDecodeError):
            return web.Response(status=400, text="not an ask")
        decision = index.decide(ask, now_ms())
        if decision.refusal == refusals.NO_TOKEN:
            await self._tokens.arrival()
            decision = index.decide(ask, now_ms())
        self._metrics.decided(decision.refusal)
        return web.Response(body=_encoder.encode(decision), content_type="application/json")

    async def check(self, request: web.Request) -> web.Response:
        """200 and the key's id, or 403 `forbidden`."""
        headers = request.headers
        index = self._live.index
        key = key_in(headers.get("Authorization"), headers.get("x-api-key"))
        found = index.identify(hash_key(key), now_ms()) if index and key else None
        if found is None or isinstance(found, Refusal):
            return web.Response(status=403, text="forbidden")
        return web.Response(text="ok", headers={ID_HEADER: found.identity.key_id})
