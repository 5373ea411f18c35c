"""The operator process: the service and kopf side by side, until one of them ends or a signal comes."""

import asyncio
import os
import socket
import threading
import uuid

import kopf
from kopf._core.engines.peering import Identity

from ostiary_gateway.contract.settings import Settings
from ostiary_operator.cluster.client import Client
from ostiary_operator.handlers.watch import build_registry
from ostiary_operator.reconcile.service import Service


async def run_operator(settings: Settings, kubeconfig: str = "", stop: threading.Event | None = None) -> None:
    """Run until SIGTERM, SIGINT or `stop`; the lease is given back then.

    Raises:
        ExceptionGroup: a task of the service ended by an error of ours. The process should end, too.
    """
    identity = f"{settings.pod_name or socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    async with await Client.connect(kubeconfig) as client, asyncio.TaskGroup() as tasks:
        service = Service(client, settings, identity)
        running = tasks.create_task(service.run())
        await service.gathered.wait()  # the kinds exist, or kopf would not see them
        await _watch(service, client, settings, stop, identity)
        running.cancel()


async def _watch(service: Service, client: Client, settings: Settings, stop: threading.Event | None, identity: str) -> None:
    namespaces = [name.strip() for name in settings.watch_namespaces.split(",") if name.strip()]
    address = f"http://{settings.metrics_host}:{settings.metrics_port}/healthz"
    await kopf.operator(
        registry=build_registry(service, client),
        identity=Identity(identity),  # or kopf asks for the name of a user that a random uid does not have
        standalone=True,
        clusterwide=not namespaces,
        namespaces=namespaces,
        liveness_endpoint=address if settings.metrics_port else None,
        stop_flag=stop,
    )
