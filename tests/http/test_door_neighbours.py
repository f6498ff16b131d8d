"""The door into the process beside other mocks, other hosts, and other doors."""

from __future__ import annotations

import gc
import socket
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests
import requests_mock as requests_mock_module
import responses
from hypothesis import given
from hypothesis import strategies as st
from requests.adapters import HTTPAdapter
from responses.registries import OrderedRegistry
from urllib3 import HTTPConnectionPool, Retry
from urllib3.connection import HTTPConnection

from pytest_aicore.emulator import Emulator
from pytest_aicore.emulator.in_process import door_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.emulator.conftest import House

REAL_API = "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com"
REAL_AUTH = "https://tenant.authentication.eu10.hana.ondemand.com"
SHOP = "https://shop.example/prices"


def known(client: Any) -> int:
    """Make a call that only the emulator can answer."""
    return int(client.artifact.count())


def shop() -> str:
    return requests.get(SHOP, timeout=5).text


# The seven traps ----------------------------------------------------------------------------------------------


def test_trap_1_what_a_mock_has_no_stub_for_is_refused_in_its_own_words(house: House, client: Any) -> None:
    """`responses` looks up one reason per stub when nothing matches, and would fail with an IndexError."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(SHOP, body="1")
        mock.post(SHOP, body="2")
        assert known(client) == 0
        with pytest.raises(requests.exceptions.ConnectionError) as refused:
            requests.get("https://shop.example/other", timeout=5)
    assert str(refused.value) == (
        "Connection refused by Responses - the call doesn't match any registered mock.\n\n"
        "Request: \n"
        "- GET https://shop.example/other\n\n"
        "Available matches:\n"
        "- GET https://shop.example/prices URL does not match\n"
        "- POST https://shop.example/prices Method does not match\n"
        "Passthru prefixes:\n"
        f"- {house.door.ours}\n"
    )


def test_trap_2_resets_and_ends_of_blocks_do_not_hide_the_emulator(client: Any) -> None:
    with responses.RequestsMock() as mock:
        mock.get(SHOP, body="before")
        assert (shop(), known(client)) == ("before", 0)
        mock.reset()
        assert known(client) == 0
        mock.get(SHOP, body="after")
        assert (shop(), known(client)) == ("after", 0)
    assert known(client) == 0
    with mock:
        assert known(client) == 0
    responses.start()
    try:
        responses.get(SHOP, body="by the module")
        assert (shop(), known(client)) == ("by the module", 0)
        responses.reset()
        assert known(client) == 0
    finally:
        responses.stop()
        responses.reset()
    assert known(client) == 0


def test_trap_3_the_emulator_is_not_used_up_and_uses_nobody_up(house: House, client: Any) -> None:
    """The default registry drops the first of two responses that match: a catch-all would answer once."""
    with responses.RequestsMock() as mock:
        mock.get(SHOP, body="first")
        mock.get(SHOP, body="second")
        seen = [(shop(), known(client)) for _ in range(3)]
    assert seen == [("first", 0), ("second", 0), ("second", 0)]


def test_trap_4_nothing_is_kept_of_a_request_but_the_bounded_log(house: House, client: Any) -> None:
    sent: list[weakref.ref[requests.PreparedRequest]] = []
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(SHOP, body="1")
        shop()
        for _ in range(1000):
            answer = house.ask("GET", "/meta")
            sent.append(weakref.ref(answer.request))
        assert [call.request.url for call in mock.calls] == [SHOP]
    del answer
    gc.collect()
    # Of the latest calls attempts must be told from new calls.
    assert sum(request() is not None for request in sent) <= 64
    assert len(house.emulator.requests) == 500


def test_trap_5_attempts_are_counted_as_one_call_and_nobody_sleeps(
    house: House, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: pytest.fail(f"slept {seconds} s"))
    execution_id = house.start(client)
    fault = house.emulator.fault("execution.get", status=503, retry_after=30, times=2)
    for _ in range(2):
        with pytest.raises(requests.exceptions.RetryError):
            client.execution.get(execution_id)
    assert client.execution.get(execution_id).id == execution_id
    assert fault.struck == 2
    statuses = [(record.number, record.attempt, record.status) for record in list(house.emulator.requests)[-9:]]
    first = statuses[0][0]
    assert statuses == [
        *((first, attempt, 503) for attempt in (1, 2, 3, 4)),
        *((first + 1, attempt, 503) for attempt in (1, 2, 3, 4)),
        (first + 2, 1, 200),
    ]


def test_trap_6_mocks_do_not_hide_each_other(client: Any) -> None:
    @responses.activate
    def decorated() -> tuple[str, int]:
        responses.get(SHOP, body="decorated")
        return shop(), known(client)

    assert decorated() == decorated() == ("decorated", 0)
    with responses.RequestsMock() as outer, responses.RequestsMock() as inner:
        outer.get(SHOP + "/outer", body="outer")
        inner.get(SHOP, body="inner")
        assert (shop(), known(client)) == ("inner", 0)
        inner.add_passthru(SHOP + "/outer")
        assert known(client) == 0
        outer.assert_all_requests_are_fired = False
    assert known(client) == 0


def test_trap_7_threads_share_a_client_a_mock_and_the_emulator(house: House, client: Any) -> None:
    """The lock of `responses` covers the matching only, not what answers."""
    configuration_id = house.configure(client)

    def use(number: int) -> list[str]:
        ids = []
        for _ in range(25):
            created = client.execution.create(configuration_id)
            assert client.execution.get(created.id).configuration_id == configuration_id
            assert client.artifact.query(name=f"nobody-{number}").count == 0
            assert shop() == "shared"
            ids.append(created.id)
        return ids

    with responses.RequestsMock() as mock, ThreadPoolExecutor(8) as threads:
        mock.get(SHOP, body="shared")
        ids = [created for made in threads.map(use, range(8)) for created in made]
    assert len(set(ids)) == 200
    assert client.execution.count() == client.execution.query().count == 200
    assert {execution.id for execution in client.execution.query().resources} == set(ids)
    assert house.emulator.incidents == []


# Mocks of the test's own --------------------------------------------------------------------------------------


def test_a_mock_that_was_started_before_the_door_was_opened(house: House, elsewhere: str) -> None:
    house.door.close()
    client = house.client()
    mock = responses.RequestsMock()
    mock.start()
    mock.get(SHOP, body="older")
    mock.get(f"{REAL_API}/v2/lm/meta", body="stubbed")
    house.door.open()
    assert (shop(), known(client)) == ("older", 0)
    assert requests.get(f"{REAL_API}/v2/lm/meta", timeout=5).text == "stubbed"
    assert requests.get(f"{REAL_API}/v2/lm/scenarios", timeout=5).text == "Jwt is missing"
    mock.stop()
    mock.reset()
    assert known(client) == 0
    assert requests.get(f"{REAL_API}/v2/lm/meta", timeout=5).text == "Jwt is missing"
    assert requests.get(elsewhere, timeout=5).text == "elsewhere"


def test_the_modules_own_mock_that_was_started_before_the_door_was_opened(house: House) -> None:
    house.door.close()
    responses.start()
    house.door.open()
    client = house.client()
    assert known(client) == 0
    responses.stop()
    responses.reset()
    assert known(client) == 0


def test_mocks_that_were_started_one_in_the_other_before_the_door_was_opened(house: House) -> None:
    house.door.close()
    with responses.RequestsMock() as outer:
        inner = responses.RequestsMock()
        inner.start()
        house.door.open()
        client = house.client()
        inner.get(SHOP, body="inner")
        assert (shop(), known(client)) == ("inner", 0)
        inner.stop()
        outer.get(SHOP, body="outer")
        outer.get(f"{REAL_API}/v2/lm/meta", body="stubbed")
        assert (shop(), known(client)) == ("outer", 0)
        assert requests.get(f"{REAL_API}/v2/lm/meta", timeout=5).text == "stubbed"
    assert known(client) == 0


def test_a_stub_for_a_host_of_ai_core_goes_first(house: House, client: Any) -> None:
    with responses.RequestsMock() as mock:
        mock.get(f"{REAL_API}/v2/lm/meta", json={"by": "the test"})
        mock.get(f"{house.url}/artifacts/$count", json=7)
        assert requests.get(f"{REAL_API}/v2/lm/meta", timeout=5).json() == {"by": "the test"}
        assert requests.get(f"{REAL_API}/v2/lm/scenarios", timeout=5).status_code == 401
        assert (known(client), client.configuration.count()) == (7, 0)


def test_a_mock_that_expects_an_order_keeps_its_expectations(client: Any) -> None:
    """`OrderedRegistry` forgets the later stubs when a request does not match the next one."""
    with responses.RequestsMock(registry=OrderedRegistry) as mock:
        mock.get(SHOP, body="first")
        mock.get(SHOP, body="second")
        mock.get(SHOP, body="third")
        seen = [(known(client), shop()) for _ in range(3)]
    assert seen == [(0, "first"), (0, "second"), (0, "third")]


def test_a_mock_with_passthroughs_of_its_own_keeps_them(client: Any, elsewhere: str) -> None:
    with responses.RequestsMock(passthru_prefixes=(elsewhere,)) as mock:
        assert requests.get(elsewhere, timeout=5).text == "elsewhere"
        mock.add_passthru("https://nobody.example")
        assert known(client) == 0
        assert requests.get(elsewhere, timeout=5).text == "elsewhere"


def test_requests_mock_as_context_manager_and_decorator(house: House, client: Any) -> None:
    def stubbed(mocker: Any) -> tuple[str, int, int]:
        mocker.get(SHOP, text="decorated")
        return shop(), known(client), mocker.call_count

    decorated: Any = requests_mock_module.Mocker()(stubbed)
    assert decorated() == ("decorated", 0, 1)
    with requests_mock_module.Mocker() as mocker:
        mocker.get(SHOP, text="in the block")
        assert (shop(), known(client)) == ("in the block", 0)
        assert (mocker.call_count, mocker.last_request.url) == (1, SHOP)
        with pytest.raises(requests_mock_module.exceptions.NoMockAddress):
            requests.get("https://shop.example/other", timeout=5)
        mocker.reset()
        assert (mocker.called, known(client), mocker.called) == (False, 0, False)
    assert known(client) == 0


def test_requests_mock_as_fixture(house: House, client: Any, requests_mock: Any) -> None:
    requests_mock.get(SHOP, text="by the fixture")
    house.emulator.fault("artifact.count", status=503, attempts=2)
    assert (shop(), known(client), requests_mock.call_count) == ("by the fixture", 0, 1)


def test_a_stub_of_requests_mock_for_a_host_of_ai_core_goes_first(house: House, client: Any) -> None:
    mocker = requests_mock_module.Mocker()
    mocker.get(f"{REAL_API}/v2/lm/meta", json={"by": "the test"})
    mocker.start()
    try:
        mocker.get(f"{house.url}/artifacts/$count", json=7)
        assert requests.get(f"{REAL_API}/v2/lm/meta", timeout=5).json() == {"by": "the test"}
        assert requests.get(f"{REAL_API}/v2/lm/scenarios", timeout=5).status_code == 401
        assert (known(client), client.configuration.count()) == (7, 0)
    finally:
        mocker.stop()


def test_requests_mock_with_real_http(client: Any, elsewhere: str) -> None:
    with requests_mock_module.Mocker(real_http=True) as mocker:
        mocker.get(SHOP, text="1")
        assert (shop(), known(client)) == ("1", 0)
        assert requests.get(elsewhere, timeout=5).text == "elsewhere"


def test_requests_mock_for_one_session_only(house: House, client: Any, elsewhere: str) -> None:
    with requests.Session() as session, requests_mock_module.Mocker(session=session) as mocker:
        mocker.get(SHOP, text="1")
        assert session.get(SHOP).text == "1"
        assert session.get(f"{house.url}/meta").text == "Jwt is missing"
        assert requests.get(elsewhere, timeout=5).text == "elsewhere"


def test_requests_mock_that_was_started_before_the_door_was_opened(house: House) -> None:
    house.door.close()
    with requests_mock_module.Mocker() as outer, requests_mock_module.Mocker(real_http=True) as inner:
        outer.get(SHOP, text="outer")
        inner.get(SHOP + "/inner", text="inner")
        house.door.open()
        client = house.client()
        assert (shop(), requests.get(SHOP + "/inner", timeout=5).text, known(client)) == ("outer", "inner", 0)
    assert known(client) == 0


def test_a_faults_retries_happen_under_every_mock(house: House, client: Any) -> None:
    execution_id = house.start(client)
    with responses.RequestsMock():
        house.emulator.fault("execution.get", status=502, attempts=3)
        assert client.execution.get(execution_id).id == execution_id
    with requests_mock_module.Mocker():
        house.emulator.fault("execution.get", kind="connection reset", attempts=3)
        assert client.execution.get(execution_id).id == execution_id


# Other hosts --------------------------------------------------------------------------------------------------


def test_other_hosts_reach_whom_they_would_have_reached(elsewhere: str, house: House) -> None:
    assert requests.get(elsewhere, timeout=5).text == "elsewhere"
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get("http://127.0.0.1:9/nobody-listens", timeout=5)
    assert list(house.emulator.requests) == []


@pytest.mark.parametrize(
    "url",
    [
        f"{REAL_API}/v2/lm/meta",
        f"{REAL_API}:443/v2/lm/meta",
        f"{REAL_API}./v2/lm/meta",
        "https://api.ai.internalprod.us-east-1.aws.ml.hana.ondemand.com/v2/lm/meta",
        "https://API.AI.PROD.EU-CENTRAL-1.AWS.ML.HANA.ONDEMAND.COM/v2/lm/meta",
        "http://api.ai.ml.hana.ondemand.com/v2/lm/meta?x=1",
    ],
)
def test_the_real_services_hosts_are_answered(house: House, url: str) -> None:
    answer = requests.get(url, headers={"Authorization": f"Bearer {house.token()}"}, timeout=5)
    assert answer.json()["runtimeIdentifier"] == "aicore"


@pytest.mark.parametrize(
    "url",
    [
        "https://hana.ondemand.com/",
        "https://other.hana.ondemand.com/v2/lm/meta",
        "https://api.ai.prod.example/v2/lm/meta",
        "https://api.ai.prod.hana.ondemand.com.example/v2/lm/meta",
        "https://example/https://api.ai.prod.hana.ondemand.com/v2/lm/meta",
        "https://evil.example/?@api.ai.prod.hana.ondemand.com/",
        "https://evil.example/#@api.ai.prod.hana.ondemand.com/",
    ],
)
def test_hosts_that_only_look_like_the_services_are_not_answered(house: House, url: str) -> None:
    with responses.RequestsMock() as mock:
        mock.get(url, body="theirs")
        assert requests.get(url, timeout=5).text == "theirs"
        mock.assert_call_count(url, 1)
    house.door.block_network = True
    with pytest.raises(requests.exceptions.ConnectionError) as refused:
        requests.get(url, timeout=5)
    assert str(refused.value).startswith(f"GET {url} would have reached the network")


def test_user_information_hides_no_host(house: House) -> None:
    url = "https://user:sesame@{}/v2/lm/meta"
    answer = requests.get(url.format("api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com"), timeout=5)
    assert (answer.status_code, answer.text) == (401, "Jwt is missing")
    house.door.block_network = True
    for host in ("127.0.0.1@shop.example", "shop.example"):
        with pytest.raises(requests.exceptions.ConnectionError, match=r"^GET https://user:\*\*\*@"):
            requests.get(url.format(host), timeout=5)


def test_the_real_token_hosts_give_tokens_for_any_client(house: House) -> None:
    form = {"grant_type": "client_credentials", "client_id": "sb-any", "client_secret": "any"}
    for label in ("", ".cert"):
        url = REAL_AUTH.replace(".authentication", f".authentication{label}")
        token = requests.post(f"{url}/oauth/token", data=form, timeout=5).json()["access_token"]
        answer = requests.get(f"{REAL_API}/v2/lm/meta", headers={"Authorization": f"Bearer {token}"}, timeout=5)
        assert answer.status_code == 200


def test_a_blocked_network_is_refused_by_name(house: House, client: Any, elsewhere: str) -> None:
    house.door.block_network = True
    sentence = (
        "POST https://shop.example/prices would have reached the network, which aicore_block_network = true forbids. "
        "Answer it with a stub, or allow it by removing that setting."
    )
    with pytest.raises(requests.exceptions.ConnectionError) as refused:
        requests.post(SHOP, timeout=5)
    assert str(refused.value) == sentence
    assert house.emulator.take_incidents() == [sentence]
    with responses.RequestsMock() as mock:
        mock.post(SHOP, body="stubbed")
        mock.add_passthru("https://nobody.example")
        assert requests.post(SHOP, timeout=5).text == "stubbed"
        with pytest.raises(requests.exceptions.ConnectionError) as refused:
            requests.get("https://nobody.example/", timeout=5)
        assert str(refused.value).startswith("GET https://nobody.example/ would have reached the network")
    assert known(client) == 0
    assert requests.get(elsewhere, timeout=5).text == "elsewhere"


def test_a_refused_request_is_not_tried_again(house: House) -> None:
    house.door.block_network = True
    with requests.Session() as session:
        session.mount("https://", HTTPAdapter(max_retries=Retry(total=5, backoff_factor=60)))
        for url in (SHOP, "https://192.0.2.7/prices"):
            with pytest.raises(requests.exceptions.ConnectionError, match=f"^GET {url} would have reached the network"):
                session.get(url, timeout=5)
    assert len(house.emulator.take_incidents()) == 2


def test_mocks_below_requests_answer_in_a_blocked_network(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of vcrpy, which replace the connections of urllib3."""

    class Connection(HTTPConnection):
        def connect(self) -> None:
            self.sock, theirs = socket.socketpair()
            with theirs:
                theirs.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nrecorded")

    monkeypatch.setattr(HTTPConnectionPool, "ConnectionCls", Connection)
    house.door.block_network = True
    with requests.Session() as session:
        assert session.get("http://shop.example/prices", timeout=5).text == "recorded"
    assert house.emulator.take_incidents() == []


