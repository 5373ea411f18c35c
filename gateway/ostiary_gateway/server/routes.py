"""The sidecar's applications: one for nginx on a unix socket, one for clients, one that may be exposed."""

from typing import NamedTuple

from aiohttp import web

from ostiary_gateway.server import counting
from ostiary_gateway.server.authorise import Authorisation
from ostiary_gateway.server.circuit_breakers import CircuitBreakers
from ostiary_gateway.server.filtering import Filtering
from ostiary_gateway.server.health import Health
from ostiary_gateway.server.leases import Leases
from ostiary_gateway.server.ledger_orders import LedgerOrders
from ostiary_gateway.server.models import Models
from ostiary_gateway.server.routers import Routers
from ostiary_gateway.server.routing import Routing
from ostiary_gateway.server.statement import Statement
from ostiary_gateway.server.stats import Stats

_MAX_BODY = 34 * 1024 * 1024


class Endpoints(NamedTuple):
    """Who answers."""

    authorisation: Authorisation
    stats: Stats
    health: Health
    routing: Routing
    routers: Routers
    breakers: CircuitBreakers
    leases: Leases
    statement: Statement
    orders: LedgerOrders
    filtering: Filtering
    models: Models


def make_nginx_app(endpoints: Endpoints) -> web.Application:
    """Everything, with the decisions, which hold provider credentials: never on TCP."""
    app = make_app(endpoints)
    app.router.add_post("/route", endpoints.routing.route)
    app.router.add_post("/routing", endpoints.routing.enquire)
    app.router.add_post("/filter", endpoints.filtering.filter)
    app.router.add_post("/auth", endpoints.authorisation.decide)
    app.router.add_post("/lease", endpoints.leases.lease)
    app.router.add_get("/models", endpoints.models.list)
    app.router.add_post("/count", counting.count)
    endpoints.orders.add_to(app)
    return app


def make_app(endpoints: Endpoints) -> web.Application:
    """LMGate's endpoints beside those of `make_metrics_app`, the tables of the routers, and the circuit breakers."""
    app = make_metrics_app(endpoints.health)
    endpoints.routers.add_to(app)
    endpoints.breakers.add_to(app)
    app.router.add_get("/auth", endpoints.authorisation.check)
    app.router.add_post("/stats", endpoints.stats.take)
    app.router.add_get("/statement", endpoints.statement.told)
    return app


def make_metrics_app(health: Health) -> web.Application:
    """What may be exposed."""
    app = web.Application(client_max_size=_MAX_BODY)
    app.router.add_get("/healthz", health.healthz)
    app.router.add_get("/readyz", health.readyz)
    app.router.add_get("/metrics", health.metrics)
    return app
