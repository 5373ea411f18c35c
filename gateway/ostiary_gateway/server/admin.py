"""The admin API of one gateway: where its objects are, who may, and what the sidecar knows of usage and money."""

import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from ostiary_gateway.admin.app import make_app
from ostiary_gateway.admin.auth import Gate
from ostiary_gateway.admin.folder import Folder
from ostiary_gateway.admin.money import Money, Post, Statement
from ostiary_gateway.admin.pages import End
from ostiary_gateway.admin.resources import Resources
from ostiary_gateway.admin.standing import Standing
from ostiary_gateway.admin.usage import Usage
from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.ledger.postings import new
from ostiary_gateway.store import Place
from ostiary_gateway.summaries import Summaries

if TYPE_CHECKING:
    from ostiary_gateway.admin.reviews import Reviews

_DEFAULT_NAMESPACE = "default"

log = logging.getLogger(__name__)


class Ledger(Protocol):
    """`place` is its committed end."""

    @property
    def place(self) -> Place | None: ...
    @property
    def post(self) -> Post: ...


def make_admin_app(settings: Settings, ledger: Ledger, statement: Statement) -> web.Application:
    """What `settings.admin_port` serves; it closes its connections when the application is cleaned up.

    Args:
        settings: in a cluster (`bundle` is set) objects are custom resources, else they are in the folder `manifests`.
        ledger: takes money that no request spent, and is read.
        statement: what this replica counted.
    """
    folder = Path(settings.data) / "ledger"
    resources = _resources(settings)
    reviews = _reviews(settings)
    gate = Gate(settings.admin_token_file, settings.viewer_token_file, reviews)
    _warn(settings)

    def end() -> End | None:
        known = ledger.place
        return End(known.name, known.length) if known else None

    used = Usage(Summaries.of(settings), folder, end)
    spent = Money(new, ledger.post, statement, folder, end)
    app = make_app(gate, resources, settings.namespace or _DEFAULT_NAMESPACE, used, spent)

    async def closing(_: web.Application) -> AsyncIterator[None]:
        yield
        await resources.close()
        if reviews:
            await reviews.close()

    app.cleanup_ctx.append(closing)
    return app


def _resources(settings: Settings) -> Resources:
    if settings.bundle:
        from ostiary_gateway.admin.cluster import Cluster  # noqa: PLC0415 - no Kubernetes client on one machine

        return Cluster([name.strip() for name in settings.watch_namespaces.split(",") if name.strip()])
    return Folder(Path(settings.manifests), Standing(Path(settings.run)).of)


def _reviews(settings: Settings) -> "Reviews | None":
    if not settings.admin_reviews_tokens:
        return None
    from ostiary_gateway.admin.reviews import Reviews  # noqa: PLC0415 - the same

    return Reviews()


def _warn(settings: Settings) -> None:
    """Say what would otherwise look like a wrong token."""
    files = [file for file in (settings.admin_token_file, settings.viewer_token_file) if file]
    for file in files:
        if not os.access(file, os.R_OK):
            log.warning("admin API: %s cannot be read, nobody has this token", file)
    if not files and not settings.admin_reviews_tokens:
        log.warning("admin API: there is no token for it: set admin_token_file or viewer_token_file")
