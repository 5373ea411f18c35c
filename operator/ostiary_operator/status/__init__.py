"""Graph and what gateways reported -> status of each object. Pure. Equal to the previous one: nothing to write."""

from ostiary_operator.status.conditions import Rollout
from ostiary_operator.status.kinds import Status, api_key, encode, model, provider

__all__ = ["Rollout", "Status", "api_key", "encode", "model", "provider"]
