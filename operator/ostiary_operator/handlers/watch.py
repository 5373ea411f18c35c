"""The watches of users' objects. kopf never writes to them: no finalizer, no annotation, no event of its own."""

from typing import Any

import kopf

from ostiary_operator.api import names
from ostiary_operator.cluster.client import Client
from ostiary_operator.cluster.resources import APIKEYS, BUDGETS, MODELS, PROVIDERS, SECRETS
from ostiary_operator.reconcile.gather import SECRET_FIELDS
from ostiary_operator.reconcile.service import Service


def build_registry(service: Service, client: Client) -> kopf.OperatorRegistry:
    """All handlers, bound to one service; kopf reaches the API server as `client` does."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        access = await client.access()
        return kopf.ConnectionInfo(
            server=access.server,
            ca_path=access.ca_file or None,
            certificate_path=access.certificate_file or None,
            private_key_path=access.key_file or None,
            token=access.token or None,
        )

    @kopf.on.startup(registry=registry)
    async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.posting.enabled = False
        settings.scanning.disabled = True  # the kinds are there when this starts, and need not be asked for again
        settings.watching.field_selectors["", "v1", SECRETS.plural] = SECRET_FIELDS

    @kopf.on.event(names.GROUP, names.VERSION, PROVIDERS.plural, registry=registry)
    async def provider(event: kopf.RawEvent, **_: Any) -> None:
        service.take(PROVIDERS, event["type"], dict(event["object"]))

    @kopf.on.event(names.GROUP, names.VERSION, MODELS.plural, registry=registry)
    async def model(event: kopf.RawEvent, **_: Any) -> None:
        service.take(MODELS, event["type"], dict(event["object"]))

    @kopf.on.event(names.GROUP, names.VERSION, APIKEYS.plural, registry=registry)
    async def api_key(event: kopf.RawEvent, **_: Any) -> None:
        service.take(APIKEYS, event["type"], dict(event["object"]))

    @kopf.on.event(names.GROUP, names.VERSION, BUDGETS.plural, registry=registry)
    async def budget(event: kopf.RawEvent, **_: Any) -> None:
        service.take(BUDGETS, event["type"], dict(event["object"]))

    @kopf.on.event("", "v1", SECRETS.plural, registry=registry)
    async def secret(event: kopf.RawEvent, **_: Any) -> None:
        service.take(SECRETS, event["type"], dict(event["object"]))

    @kopf.on.probe(registry=registry, id="leading")
    async def leading(**_: Any) -> bool:
        return service.lease.leading

    return registry
