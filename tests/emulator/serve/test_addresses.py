"""What answers say about where things are: under the name by which the client knows the server."""

from __future__ import annotations

import pytest

from tests.emulator.serve.servers import serving

pytest.importorskip("waitress", reason="the server is an extra: pip install 'pytest-aicore[server]'")

GROUPS = "/v2/admin/resourceGroups"


@pytest.mark.parametrize("host", ["aicore:8080", "aicore.example.com", "[::1]:7000"])
def test_links_lead_where_the_client_is(host: str) -> None:
    """A container that reaches the server as `aicore:8080` cannot do anything with `127.0.0.1`."""
    with serving() as served:
        client = served.client()
        client.ask("POST", GROUPS, {"resourceGroupId": "team-a"})
        linked = client.ask("GET", GROUPS, headers={"Host": host, "Prefer": "maxpagesize=1"}).headers["link"]
        assert linked.startswith(f"<http://{host}{GROUPS}?continueToken=")
        versions = client.ask("GET", "/v2/lm/meta/versions", headers={"Host": host}).json["versions"]
        assert versions[0]["url"] == f"http://{host}/v2/lm"


@pytest.mark.parametrize("host", ["", "a>b", "user@host", "x/../y"])
def test_a_host_that_is_none_is_not_repeated(host: str) -> None:
    with serving() as served:
        versions = served.client().ask("GET", "/v2/lm/meta/versions", headers={"Host": host}).json["versions"]
        assert versions[0]["url"] == f"{served.server.url}/v2/lm"


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
