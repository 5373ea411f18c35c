"""The sidecar's applications: one for nginx on a unix socket, one for clients, one that may be exposed."""

from aiohttp import web

from ostiary_gateway.server.authorise import Authorisation
from ostiary_gateway.server.health import Health
from ostiary_gateway.server.stats import Stats

_MAX_BODY = 34 * 1024 * 1024


def make_nginx_app(authorisation: Authorisation, stats: Stats, health: Health) -> web.Application:
    """Everything, with the decisions, which hold provider credentials: never on TCP."""
    app = make_app(authorisation, stats, health)
    app.router.add_post("/auth", authorisation.decide)
    app.router.add_get("/models", authorisation.models)
    return app


def make_app(authorisation: Authorisation, stats: Stats, health: Health) -> web.Application:
    """LMGate's endpoints beside those of `make_metrics_app`."""
    app = make_metrics_app(health)
    app.router.add_get("/auth", authorisation.check)
    app.router.add_post("/stats", stats.take)
    return app


def make_metrics_app(health: Health) -> web.Application:
    """What may be exposed."""
    app = web.Application(client_max_size=_MAX_BODY)
    app.router.add_get("/healthz", health.healthz)
    app.router.add_get("/readyz", health.readyz)
    app.router.add_get("/metrics", health.metrics)
    return app