# The door itself ----------------------------------------------------------------------------------------------


def test_a_client_made_before_the_door_was_opened(house: House) -> None:
    house.door.close()
    client = house.client()
    session = requests.Session()
    house.door.open()
    assert known(client) == 0
    assert session.get(f"{house.url}/meta").status_code == 401
    house.door.close()
    with pytest.raises(requests.exceptions.ConnectionError):
        session.get(f"{house.url}/meta", timeout=5)


def everything_it_touches() -> dict[str, Any]:
    mocker = requests_mock_module.mocker.MockerCore
    return {
        "HTTPAdapter": dict(vars(HTTPAdapter)),
        "Session": dict(vars(requests.Session)),
        "RequestsMock": dict(vars(responses.RequestsMock)),
        "responses": {name: value for name, value in vars(responses).items() if not name.startswith("__")},
        "the module's mock": {**vars(responses.mock), "_calls": None, "_registry": None},
        "MockerCore": dict(vars(mocker)),
    }


def test_a_closed_door_leaves_everything_as_it_was(house: House) -> None:
    house.door.close()
    before = everything_it_touches()
    for _ in range(2):
        house.door.open()
        house.door.open()
        client = house.client()
        with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
            mock.get(SHOP, body="1")
            assert known(client) == 0
        with requests_mock_module.Mocker():
            assert known(client) == 0
        responses.mock.add_passthru("https://nobody.example")
        responses.reset()
        house.door.close()
        house.door.close()
        assert everything_it_touches() == before
    assert house.door.is_open is False


