"""Lab time on the loop."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from lab.clock import PacedTime, TimeSource, VirtualTime, WarpedTime
from lab.fabric.loop import LabLoop, Standstill

DAY = 86400.0


def run(work: Coroutine[Any, Any, Any], source: TimeSource | None = None) -> Any:
    with asyncio.Runner(loop_factory=lambda: LabLoop(source)) as runner:
        return runner.run(work)


def lab_loop() -> LabLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, LabLoop)
    return loop


async def tick(times: int, every: float) -> list[float]:
    moments = []
    for _ in range(times):
        await asyncio.sleep(every)
        moments.append(lab_loop().time())
    return moments


def test_virtual_time_waits_for_nothing() -> None:
    began = time.monotonic()
    assert run(tick(5, DAY)) == [DAY, 2 * DAY, 3 * DAY, 4 * DAY, 5 * DAY]
    assert time.monotonic() - began < 5


def test_virtual_time_starts_at_nought_and_jumps_exactly() -> None:
    async def ten_milliseconds() -> float:
        await asyncio.sleep(0.01)
        return lab_loop().time()

    assert run(ten_milliseconds()) == 0.01


def test_timers_of_one_moment_fire_by_age() -> None:
    async def whole() -> list[int]:
        fired: list[int] = []
        for number in range(100):
            lab_loop().call_at(1.0, fired.append, number)
        await asyncio.sleep(1)
        return fired

    assert run(whole()) == list(range(100))


def test_a_cancelled_timer_does_not_fire() -> None:
    async def whole() -> list[str]:
        fired: list[str] = []
        timers = [lab_loop().call_later(delay, fired.append, "no") for delay in range(2000)]
        lab_loop().call_later(1, fired.append, "yes")
        for timer in timers:
            timer.cancel()
        await asyncio.sleep(3000)
        return fired

    assert run(whole()) == ["yes"]


def test_a_standstill_is_told_with_who_waits() -> None:
    async def wait_for_ever() -> None:
        await lab_loop().create_future()

    with pytest.raises(Standstill, match=r"(?s)nothing is due.*wait_for_ever"):
        run(wait_for_ever())


def test_executors_run_inline_on_virtual_time() -> None:
    async def whole() -> tuple[int, str]:
        loop = asyncio.get_running_loop()
        with pytest.raises(ZeroDivisionError):
            await loop.run_in_executor(None, divmod, 1, 0)
        return await loop.run_in_executor(None, len, "abc"), await asyncio.to_thread(str, 7)

    assert run(whole()) == (3, "7")


@pytest.mark.parametrize("source", [VirtualTime, PacedTime, WarpedTime])
def test_a_leap_runs_all_that_is_due_on_the_way(source: Callable[[], TimeSource]) -> None:
    async def whole() -> tuple[list[float], float]:
        ticking = asyncio.ensure_future(tick(48, 3600))
        await lab_loop().leap_to(49 * 3600)
        return ticking.result(), lab_loop().time()

    began = time.monotonic()
    moments, arrived = run(whole(), source())
    assert [round(moment / 3600) for moment in moments] == list(range(1, 49))
    assert 49 * 3600 <= arrived < 49 * 3600 + 60
    assert time.monotonic() - began < 30


def test_a_leap_ends_when_it_is_done() -> None:
    async def whole() -> tuple[bool, float, bool]:
        ticking = asyncio.ensure_future(tick(3, 60))
        found = await lab_loop().leap_to(DAY, ticking.done)
        return found, lab_loop().time(), await lab_loop().leap_to(2 * DAY, lambda: False)

    assert run(whole()) == (True, 180.0, False)


def test_a_leap_can_be_given_up() -> None:
    async def whole() -> float:
        leap = asyncio.ensure_future(lab_loop().leap_to(DAY))
        await asyncio.sleep(0)
        leap.cancel()
        await asyncio.sleep(5)
        return lab_loop().time()

    assert run(whole()) == 5.0


def test_two_leaps_end_in_the_order_of_their_goals() -> None:
    async def whole() -> list[str]:
        ended: list[str] = []

        async def leap(name: str, to: float) -> None:
            await lab_loop().leap_to(to)
            ended.append(f"{name} {lab_loop().time():.0f}")

        await asyncio.gather(leap("far", 200), leap("near", 100))
        return ended

    assert run(whole()) == ["near 100", "far 200"]


def test_a_leap_waits_for_answers_on_real_sockets() -> None:
    async def whole() -> bytes:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readline())
            writer.close()

        async def ask() -> bytes:
            server = await asyncio.start_server(answer, "127.0.0.1", 0)
            async with server, asyncio.timeout(5):
                reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
                writer.write(b"hello\n")
                line = await reader.readline()
                writer.close()
                return line

        asking = asyncio.ensure_future(ask())
        await lab_loop().leap_to(DAY)
        return asking.result()

    assert run(whole(), WarpedTime()) == b"hello\n"


def test_a_leap_waits_for_threads() -> None:
    async def whole() -> float:
        async def work() -> float:
            async with asyncio.timeout(3600):
                await asyncio.to_thread(time.sleep, 0.05)
            return lab_loop().time()

        working = asyncio.ensure_future(work())
        await lab_loop().leap_to(DAY)
        return working.result()

    assert run(whole(), WarpedTime()) < 3600


def test_a_patient_timer_is_not_hurried_by_a_leap() -> None:
    async def whole() -> list[str]:
        fired: list[str] = []
        lab_loop().call_patiently(60, fired.append, "idle timeout")
        lab_loop().call_later(60, fired.append, "lab timer")
        await lab_loop().leap_to(DAY)
        return fired

    assert run(whole(), WarpedTime()) == ["lab timer"]
    assert run(whole(), VirtualTime()) == ["idle timeout", "lab timer"]


def test_a_patient_timer_fires_in_real_time() -> None:
    async def whole() -> None:
        fired = asyncio.Event()
        lab_loop().call_patiently(0.01, fired.set)
        await fired.wait()

    run(whole(), WarpedTime())


def test_paced_time_runs_at_its_rate() -> None:
    began = time.monotonic()
    run(tick(1, 3.0), PacedTime(rate=60))
    assert 0.05 <= time.monotonic() - began < 3


def test_outside_of_every_host_sockets_are_the_machines() -> None:
    async def whole() -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            theirs.send(b"real")
            assert await asyncio.get_running_loop().sock_recv(ours, 4) == b"real"

    run(whole())


def test_tasks_hash_by_age() -> None:
    async def whole() -> list[int]:
        tasks = [asyncio.ensure_future(asyncio.sleep(0)) for _ in range(5)]
        await asyncio.gather(*tasks)
        return [hash(task) for task in tasks]

    first, second = run(whole()), run(whole())
    assert first == second == sorted(first)


def test_a_call_from_a_thread_wakes_a_waiting_loop() -> None:
    async def whole() -> int:
        return await asyncio.to_thread(lambda: 7)

    assert run(whole(), WarpedTime()) == 7


def test_a_cancelled_call_is_not_made() -> None:
    async def whole() -> tuple[list[str], bool]:
        made: list[str] = []
        call = lab_loop().call_soon(made.append, "cancelled")
        lab_loop().call_soon(made.append, "kept")
        call.cancel()
        await asyncio.sleep(0)
        return made, call.cancelled()

    assert run(whole()) == (["kept"], True)


@pytest.mark.parametrize("debug", [False, True])
def test_what_falls_out_of_a_callback_is_told_and_the_next_is_called(debug: bool) -> None:
    async def whole() -> tuple[list[dict[str, Any]], list[str]]:
        told: list[dict[str, Any]] = []
        called: list[str] = []
        lab_loop().set_debug(debug)
        lab_loop().set_exception_handler(lambda loop, report: told.append(report))
        lab_loop().call_soon(int, "no number")
        lab_loop().call_at(0.0, int, "nor this")
        lab_loop().call_soon(called.append, "next")
        await asyncio.sleep(1)
        return told, called

    told, called = run(whole())
    assert [str(report["exception"])[-12:-1] for report in told] == [" 'no number", ": 'nor this"]
    assert all(isinstance(report["handle"], asyncio.Handle) and "int" in report["message"] for report in told)
    assert called == ["next"]


def test_handles_are_shown_as_asyncios() -> None:
    async def whole() -> tuple[str, str]:
        timer = lab_loop().call_later(1.0, print)
        before = repr(timer)
        timer.cancel()
        return before, repr(timer)

    assert run(whole()) == ("<Timer when=1.0 print()>", "<Timer cancelled when=1.0>")
