"""GZ-01: what the gateway says of itself to anybody."""

from tests.support.client import call
from tests.support.gateway import Gateway


def test_gz_01_the_root_tells_name_version_and_status(gateway: Gateway) -> None:
    reply = call(gateway.base_url, "/")
    assert (reply.status, reply.json["name"], reply.json["status"]) == (200, "Ostiary", "running")
    assert reply.json["version"]
    assert call(gateway.base_url, "/", {}).status == 405


def test_gz_01_ping_is_answered_and_counted(gateway: Gateway) -> None:
    first, second = (call(gateway.base_url, "/ping").json for _ in range(2))
    assert (first["message"], first["pong"], second["count"] - first["count"]) == ("pong", True, 1)
    stats = call(gateway.base_url, "/ping/stats").json
    assert stats["count"] == second["count"]
    assert 0 < first["uptime"] <= second["uptime"] <= stats["uptime"]
    assert stats["timestamp"].endswith("Z")
    assert call(gateway.base_url, "/ping", method="HEAD").text == ""


def test_gz_01_the_velocity_mode_is_never_active_because_limits_hold(gateway: Gateway) -> None:
    told = call(gateway.base_url, "/velocity-mode-status").json
    assert (told["active"], told["threshold"], set(told["limits"])) == (False, 25.0, {"normal", "velocity"})
    assert 0 <= told["current_error_rate"] <= 100
    assert call(gateway.base_url, "/velocity-mode-status", {}).status == 403
