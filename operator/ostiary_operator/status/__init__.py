"""Graph and what gateways reported -> status of each object. Pure. Equal to the previous one: nothing to write."""

from ostiary_operator.status.conditions import Rollout
from ostiary_operator.status.kinds import Status, api_key, budget, encode, model, provider
from ostiary_operator.status.statement import Account, Sharing, Statement

__all__ = ["Account", "Rollout", "Sharing", "Statement", "Status", "api_key", "budget", "encode", "model", "provider"]
