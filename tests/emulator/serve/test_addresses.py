"""What answers say about where things are: under the name by which the client knows the server."""

from __future__ import annotations

import pytest

from pytest_aicore.errors import EmulatorError
from tests.emulator.serve.servers import serving

pytest.importorskip("waitress", reason="the server is an extra: pip install 'pytest-aicore[server]'")

GROUPS = "/v2/admin/resourceGroups"


@pytest.mark.parametrize("host", ["aicore:8080", "127.0.0.2:80", "[::1]:7000"])
def test_links_lead_where_the_client_is(host: str) -> None:
    """A container that reaches the server as `aicore:8080` cannot do anything with `127.0.0.1`."""
    with serving(allowed_hosts=["AICORE"]) as served:
        client = served.client()
        client.ask("POST", GROUPS, {"resourceGroupId": "team-a"})
        linked = client.ask("GET", GROUPS, headers={"Host": host, "Prefer": "maxpagesize=1"}).headers["link"]
        assert linked.startswith(f"<http://{host}{GROUPS}?continueToken=")
        versions = client.ask("GET", "/v2/lm/meta/versions", headers={"Host": host}).json["versions"]
        assert versions[0]["url"] == f"http://{host}/v2/lm"


@pytest.mark.parametrize("given", ["https://tools.example.com/aicore/", "https://tools.example.com/aicore"])
def test_a_public_url_is_in_keys_and_links(given: str) -> None:
    with serving(public_url=given) as served:
        key = served.server.service_key
        public = "https://tools.example.com/aicore"
        assert (key["url"], key["serviceurls"]["AI_API_URL"]) == (public, public)
        client = served.client()
        for host in ("tools.example.com", "127.0.0.1"):  # a proxy may pass on the one or the other
            versions = client.ask("GET", "/v2/lm/meta/versions", headers={"Host": host}).json["versions"]
            assert versions[0]["url"] == f"{public}/v2/lm"


UNKNOWN = (
    "Unknown host: a page in a browser may have led a name of its own here. Use the server's URL, or start the server "
    "with --public-url or --allow-host."
)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "192.0.2.1", "a>b", "user@127.0.0.1", "x/../y", "[::1", "xn--\xe4"],
)
@pytest.mark.parametrize("path", ["/__aicore__/requests", "/v2/lm/meta/versions", "/health"])
def test_an_unknown_host_is_refused(host: str, path: str) -> None:
    """Also without an `Origin`: the page of a stranger whose name has been led to this machine sends none."""
    with serving() as served:
        refused = served.client().ask("GET", path, headers={"Host": host})
        assert (refused.status, refused.text) == (403, UNKNOWN)


@pytest.mark.parametrize(
    "host",
    [
        *("", "localhost", "app.localhost:1", "LOCALHOST.", "127.1.2.3", "[::1]", "host.docker.internal:80"),
        *("host.containers.internal", "api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com"),
    ],
)
def test_names_of_this_machine_are_known(host: str) -> None:
    with serving() as served:
        assert served.client().ask("GET", "/v2/lm/meta/versions", headers={"Host": host}).status == 200


def test_a_server_for_other_machines_is_known_by_any_address_and_by_its_names() -> None:
    with serving(host="0.0.0.0", public_url="http://aicore:8080", allowed_hosts=["aicore.team"]) as served:
        client = served.client()
        asked = {host: client.ask("GET", "/health", headers={"Host": host}).status for host in HOSTS}
        assert asked == HOSTS


HOSTS = {"192.0.2.1:80": 200, "[2001:db8::1]": 200, "aicore:8080": 200, "aicore.team": 200, "evil.example": 403}


@pytest.mark.parametrize(
    "given", ["aicore:8080", "ftp://a", "http://", "http://a?b", "http://u:p@a", "http://a b", "http://a:x"]
)
def test_an_invalid_public_url_is_refused(given: str) -> None:
    with pytest.raises(EmulatorError) as refused, serving(public_url=given):
        pass
    assert str(refused.value) == (
        "--public-url: invalid URL; expected the scheme http or https, a host, and possibly a port and a path, for "
        "example https://aicore.example.com."
    )


def test_an_invalid_name_is_refused() -> None:
    with pytest.raises(EmulatorError) as refused, serving(allowed_hosts=["http://aicore"]):
        pass
    assert str(refused.value) == (
        "--allow-host: invalid name; expected one without scheme and port, for example aicore."
    )


def test_the_gateway_comes_before_the_service() -> None:
    """Without a token nobody learns which methods a path has; the tracking endpoint of the cluster wants none."""
    with serving() as served:
        stranger = served.stranger()
        refused = stranger.ask("DELETE", "/v2/lm/artifacts")
        assert (refused.status, refused.text) == (401, "Jwt is missing")
        assert served.client().ask("DELETE", "/v2/lm/artifacts").status == 405
        assert stranger.ask("POST", "/api/v1/metrics").status == 405


def test_a_list_in_the_query_may_be_repeated() -> None:
    """The specification joins them with commas; many clients of other languages repeat the name."""
    with serving() as served:
        client = served.client()
        client.start()
        for query in ("a-b-c,train-flowers", "train-flowers&executableIds=a-b-c", "a-b-c&executableIds=train-flowers"):
            assert client.ask("GET", f"/v2/lm/executions?executableIds={query}").json["count"] == 1
