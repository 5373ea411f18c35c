"""Many changes, few answers, none of them late."""

import asyncio

from ostiary_operator.reconcile.debounce import Alarm, Debounce


async def test_a_change_is_answered_after_a_pause() -> None:
    debounce = Debounce(quiet=0.02, longest=10)
    debounce.poke()
    async with asyncio.timeout(2):
        await debounce.wait()


async def test_changes_without_a_pause_are_answered_ever_more_rarely_but_always() -> None:
    loop = asyncio.get_running_loop()
    debounce = Debounce(quiet=2, longest=0.05, most=0.2)
    debounce.poke()
    waits = []
    for _ in range(4):
        began = loop.time()
        later = [loop.call_at(began + 0.001 * step, debounce.poke) for step in range(300)]
        await debounce.wait()
        waits.append(loop.time() - began)
        debounce.poke()
        for timer in later:
            timer.cancel()
    assert waits[0] >= 0.05
    assert waits[1] >= 0.1
    assert waits[2] >= 0.2
    assert waits[3] >= 0.2
    assert max(waits) < 2, "longer than the pause it never gets"


async def test_an_alarm_is_one_change_at_its_time_and_can_be_taken_back() -> None:
    debounce = Debounce(quiet=0, longest=1)
    alarm = Alarm(debounce)
    alarm.set(0.01)
    async with asyncio.timeout(2):
        await debounce.wait()
    alarm.set(0.01)
    alarm.set(None)
    waiting = asyncio.create_task(debounce.wait())
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    waiting.cancel()
    assert not done
