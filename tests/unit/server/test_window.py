from ostiary_gateway.server.reported import Count, Reported
from ostiary_gateway.server.window import Window

NOW = 1_800_000_000_000


def note(window, second, success, failure=0, epoch="e1"):
    counts = {"a/x": Count(success=success, failure=failure), "a/y": Count(success=1)}
    window.note(Reported(now=NOW + second * 1000, epoch=epoch, counts=counts))


def test_nothing_is_known_at_first():
    assert Window().recent(["a/x"]) == Count()


def test_requests_older_than_a_minute_do_not_count():
    window = Window()
    for second in range(121):
        note(window, second, success=10 * second, failure=second)
    assert window.recent(["a/x"]) == Count(success=600, failure=60)
    assert window.recent(["a/y"]) == Count()
    assert window.recent(["a/x", "a/y", "a/none"]) == Count(success=600, failure=60)


def test_all_requests_of_a_young_nginx_are_recent():
    window = Window()
    note(window, 0, success=3)
    assert window.recent(["a/x", "a/y"]) == Count(success=4)
    note(window, 59, success=5)
    assert window.recent(["a/x"]) == Count(success=5)


def test_a_new_nginx_counts_from_nothing():
    window = Window()
    note(window, 0, success=100)
    note(window, 1, success=2, failure=1, epoch="e2")
    assert window.recent(["a/x"]) == Count(success=2, failure=1)


def test_many_looks_a_second_keep_one_reading():
    window = Window()
    for look in range(1000):
        note(window, look / 100 // 1, success=look)
    assert len(window._readings) <= 11
