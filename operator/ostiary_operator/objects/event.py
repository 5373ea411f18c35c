"""Events: what a person should notice about an object, told when it happens."""

from typing import Any, Literal

from ostiary_operator.objects import labels

Object = dict[str, Any]
_MESSAGE_MAX = 1000


def build_event(about: Object, kind: Literal["Normal", "Warning"], reason: str, message: str, *, now: str, suffix: str) -> Object:
    """An event about an object in the cluster; `now` is RFC 3339 with seconds, `suffix` makes its name unique."""
    meta = about["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{meta['name'][:200]}.{suffix}",
            "namespace": meta["namespace"],
            "labels": {labels.MANAGED_BY: labels.MANAGER},
        },
        "involvedObject": {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "name": meta["name"],
            "namespace": meta["namespace"],
            "uid": meta["uid"],
            "resourceVersion": meta["resourceVersion"],
        },
        "type": kind,
        "reason": reason,
        "message": message[:_MESSAGE_MAX],
        "count": 1,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "source": {"component": "ostiary-operator"},
        "reportingComponent": "ostiary.dev/operator",
    }
