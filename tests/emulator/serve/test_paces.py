"""How time passes on a server: real, scaled, by looks, at once; and tokens that run out."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

import pytest

from pytest_aicore.emulator import Emulator
from pytest_aicore.emulator.store.records import EPOCH
from pytest_aicore.emulator.world.pace import PACES, RunningClock, pace_named
from pytest_aicore.errors import EmulatorError
from pytest_aicore.workflows import parse_template
from tests.emulator.serve.servers import SERVING_WORKFLOW, serving

pytest.importorskip("waitress", reason="the server is an extra: pip install 'pytest-aicore[server]'")


def test_real_time_passes_by_itself() -> None:
    with serving("real") as served:
        client = served.client()
        execution_id = client.start()
        seen = []
        for seconds in (0, 9, 2, 4, 44, 2):
            served.ticks.now += seconds
            seen += [client.status(execution_id)] * 2
        assert seen == [
            *["UNKNOWN"] * 4,  # looks take no time here
            *["PENDING"] * 2,
            *["RUNNING"] * 4,
            *["COMPLETED"] * 2,
        ]


def test_scaled_time_passes_sixty_times_as_fast() -> None:
    with serving("60x") as served:
        client = served.client()
        execution_id = client.start()
        seen = []
        for seconds in (0.1, 0.1, 0.1, 0.6, 0.2):
            served.ticks.now += seconds
            seen.append(client.status(execution_id))
        assert seen == ["UNKNOWN", "PENDING", "RUNNING", "RUNNING", "COMPLETED"]


def test_a_rollback_does_not_turn_a_running_clock_back() -> None:
    """What really runs goes on meanwhile: the times of its log lines would be before its start."""
    ticks = [0.0]
    clock = RunningClock(PACES["real"], start=EPOCH, ticks=lambda: ticks[0])
    emulator = Emulator(clock=clock)
    checkpoint = emulator.checkpoint()
    ticks[0] += 5
    emulator.rollback(checkpoint)
    assert clock.now() == EPOCH + 5


@pytest.mark.parametrize(("pace", "passed"), [("real", 2), ("60x", 120)])
def test_answers_carry_the_date_of_the_world_that_is_served(pace: str, passed: int) -> None:
    """As those of AI Core do: its times and its `Date` are of one clock."""
    with serving(pace) as served:
        client = served.client()
        dates = []
        for seconds in (0, 2):
            served.ticks.now += seconds
            dates.append(parsedate_to_datetime(client.ask("GET", "/v2/lm/scenarios").headers["date"]))
        now = datetime.fromtimestamp(served.emulator.clock.now(), timezone.utc)
        assert dates[1] == now.replace(microsecond=0)
        assert (dates[1] - dates[0]).total_seconds() == passed


def test_each_look_moves_an_execution_one_status_on() -> None:
    with serving("polls") as served:
        client = served.client()
        first, second = client.start(), client.start()
        assert [client.status(first) for _ in range(5)] == ["UNKNOWN", "PENDING", "RUNNING", "COMPLETED", "COMPLETED"]
        assert client.status(second) == "UNKNOWN"
        assert [
            {each["id"]: each["status"] for each in client.ask("GET", "/v2/lm/executions").json["resources"]}[second]
            for _ in range(2)
        ] == ["PENDING", "RUNNING"]
        outputs = client.ask("GET", f"/v2/lm/executions/{first}").json["outputArtifacts"]
        assert [each["url"] for each in outputs] == [f"ai://default/{first}/flower-model"]


def test_each_look_moves_a_stop_one_status_on() -> None:
    with serving("polls") as served:
        client = served.client()
        execution_id = client.start()
        assert [client.status(execution_id) for _ in range(2)] == ["UNKNOWN", "PENDING"]
        stop = client.ask("PATCH", f"/v2/lm/executions/{execution_id}", {"targetStatus": "STOPPED"})
        assert stop.status == 202
        assert [client.status(execution_id) for _ in range(3)] == ["STOPPING", "STOPPED", "STOPPED"]


STATUS_LOOKS = (
    "/v2/lm/executions/{id}",
    "/v2/lm/executions/{id}?$select=status",
    "/v2/lm/executions",
    "/v2/lm/executions?status=RUNNING",
)


@pytest.mark.parametrize("look", STATUS_LOOKS)
def test_what_a_client_was_shown_is_what_it_can_act_on(look: str) -> None:
    """Nothing happens between the answer that shows RUNNING and the stop that follows."""
    with serving("polls") as served:
        client = served.client()
        execution_id = client.start()
        path = f"/v2/lm/executions/{execution_id}"

        def is_running() -> bool:
            shown = client.ask("GET", look.format(id=execution_id)).json
            return [each["status"] for each in shown.get("resources", [shown])] == ["RUNNING"]

        assert [is_running() for _ in range(3)] == [False, False, True]
        assert client.ask("GET", f"{path}/logs").status == 200
        assert client.ask("GET", "/v2/lm/metrics?executionIds=" + execution_id).status in (200, 404)
        assert client.ask("GET", "/v2/lm/executions/$count").text == "1"
        assert client.ask("DELETE", path).status == 400
        assert client.ask("PATCH", path, {"targetStatus": "STOPPED"}).status == 202


def test_a_count_of_running_executions_moves_them_before_it_counts() -> None:
    with serving("polls") as served:
        client = served.client()
        execution_id = client.start()
        counts = [client.ask("GET", "/v2/lm/executions/$count?status=RUNNING").text for _ in range(3)]
        assert counts == ["0", "0", "1"]
        stop = client.ask("PATCH", f"/v2/lm/executions/{execution_id}", {"targetStatus": "STOPPED"})
        assert stop.status == 202


def test_polls_take_time_so_that_an_execution_has_a_duration() -> None:
    with serving("polls") as served:
        client = served.client()
        execution_id = client.start()
        assert [client.status(execution_id) for _ in range(4)][-1] == "COMPLETED"
        shown = client.ask("GET", f"/v2/lm/executions/{execution_id}").json
        assert shown["createdAt"] < shown["startTime"] < shown["completionTime"]


def test_an_instant_execution_has_ended_at_the_first_look() -> None:
    with serving("instant") as served:
        client = served.client()
        found = client.ask("GET", f"/v2/lm/executions/{client.start()}").json
        assert (found["status"], len(found["outputArtifacts"])) == ("COMPLETED", 1)
        served.emulator.script(outcome="DEAD", running=30)
        execution_id = client.start()
        assert client.status(execution_id) == "RUNNING"
        served.ticks.now += 30
        assert client.status(execution_id) == "DEAD"


def test_each_look_moves_a_deployment_one_status_on_and_an_instant_one_runs_at_once() -> None:
    for pace, expected in (("polls", ["UNKNOWN", "PENDING", "RUNNING", "RUNNING"]), ("instant", ["RUNNING"] * 4)):
        with serving(pace) as served:
            served.emulator.publish(parse_template(SERVING_WORKFLOW))
            client = served.client()
            configuration = client.ask(
                "POST",
                "/v2/lm/configurations",
                {"name": "serve", "scenarioId": "flowers", "executableId": "serve-flowers"},
            )
            made = client.ask("POST", "/v2/lm/deployments", {"configurationId": configuration.json["id"]})
            path = f"/v2/lm/deployments/{made.json['id']}"
            assert [client.ask("GET", path).json["status"] for _ in range(4)] == expected


@pytest.mark.parametrize(("pace", "looks"), [("polls", 3), ("instant", 1)])
def test_a_resource_group_is_ready_after_some_looks_or_at_once(pace: str, looks: int) -> None:
    with serving(pace) as served:
        client = served.client()
        assert client.ask("POST", "/v2/admin/resourceGroups", {"resourceGroupId": "team-a"}).status == 202
        seen = [client.ask("GET", "/v2/admin/resourceGroups/team-a").json["status"] for _ in range(looks)]
        assert seen[-1] == "PROVISIONED"


@pytest.mark.parametrize("pace", ["real", "60x", "polls", "instant"])
def test_a_token_runs_out_by_the_time_that_its_client_lives_in(pace: str) -> None:
    with serving(pace) as served:
        client = served.stranger()
        answer = client.ask_token()
        assert answer.json["expires_in"] == 43199
        client.headers["Authorization"] = f"Bearer {answer.json['access_token']}"
        served.ticks.now += 43198
        assert client.ask("GET", "/v2/lm/scenarios").status == 200
        served.ticks.now += 1
        refused = client.ask("GET", "/v2/lm/scenarios")
        assert (refused.status, refused.text) == (401, "Jwt is expired")
        assert client.authorise().ask("GET", "/v2/lm/scenarios").status == 200
        served.emulator.clock.advance(43200)
        assert client.ask("GET", "/v2/lm/scenarios").text == "Jwt is expired"


def test_credentials_are_checked() -> None:
    with serving() as served:
        client = served.stranger()
        refused = client.ask_token(client_secret="wrong")
        assert (refused.status, refused.text) == (
            401,
            '{"error":"invalid_client","error_description":"Bad credentials"}',
        )
        assert refused.headers["www-authenticate"] == (
            'Basic realm="UAA/client", error="unauthorized", error_description="Bad credentials"'
        )
        missing = client.ask("GET", "/v2/lm/executions/%0d%0aX-Injected:%20yes")
        assert (missing.status, missing.text) == (401, "Jwt is missing")
        assert missing.headers["www-authenticate"] == (
            f'Bearer realm="{served.server.url}/v2/lm/executions/%0D%0AX-Injected%3A%20yes"'
        )
        client.headers["Host"] = "api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com"
        assert client.ask_token(client_secret="wrong").status == 401


def test_a_client_with_a_certificate_needs_no_secret_where_that_is_allowed() -> None:
    form = b"grant_type=client_credentials&client_id="
    with serving() as strict, serving(allow_x509_over_http=True) as lax:
        for served, expected in ((strict, 401), (lax, 200)):
            client = served.stranger()
            known = client.service_key["clientid"].replace("|", "%7C").replace("!", "%21").encode()
            assert client.ask("POST", "/oauth/token", form + known).status == expected
            assert client.ask("POST", "/oauth/token", form + b"somebody").status == 401
            assert client.ask_token(client_secret="wrong").status == 401
        assert "certurl" not in strict.server.service_key
        assert lax.server.service_key["certurl"] == lax.server.url


def test_a_running_clock_starts_at_the_real_time_and_cannot_go_back() -> None:
    clock = RunningClock(PACES["real"])
    assert abs(clock.now() - time.time()) < 5
    clock.advance(3600)
    assert 3595 < clock.now() - time.time() < 3605
    clock.restart()
    assert abs(clock.now() - time.time()) < 5
    with pytest.raises(EmulatorError) as refused:
        clock.advance(-1)
    assert str(refused.value) == "The emulator's clock cannot move by -1 s: expected seconds >= 0."


def test_any_factor_is_a_pace() -> None:
    assert pace_named("2.5x").rate == 2.5
    for name in ("0x", "x", "-1x", "infx", "nanx"):
        with pytest.raises(EmulatorError, match=rf"^--pace {name}: unknown pace; expected real "):
            pace_named(name)


@pytest.mark.parametrize("pace", ["real", "polls"])
def test_a_server_never_runs_ahead_of_the_machine(pace: str) -> None:
    with serving(pace) as served:
        client = served.client()
        execution_id = client.start()
        for _ in range(1000):
            served.emulator.clock.poll()
            served.ticks.now += 0.01
            assert served.emulator.clock.now() <= EPOCH + served.ticks.now
        served.emulator.clock.set(EPOCH - 100, held=False)  # as a rollback does
        served.emulator.clock.poll()
        assert served.emulator.clock.now() <= EPOCH + served.ticks.now
        shown = client.ask("GET", f"/v2/lm/executions/{execution_id}").json
        assert shown["createdAt"] >= "2024-12-31T23:30:00Z"
