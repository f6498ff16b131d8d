"""`aicore_clock`: virtual time for the test that asks for it, and for nobody else."""

from __future__ import annotations

import sys
import time

import pytest

from pytest_aicore.errors import RunError
from pytest_aicore.session.virtual_time import VirtualTime

TUTORIAL_LOOP = """
import time
from ai_api_client_sdk.models.status import Status

def wait(client, execution_id):
    status = None
    while status not in (Status.COMPLETED, Status.DEAD):
        time.sleep(5)
        status = client.execution.get(execution_id).status
    return status
"""
MARK = 'pytestmark = pytest.mark.aicore("training_workflow_tutorial", artifacts={"text-data": "ai://default/data"})'


def test_polling_loop_over_a_long_training_takes_no_time(project: pytest.Pytester) -> None:
    project.makepyfile(
        f"""
import pytest
{TUTORIAL_LOOP}
{MARK}

@pytest.mark.aicore_script(running=1200)
def test_it(aicore_configuration, aicore_client, aicore_clock):
    began, monotonic, counter = time.time(), time.monotonic(), time.perf_counter_ns()
    execution = aicore_client.execution.create(aicore_configuration.id)
    assert wait(aicore_client, execution.id) is Status.COMPLETED
    assert 1200 <= time.time() - began <= 1300
    assert time.monotonic() - monotonic == pytest.approx(time.time() - began)
    assert (time.perf_counter_ns() - counter) / 1e9 == pytest.approx(time.time() - began)
    assert aicore_clock.elapsed == time.time() - began
    assert aicore_clock.now() == time.time() == time.time_ns() / 1e9
"""
    )
    began = time.monotonic()
    project.runpytest_inprocess().assert_outcomes(passed=1)
    assert time.monotonic() - began < 60


def test_time_is_real_again_after_the_test_and_for_others(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import time

        real = time.sleep, time.time, time.monotonic, time.perf_counter

        def test_virtual(aicore_clock):
            assert time.sleep is not real[0]
            began = time.time()
            time.sleep(1000)
            assert time.time() == began + 1000

        def test_real(aicore_client):
            assert (time.sleep, time.time, time.monotonic, time.perf_counter) == real
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=2)


def test_sleep_moves_the_emulators_clock_and_is_rolled_back(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import time, pytest

        @pytest.mark.parametrize("number", [1, 2])
        def test_it(aicore_clock, aicore_emulator, number):
            began = aicore_emulator.clock.now()
            time.sleep(30)
            aicore_clock.sleep(20)
            aicore_clock.advance(10)
            assert aicore_emulator.clock.now() == began + 60
            assert aicore_clock.elapsed == 60
            assert aicore_emulator.now.isoformat() == "2025-01-01T00:01:00+00:00"
            with pytest.raises(ValueError, match="sleep length must be non-negative"):
                time.sleep(-1)
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=2)


def test_names_that_modules_have_imported_are_virtual(project: pytest.Pytester) -> None:
    """`from time import sleep` in the test, in the code under test, and in what a test is the first to import."""
    project.makepyfile(
        waiting="from time import monotonic as clock, sleep\n\ndef wait(seconds, nap=sleep):\n    sleep(seconds)",
        waiting_late="from time import perf_counter, sleep, time as now\n\nREAL = sleep",
        test_it="""
        import sys, time
        from time import sleep, time as now

        import waiting

        real = time.sleep, time.time, time.monotonic, time.perf_counter

        def test_virtual(aicore_clock):
            import waiting_late

            for wait in (sleep, waiting.sleep, waiting.wait, waiting_late.sleep):
                wait(1000)
            assert aicore_clock.elapsed == 4000
            assert now() == waiting_late.now() == time.time()
            assert waiting.clock() == time.monotonic()
            assert waiting.wait.__defaults__ == real[:1]

        def test_real():
            import waiting_late

            assert (sleep, now, waiting.sleep, waiting.clock) == (real[0], real[1], real[0], real[2])
            before = time.perf_counter()
            waiting_late.sleep(0.01)
            assert before + 0.009 < waiting_late.perf_counter() < before + 10
            assert abs(waiting_late.now() - time.time()) < 10

        def test_virtual_again(aicore_clock):
            import waiting_late

            waiting_late.sleep(50)
            waiting.sleep(50)
            assert aicore_clock.elapsed == 100
        """,
    )
    project.runpytest_inprocess().assert_outcomes(passed=3)


def test_threads_of_the_test_are_virtual_and_older_threads_are_not(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import concurrent.futures, threading, time

        REAL = time.time()
        ask, answer = threading.Event(), []

        def old_thread():
            ask.wait(20)
            began = time.time()
            time.sleep(0.01)
            answer.append((began, time.time() - began))

        old = threading.Thread(target=old_thread)

        def test_it(aicore_emulator, request):
            old.start()
            request.getfixturevalue("aicore_clock")
            ask.set()
            old.join(20)
            (began, took), = answer
            assert began >= REAL and 0.009 < took < 10
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                list(pool.map(time.sleep, [100] * 4))
            assert aicore_emulator.now.isoformat() == "2025-01-01T00:06:40+00:00"
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=1)