@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(["open", "close"]), st.integers(0, 2)),
            st.tuples(st.sampled_from(["mock", "unmock"])),
        ),
        max_size=16,
    )
)
def test_doors_and_mocks_that_come_and_go_in_any_order_leave_nothing(steps: list[tuple[Any, ...]]) -> None:
    before = everything_it_touches()
    urls = [f"https://api.{name}.invalid" for name in "abc"]
    doors = [door_to(Emulator(base_url=url, auth_url="https://auth.invalid")) for url in urls]
    mocks: list[responses.RequestsMock] = []
    try:
        for what, *which in steps:
            if which:
                getattr(doors[which[0]], what)()
            elif what == "mock":
                mocks.append(responses.RequestsMock(assert_all_requests_are_fired=False))
                mocks[-1].start()
                mocks[-1].get(SHOP, body=str(len(mocks)))
            elif mocks:
                mocks.pop().stop()
            for door, url in zip(doors, urls, strict=True):
                if door.is_open:
                    assert requests.get(f"{url}/v2/lm/meta", timeout=5).text == "Jwt is missing"
            if mocks:
                assert shop() == str(len(mocks))
    finally:
        while mocks:
            mocks.pop().stop()
        for door in doors:
            door.close()
    doors[0].open()  # a mock that outlived all doors has put back what it found, which handed everything on
    doors[0].close()
    assert everything_it_touches() == before


