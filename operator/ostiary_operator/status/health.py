"""What replicas of the gateway see of a Provider."""

from ostiary_operator.api import conditions as c
from ostiary_operator.api.provider import Unhealthy
from ostiary_operator.graph import ProviderNode
from ostiary_operator.status.conditions import Rollout, Verdict

_TOLD = 8


def healthy(node: ProviderNode, rollout: Rollout, unhealthy: tuple[Unhealthy, ...]) -> Verdict:
    if not node.usable:
        return Verdict(c.HEALTHY, "Unknown", c.REASON_NOT_USED, "left out; another condition says why")
    if not rollout.replicas:
        return Verdict(c.HEALTHY, "Unknown", c.REASON_NO_REPLICAS, "no replica of the gateway is ready")
    if not unhealthy:
        return Verdict(c.HEALTHY, "True", c.REASON_HEALTHY, "no replica leaves a backend of it alone")
    blocked = all(each.state == "BLOCKED" for each in unhealthy)
    reason = c.REASON_BLOCKED if blocked else c.REASON_BREAKER_OPEN
    told = [f"{each.backend} is {each.state} on {each.replica} since {each.since}" for each in unhealthy[:_TOLD]]
    more = [f"and {len(unhealthy) - _TOLD} more"] if len(unhealthy) > _TOLD else []
    message = "; ".join([*told, *more])
    return Verdict(c.HEALTHY, "False", reason, message)
