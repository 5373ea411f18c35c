"""A gateway that the conformance kit can play against: with the configuration that the kit prints for Ostiary."""

import hashlib
from pathlib import Path

import yaml
from tests.support.gateway import Gateway
from tests.support.process import free_port

from ostiary_gateway.conformance.configuration import configuration

KEY, BUDGET_KEY = "sk-conformance-test", "sk-conformance-test-budget"


class Conforming(Gateway):
    """`provider_port` is where the scripted provider has to listen, `budget` what the second key may spend in all."""

    def __init__(self, folder: Path, budget: str = "0.05", provider_port: int = 0, **settings: object) -> None:
        super().__init__(folder, **settings)
        self.provider_port = provider_port or free_port()
        self.budget = budget
        self.admin_port = settings.get("admin_port", 0)

    def open(self) -> "Conforming":
        hashes = {"sha256": _sha256(KEY), "budget_sha256": _sha256(BUDGET_KEY)}
        text = configuration("ostiary", "127.0.0.1", self.provider_port, **hashes, budget=self.budget)
        self.start(list(yaml.safe_load_all(text)))
        return self


def _sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