def test_event_loop_of_asyncio_shares_the_virtual_time(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import asyncio, time
        import pytest

        def test_it(aicore_clock):
            async def main():
                await asyncio.sleep(0.01)
                time.sleep(3600)

            asyncio.run(main())
            assert aicore_clock.elapsed == pytest.approx(3600.01)
        """
    )
    project.runpytest_inprocess("-p", "no:asyncio").assert_outcomes(passed=1)


def test_pytest_measures_real_durations(project: pytest.Pytester) -> None:
    project.makepyfile("import time\ndef test_it(aicore_clock): time.sleep(100_000)")
    result = project.runpytest_inprocess("--durations=0", "-vv")
    result.assert_outcomes(passed=1)
    assert result.duration < 60
    durations = [line for line in result.outlines if "s call " in line]
    assert len(durations) == 1
    assert float(durations[0].split("s ")[0]) < 60


@pytest.mark.parametrize("method", ["signal", "thread"])
def test_pytest_timeout_is_not_disturbed(project: pytest.Pytester, method: str) -> None:
    if method == "signal" and sys.platform == "win32":
        pytest.skip("Windows has no SIGALRM")
    project.makepyfile(
        """
        import threading, time
        import pytest

        @pytest.mark.timeout(60)
        def test_virtual_hours_pass(aicore_clock):
            time.sleep(100_000)

        @pytest.mark.timeout(1)
        def test_real_seconds_do_not(aicore_clock):
            threading.Event().wait(30)
        """
    )
    result = project.runpytest_subprocess(f"--timeout-method={method}", "-v")
    result.stdout.fnmatch_lines(["*test_virtual_hours_pass PASSED*"])
    assert "Timeout" in result.stdout.str() + result.stderr.str()
    assert result.ret != 0


class Machine:
    """A clock that somebody else moves."""

    time = 1000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time - 900

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def test_live_time_is_real_and_cannot_be_moved() -> None:
    clock = VirtualTime(Machine(), live=True)
    patched: list[object] = []
    clock.install(lambda *what: patched.append(what))
    assert patched == []
    clock.sleep(5)
    assert (clock.elapsed, clock.now()) == (5, 1005)
    with pytest.raises(RunError) as caught:
        clock.advance(5)
    assert str(caught.value) == "aicore_clock.advance works offline only: the real SAP AI Core keeps its own time."


def test_tokens_expire_as_on_a_server(project: pytest.Pytester) -> None:
    project.makepyfile(
        f"""
        import os, time
        import pytest, requests
        from ai_api_client_sdk.ai_api_v2_client import AIAPIV2Client

        {MARK}

        def ask(token):
            headers = {{"Authorization": token, "AI-Resource-Group": "default"}}
            return requests.get(os.environ["AICORE_BASE_URL"] + "/lm/executions", headers=headers)

        def test_a_token_that_is_kept(aicore_environment, aicore_clock, aicore_client):
            its = aicore_environment.variables
            own = AIAPIV2Client(
                base_url=its["AICORE_BASE_URL"] + "/lm", auth_url=its["AICORE_AUTH_URL"],
                client_id=its["AICORE_CLIENT_ID"], client_secret=str(its["AICORE_CLIENT_SECRET"]),
                resource_group="default",
            )
            token = own.rest_client.get_token()
            time.sleep(43_198)
            assert ask(token).status_code == 200
            time.sleep(1)
            answer = ask(token)
            assert (answer.status_code, answer.text) == (401, "Jwt is expired")
            # SAP's clients renew theirs.
            assert own.execution.query().count == aicore_client.execution.query().count == 0
            aicore_clock.advance(13 * 3600)
            assert own.execution.query().count == aicore_client.execution.query().count == 0
            assert ask(own.rest_client.get_token()).status_code == 200

        def test_a_run_over_days(aicore_clock, aicore_execution):
            time.sleep(3 * 86_400)
            assert aicore_execution.logs

        @pytest.mark.parametrize("number", [1, 2])
        def test_without_the_clock_of_a_test(aicore_client, aicore_emulator, number):
            aicore_emulator.clock.advance(13 * 3600)
            assert aicore_client.execution.query().count == 1
        """
    )
    project.runpytest_inprocess("-p", "no:randomly").assert_outcomes(passed=4)


def test_records_are_of_the_last_hour_and_not_of_the_future(project: pytest.Pytester) -> None:
    project.makeini("[pytest]")
    project.makepyfile(
        f"""
        from datetime import datetime, timedelta, timezone
        import time
        {MARK.replace("pytest.mark", "__import__('pytest').mark")}

        def test_logs_of_the_last_hour(aicore_client, aicore_execution, aicore_clock):
            now = datetime.now(timezone.utc)
            lines = aicore_client.execution.query_logs(aicore_execution.id, start=now - timedelta(hours=1)).data.result
            assert len(lines) > 1
            execution = aicore_client.execution.get(aicore_execution.id)
            assert now - timedelta(hours=1) < execution.created_at < execution.start_time
            assert execution.start_time < execution.completion_time < now
            assert now - timedelta(hours=1) < datetime.fromtimestamp(time.time(), timezone.utc) < now
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=1)


def test_a_fixed_start(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\naicore_emulator_start = 2031-05-06T07:08:09+02:00")
    project.makepyfile(
        """
        def test_it(aicore_emulator):
            assert aicore_emulator.now.isoformat() == "2031-05-06T05:08:09+00:00"
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=1)


def test_an_invalid_start(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\naicore_emulator_start = yesterday")
    project.makepyfile("def test_it(aicore_emulator): pass")
    result = project.runpytest_inprocess()
    assert (
        "ERROR: ini aicore_emulator_start = yesterday: expected a date-time with its zone, from 1970 on, for example "
        "2025-01-01T00:00:00Z."
    ) in result.outlines + result.errlines