def test_a_door_that_closes_under_an_active_mock(house: House, elsewhere: str) -> None:
    with responses.RequestsMock(passthru_prefixes=(elsewhere,)) as mock:
        house.door.close()
        mock.get(f"{REAL_API}/v2/lm/meta", body="stubbed")
        assert requests.get(f"{REAL_API}/v2/lm/meta", timeout=5).text == "stubbed"
        assert requests.get(elsewhere, timeout=5).text == "elsewhere"
        with pytest.raises(requests.exceptions.ConnectionError):
            requests.get(f"{REAL_API}/v2/lm/scenarios", timeout=5)
    assert requests.get(elsewhere, timeout=5).text == "elsewhere"
    house.door.open()
    assert known(house.client()) == 0


def test_a_door_within_a_door(house: House, client: Any) -> None:
    house.start(client)
    inner = Emulator(base_url="https://api.inner.invalid", auth_url="https://auth.inner.invalid")
    door = door_to(inner)
    door.open()
    try:
        assert requests.get("https://api.inner.invalid/v2/lm/meta", timeout=5).text == "Jwt is missing"
        assert known(client) == 1
        with responses.RequestsMock():
            assert requests.get("https://api.inner.invalid/v2/lm/meta", timeout=5).text == "Jwt is missing"
            assert known(client) == 1
    finally:
        door.close()
    assert known(client) == 1
    assert [record.path for record in inner.requests] == ["/v2/lm/meta"] * 2


