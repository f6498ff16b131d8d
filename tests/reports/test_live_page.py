"""The live page of a server, over real sockets and read without a browser."""

from __future__ import annotations

import base64
import hashlib
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.emulator.serve.servers import SERVING_WORKFLOW, Client, Program, Served, serving, workflows_folder
from tests.hostile import EVERYTHING, acting
from tests.reports.html_reading import Element, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("waitress", reason="the server is an extra: pip install 'pytest-aicore[server]'")
pytest.importorskip("jinja2", reason="the page is an extra: pip install 'pytest-aicore[html]'")

HOSTILE = f"</pre></script><script>hacked()</script><img src=x onerror=hacked()>\"'{{{{7*7}}}}{EVERYTHING}"


@contextmanager
def shown(**options: Any) -> Iterator[Served]:
    """Serve an emulator with its page; what it shows is always new."""
    from pytest_aicore.reports.html import live_page

    pages: list[Any] = []
    with serving(page=lambda request: pages[0].answer(request), **options) as served:
        pages.append(live_page.LivePage(served.emulator, has_actions=True, restart="A restart forgets everything."))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(live_page, "_FRESH_SECONDS", -1.0)
            yield served


def page_of(served: Served) -> Element:
    answer = served.stranger().ask("GET", "/")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    return read(answer.text)


def test_it_shows_what_runs() -> None:
    from pytest_aicore.workflows import parse_template

    with shown() as served:
        served.emulator.publish(parse_template(SERVING_WORKFLOW))
        client = served.client()
        script = {"running": 600, "logs": ["epoch 1", "epoch 2"], "metrics": {"loss": [0.9, 0.5, 0.25]}}
        client.ask("POST", "/__aicore__/scripts", {"executable": "train-flowers", **script})
        execution = client.start()
        client.ask("POST", "/__aicore__/clock", {"advance": 500})
        asked = {"name": "serving", "executableId": "serve-flowers", "scenarioId": "flowers"}
        configuration = client.ask("POST", "/v2/lm/configurations", asked).json["id"]
        deployment = client.ask("POST", "/v2/lm/deployments", {"configurationId": configuration}).json["id"]
        secret = {"name": "my-secret", "data": {"password": "aHVudGVyMg=="}}
        client.ask("POST", "/v2/admin/secrets", secret, {"AI-Tenant-Scope": "true"})
        client.ask("POST", "/v2/admin/resourceGroups", {"resourceGroupId": "team-a"})
        page = page_of(served)
        run = page.one("details", id=execution)
        assert run.one("span", class_="pill").text == "RUNNING"
        assert run.one("pre").text.endswith(" epoch 1")
        assert next(cell.text for cell in run.one("table", class_="metrics").all("td")) == "0.5"
        assert "epochs2picturesai://default/in" in run.text
        assert page.one("details", id=deployment).one("span", class_="pill").text == "UNKNOWN"
        assert {each.text for each in page.all("h2")} >= {
            "default resource group, PROVISIONED",
            "team-a resource group, PROVISIONING",
            "Scenarios and executables",
        }
        assert "train-flowers training 1.0 serve-flowers serving 1.0" in page.text.replace("  ", " ") or (
            "serve-flowers serving 1.0 train-flowers training 1.0" in page.text
        )
        assert "my-secret" in page.text
        assert "hunter2" not in page.raw
        assert "aHVudGVyMg" not in page.raw
        client.ask("POST", "/__aicore__/clock", {"advance": 3600})
        ended = page_of(served).one("details", id=execution)
        assert ended.one("span", class_="pill").text == "COMPLETED"
        assert f"ai://default/{execution}/flower-model" in ended.text


def test_a_part_is_sent_when_it_has_changed() -> None:
    with shown() as served:
        client = served.client()
        execution = client.start()
        first = client.ask("GET", "/live")
        assert (first.status, first.headers["cache-control"]) == (200, "no-cache")
        assert "<html" not in first.text
        same = client.ask("GET", "/live", headers={"If-None-Match": first.headers["etag"]})
        assert (same.status, same.body, same.headers["etag"]) == (304, b"", first.headers["etag"])
        served.ticks.now += 15
        changed = client.ask("GET", "/live", headers={"If-None-Match": first.headers["etag"]})
        assert (changed.status, execution in changed.text) == (200, True)
        assert changed.headers["etag"] != first.headers["etag"]
        assert (first.headers["x-aicore-clock"], changed.headers["x-aicore-clock"]) == ("00:00:00", "00:00:15")
        assert (client.ask("POST", "/").status, client.ask("POST", "/").headers["allow"]) == (405, "GET, HEAD")
        assert all(record.path not in ("/", "/live") for record in served.emulator.requests)


def test_its_policy_allows_its_own_style_and_script_alone() -> None:
    with shown() as served:
        answer = served.stranger().ask("GET", "/")
        page = read(answer.text)
        hashes = [
            base64.b64encode(hashlib.sha256(page.one(tag).raw.encode()).digest()).decode()
            for tag in ("style", "script")
        ]
        policy = (
            "default-src 'none'; base-uri 'none'; form-action 'none'; connect-src 'self'; img-src data:;"
            f" style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'"
        )
        assert answer.headers["content-security-policy"] == f"{policy}; frame-ancestors 'none'"
        assert page.one("meta", **{"http-equiv": "Content-Security-Policy"}).attributes["content"] == policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert not [
            each
            for each in page.all()
            if "style" in each.attributes or any(n.startswith("on") for n in each.attributes)
        ]


def test_hostile_texts_are_texts() -> None:
    with shown() as served:
        client = served.client()
        script = {"running": 600, "logs": [HOSTILE], "metrics": {HOSTILE: 1}, "statusMessage": HOSTILE}
        client.ask("POST", "/__aicore__/scripts", script)
        client.ask(
            "POST",
            "/v2/lm/artifacts",
            {"name": HOSTILE, "kind": "model", "url": f"ai://default/{HOSTILE}", "scenarioId": "flowers"},
        )
        execution = client.start()
        client.ask("POST", "/__aicore__/clock", {"advance": 3000})
        page = page_of(served)
        assert "<script>hacked()</script>" in page.one("details", id=execution).one("pre").raw
        assert [each.tag for each in page.all() if each.tag in ("img", "iframe", "object")] == []
        assert len(list(page.all("script"))) == 1
        assert "{{7*7}}" in page.text
        text = "".join(each.raw for each in page.all("main"))
        assert [each for each in acting(text) if each.startswith("U+")] == []


def test_the_program_prints_the_page_with_its_token(tmp_path: Path) -> None:
    folder = workflows_folder(tmp_path)
    with Program("--workflows", str(folder), page=True) as program:
        url = program.url
        line = program.wait_for("what runs now", "stderr")
        said = re.fullmatch(rf"pytest-aicore: what runs now: {re.escape(url)}/#token=([\w-]{{32}})", line)
        assert said
        client = Client(url, {})
        page = read(client.ask("GET", "/").text)
        assert "train-flowers" in page.text
        assert "A restart of the server forgets everything here but the workflows of --workflows." in page.text
        assert said[1] not in client.ask("GET", "/").text
        as_page = {"Origin": url, "Authorization": f"Bearer {said[1]}"}
        assert client.ask("POST", "/__aicore__/clock", {"advance": 5}, as_page).status == 200
        assert client.ask("POST", "/__aicore__/clock", {"advance": 5}, {"Origin": url}).status == 403
        client.close()
        assert program.stop() == 0
