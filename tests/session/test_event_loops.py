"""asyncio under `aicore_clock`: sleeps take no time, and what others bring about is waited for."""

from __future__ import annotations

import time

import pytest

HEAD = """
import asyncio, threading, time
import pytest
from pytest_aicore import Status

async def wait(client, execution_id):
    while (status := client.execution.get(execution_id).status) not in (Status.COMPLETED, Status.DEAD):
        await asyncio.sleep(60)
    return status
"""
MARK = '@pytest.mark.aicore("training_workflow_tutorial", artifacts={"text-data": "ai://default/data"})'


def test_coroutines_poll_for_hours_in_no_time(project: pytest.Pytester) -> None:
    project.makepyfile(
        f"""
{HEAD}
async def ticks(seen):
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(600)
        seen.append(round(loop.time()))

@pytest.mark.aicore_script(running=7200)
{MARK}
def test_polling(aicore_configuration, aicore_client, aicore_clock):
    async def main():
        loop, seen = asyncio.get_running_loop(), []
        began = loop.time()
        beside = asyncio.create_task(ticks(seen))
        execution = aicore_client.execution.create(aicore_configuration.id)
        status = await asyncio.wait_for(wait(aicore_client, execution.id), 3 * 3600)
        beside.cancel()
        assert [tick - round(began) for tick in seen] == [600 * n for n in range(1, len(seen) + 1)]
        assert len(seen) >= 12
        assert loop.time() - began == pytest.approx(aicore_clock.elapsed)
        return status

    assert asyncio.run(main()) is Status.COMPLETED
    assert aicore_clock.elapsed >= 7200

@pytest.mark.aicore_script(stuck_in="PENDING")
{MARK}
def test_timeout(aicore_configuration, aicore_client, aicore_clock):
    async def main():
        execution = aicore_client.execution.create(aicore_configuration.id)
        await asyncio.wait_for(wait(aicore_client, execution.id), 90)

    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(main())
    assert 90 <= aicore_clock.elapsed < 120

def test_scheduled_calls(aicore_clock):
    async def main():
        called = asyncio.Event()
        asyncio.get_running_loop().call_later(3600, lambda: called.set())
        await called.wait()

    asyncio.run(main())
    assert aicore_clock.elapsed == pytest.approx(3600)
"""
    )
    began = time.monotonic()
    project.runpytest_inprocess().assert_outcomes(passed=3)
    assert time.monotonic() - began < 60


def test_threads_and_sockets_are_waited_for(project: pytest.Pytester) -> None:
    """A timeout is never triggered by a clock that jumps while an answer is still to come."""
    project.makepyfile(
        f"""
{HEAD}
def work(go):
    assert go.wait(60)
    return "done"

def test_thread(aicore_clock):
    async def main():
        go = threading.Event()
        beside = asyncio.create_task(asyncio.sleep(3600))
        working = asyncio.create_task(asyncio.wait_for(asyncio.to_thread(work, go), 1800))
        await asyncio.sleep(0)
        go.set()
        assert await working == "done"
        assert aicore_clock.elapsed == 0
        await beside

    asyncio.run(main())
    assert aicore_clock.elapsed == pytest.approx(3600)

def test_socket(aicore_clock):
    async def serve(reader, writer):
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    async def main():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for _ in range(5):
            writer.write(b"ping\\n")
            assert await asyncio.wait_for(reader.readline(), 1) == b"ping\\n"
        assert aicore_clock.elapsed == 0
        await asyncio.sleep(3600)  # beside an idle connection
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(1)  # the other side closes its end
        server.close()

    asyncio.run(main())
    assert aicore_clock.elapsed == pytest.approx(3601)

def test_other_threads(aicore_clock):
    async def main():
        loop, came = asyncio.get_running_loop(), asyncio.Event()
        other = threading.Thread(target=lambda: loop.call_soon_threadsafe(came.set))
        other.start()
        await came.wait()
        other.join()

    asyncio.run(main())
    assert aicore_clock.elapsed == 0
"""
    )
    project.runpytest_inprocess().assert_outcomes(passed=3)


def test_time_is_real_after_the_test_and_in_a_loop_of_another_thread(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
import asyncio, threading, time

loops = []

def real():
    return time.clock_gettime(time.CLOCK_MONOTONIC)

def run():
    loops.append(asyncio.new_event_loop())
    loops[0].run_forever()

thread = threading.Thread(target=run, daemon=True)
thread.start()

def test_one(aicore_clock):
    async def loop_time():
        return asyncio.get_running_loop().time()

    aicore_clock.advance(3600)
    while not loops:
        pass
    assert asyncio.run_coroutine_threadsafe(loop_time(), loops[0]).result() < real() + 60
    assert asyncio.run(loop_time()) > real() + 3000

def test_two():
    async def slept():
        began = real()
        await asyncio.sleep(0.05)
        return real() - began

    assert asyncio.run(slept()) >= 0.04
    loops[0].call_soon_threadsafe(loops[0].stop)
    thread.join()
    loops[0].close()
"""
    )
    project.runpytest_inprocess("-p", "no:randomly").assert_outcomes(passed=2)


DATES = """
import datetime as dt, time
import pytest
from pytest_aicore import Status
from {package} import {name} as at

BEGAN = dt.datetime(2030, 1, 1, tzinfo=dt.timezone.utc)

def wait_until(client, execution_id, deadline):
    while dt.datetime.now(dt.timezone.utc) < deadline:
        if client.execution.get(execution_id).status is Status.COMPLETED:
            return
        time.sleep(30)
    raise TimeoutError

def deadlines(client, configuration, clock):
    assert dt.datetime.now(dt.timezone.utc) - BEGAN < dt.timedelta(seconds=60)
    assert time.time() == pytest.approx(dt.datetime.now(dt.timezone.utc).timestamp(), abs=60)
    execution = client.execution.create(configuration.id)
    with pytest.raises(TimeoutError):
        wait_until(client, execution.id, BEGAN + dt.timedelta(minutes=20))
    assert clock.elapsed == pytest.approx(1200, abs=31)
    assert (dt.datetime.now(dt.timezone.utc) - BEGAN).total_seconds() == pytest.approx(clock.elapsed, abs=60)
    wait_until(client, execution.id, BEGAN + dt.timedelta(hours=3))
    assert clock.elapsed >= 7200

@pytest.fixture
def new_year():
    with at(BEGAN):
        yield

pytestmark = [
    pytest.mark.aicore("training_workflow_tutorial", artifacts={{"text-data": "ai://default/data"}}, fresh=True),
    pytest.mark.aicore_script(running=7200),
]

def test_inside(aicore_client, aicore_configuration, aicore_clock):
    with at(BEGAN):
        deadlines(aicore_client, aicore_configuration, aicore_clock)
    assert dt.datetime.now(dt.timezone.utc).year < 2030

def test_outside(new_year, aicore_client, aicore_configuration, aicore_clock):
    deadlines(aicore_client, aicore_configuration, aicore_clock)

def test_afterwards():
    assert abs(time.time() - dt.datetime.now().timestamp()) < 60
"""


@pytest.mark.parametrize(("package", "name"), [("time_machine", "travel"), ("freezegun", "freeze_time")])
def test_dates_of_other_packages_move_with_the_clock(project: pytest.Pytester, package: str, name: str) -> None:
    pytest.importorskip(package, reason="it is in the group `dates`, of an environment of .ci/run")
    project.makepyfile(DATES.format(package=package, name=name))
    result = project.runpytest_subprocess("-p", "no:randomly", "-W", f"ignore::DeprecationWarning:{package}")
    result.assert_outcomes(passed=3)