def test_the_door_is_put_back_in_place(house: House, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who replaces `send` for good, or puts back what was there before the door."""
    house.door.close()
    before = HTTPAdapter.send
    house.door.open()
    HTTPAdapter.send = before  # type: ignore[method-assign]
    house.door.open()
    assert known(client) == 0


def streams() -> Iterator[bytes]:
    yield b'{"name":"x","kind":"model",'
    yield b'"url":"ai://default/x","scenarioId":"some"}'


def test_bodies_of_every_kind_arrive(house: House, client: Any) -> None:
    headers = {"Authorization": f"Bearer {house.token()}"}
    text = b"".join(streams()).decode()
    bodies: list[Any] = [text, text.encode(), streams(), bytearray(text.encode())]
    for body in bodies:
        answer = requests.post(f"{house.url}/artifacts", data=body, headers=headers, timeout=5)
        assert answer.json()["message"] == "Artifact acknowledged"
    assert known(client) == 4


def test_answers_can_be_streamed_and_closed(house: House) -> None:
    headers = {"Authorization": f"Bearer {house.token()}"}
    with requests.get(f"{house.url}/meta", headers=headers, stream=True, timeout=5) as answer:
        assert b"".join(answer.iter_content(7)).startswith(b'{"aiApi":')
        assert (answer.reason, answer.raw.status, answer.url) == ("OK", 200, f"{house.url}/meta")


def test_a_session_without_retries_makes_none(house: House) -> None:
    house.emulator.fault("meta.get", status=503)
    assert house.ask("GET", "/meta").status_code == 503
    assert house.ask("GET", "/meta").status_code == 200


def test_a_session_that_does_not_raise_for_status_gets_the_last_answer(house: House) -> None:
    house.emulator.fault("healthz.get", status=503, times=None)
    with requests.Session() as session:
        retries = Retry(2, status_forcelist=[503], backoff_factor=9, raise_on_status=False)
        session.mount("https://", HTTPAdapter(max_retries=retries))
        answer = session.get(f"{house.url}/healthz", headers={"Authorization": f"Bearer {house.token()}"})
    assert answer.status_code == 503
    assert [record.attempt for record in house.emulator.requests if record.status == 503] == [1, 2, 3]
