"""Executions of the emulator run on this machine: what clients see is what the code does."""

from __future__ import annotations

import os
import re
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.errors import SettingsError
from pytest_aicore.objects.folder import Folder
from pytest_aicore.running.engines.choosing import ISOLATING
from pytest_aicore.workflows import parse_template
from tests.containers import TRIED
from tests.local.laptops import LIMIT, TRACKS, workflow
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.local.laptops import Laptop

pytestmark = pytest.mark.once

TRAINS = "cat /in/data/words.txt; mkdir /out/model; echo $WORD > /out/model/words.txt; echo trained"
SLEEPS = "echo begins; sleep 600 & sleep 601"


def details_of(content: dict[str, Any]) -> dict[str, Any]:
    """Return the status details of an execution, with EXECUTION for its id.

    Args:
        content: the execution.
    """
    found: dict[str, Any] = content["statusDetails"]
    for each in (*found["details"], *found["workflow_info"]):
        for key, value in each.items():
            each[key] = value.replace(content["id"], "EXECUTION") if isinstance(value, str) else value
    return found


def refused(message: str) -> dict[str, Any]:
    """Return the details of what was refused before anything started.

    Args:
        message: why.
    """
    info = {"exit_code": "", "id": "EXECUTION", "message": message, "name": "EXECUTION", "phase": "Error"}
    return {"details": [], "workflow_info": [info]}


def test_a_training_and_another_one_that_uses_its_model(laptop: Laptop, tmp_path: Path) -> None:
    first = laptop.ended(workflow(TRAINS), "ai://default/in", WORD="great")
    assert (first["status"], "statusMessage" in first, "statusDetails" in first) == ("COMPLETED", False, False)
    assert first["submissionTime"] <= first["startTime"] <= first["completionTime"]
    assert laptop.lines(first["id"]) == [("main", "some words"), ("main", "trained")]
    (model,) = first["outputArtifacts"]
    assert (model["name"], model["kind"]) == ("model", "model")
    assert model["url"] == f"ai://default/{first['id']}/model"
    assert (tmp_path / "outputs" / first["id"] / "model" / "words.txt").read_text(encoding="utf-8") == "great\n"

    second = laptop.ended(workflow(TRAINS), model["url"])
    assert second["status"] == "COMPLETED"
    assert laptop.lines(second["id"]) == [("main", "great"), ("main", "trained")]


def test_files_of_outputs_and_data_can_be_downloaded_from_the_service(laptop: Laptop) -> None:
    """By AI Core's API for files, with which a live session that is rehearsed here opens its models."""
    ended = laptop.ended(workflow("mkdir /out/model; echo great > /out/model/kind.txt"))
    output = f"/dataset/files/default/{ended['id']}/model"
    laptop.emulator.create_resource_group("team")
    answers = {
        path: (laptop.ask("GET", path).status_code, laptop.ask("GET", path, resource_group="team").status_code)
        for path in (f"{output}/kind.txt", f"{output}/other.txt", output, "/dataset/files/default/in/words.txt")
    }
    assert list(answers.values()) == [(200, 404), (404, 404), (404, 404), (200, 200)]
    assert laptop.ask("GET", f"{output}/kind.txt").content == b"great\n"


def test_what_tracking_logs_belongs_to_the_execution(laptop: Laptop) -> None:
    ended = laptop.ended(in_python(TRACKS))
    assert (ended["status"], laptop.lines(ended["id"])) == ("COMPLETED", [("main", "204")])
    answer = laptop.ask("GET", "/metrics", S_filter=f"executionId eq '{ended['id']}'").json()
    (tracked,) = answer["resources"]
    assert [(each["name"], each["value"], each["step"]) for each in tracked["metrics"]] == [("accuracy", 0.75, 1)]
    assert tracked["tags"] == [{"name": "owner", "value": "me"}]


@pytest.mark.parametrize("name", [name for name in TRIED if name in ISOLATING])
def test_what_tracking_logs_arrives_without_network(
    make_laptop: Callable[..., Laptop], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("CI", raising=False)
    if (reason := ISOLATING[name](network=False).probe()) is not None:
        pytest.skip(reason)
    laptop = make_laptop(engine=name, network=False, outputs=tmp_path / "outputs")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        connects = f"import socket; print(socket.socket().connect_ex(('127.0.0.1', {port})) != 0)\n"
        ended = laptop.ended(in_python(connects + TRACKS + TRACKS))
    assert (ended["status"], laptop.lines(ended["id"])) == (
        "COMPLETED",
        [("main", "True"), ("main", "204"), ("main", "204")],
    )
    (tracked,) = laptop.ask("GET", "/metrics", S_filter=f"executionId eq '{ended['id']}'").json()["resources"]
    assert [each["name"] for each in tracked["metrics"]] == ["accuracy", "accuracy"]


def test_an_engine_that_cannot_keep_the_network_away_is_refused(make_laptop: Callable[..., Laptop]) -> None:
    with pytest.raises(SettingsError) as refused:
        make_laptop(engine="process", network=False)
    assert str(refused.value) == (
        "No step can run here. By the engine `process`: `process` cannot keep the network from steps."
    )


def test_what_is_tracked_without_the_name_of_the_resource_group(laptop: Laptop) -> None:
    """Shells such as dash drop the variable with that name, for its hyphens."""
    laptop.emulator.create_resource_group("team")
    laptop.emulator.publish(parse_template(in_python(without_group(TRACKS))))
    bound = {"name": "t", "scenarioId": "tiny", "executableId": "tiny", "parameterBindings": []}
    configuration = laptop.create("/configurations", {**bound, "inputArtifactBindings": []}, resource_group="team")
    execution = laptop.create("/executions", {"configurationId": configuration}, resource_group="team")

    def ask(path: str, **query: str) -> Any:
        return laptop.ask("GET", path, resource_group="team", **query).json()

    until(lambda: ask(f"/executions/{execution}")["status"] == "COMPLETED", "its end")
    (tracked,) = ask("/metrics", S_filter=f"executionId eq '{execution}'")["resources"]
    assert [each["name"] for each in tracked["metrics"]] == ["accuracy"]
    assert "default" not in {name for name, group in laptop.emulator.state.groups.items() if execution in group.metrics}


def in_python(program: str) -> str:
    """Return a workflow whose only step is a program in Python; it needs to write no output.

    Args:
        program: the program.
    """
    indented = "\n".join(f"            {line}" for line in program.splitlines())
    text = workflow("").replace("[sh, -c]", "[python, -c]")
    return text.replace('args: [""]', f"args:\n          - |\n{indented}").replace("path: /out/model", "path: /out")


def without_group(program: str) -> str:
    """Return a program that sends no name of a resource group.

    Args:
        program: one that does.
    """
    lines = program.splitlines()
    return "\n".join(line for line in lines if "AI-RESOURCE-GROUP" not in line)


def test_what_it_does_is_seen_while_it_runs(laptop: Laptop) -> None:
    execution = laptop.begin(workflow(SLEEPS))
    running = laptop.until(execution, "RUNNING")
    assert "completionTime" not in running
    until(lambda: laptop.lines(execution) == [("main", "begins")], "the log")
    laptop.stop(execution)
    stopped = laptop.until(execution, "STOPPED")
    assert stopped["outputArtifacts"] == []
    assert "statusMessage" not in stopped


@pytest.mark.parametrize(
    ("script", "message", "main", "wait"),
    [
        ("echo last; exit 3", "Error (exit code 3)", 3, 0),
        ("echo last; exit 130", "Error (exit code 130)", 130, 0),
        ("echo last; kill -9 $$$$", "Error (exit code 137)", 137, 0),
        (
            "echo last",
            "Error (exit code 1): open /var/run/argo/outputs/artifacts/out/model.tgz: no such file or directory",
            0,
            1,
        ),
    ],
)
def test_a_step_that_fails(laptop: Laptop, script: str, message: str, main: int, wait: int) -> None:
    ended = laptop.ended(workflow(script))
    assert (ended["status"], ended["statusMessage"], ended["outputArtifacts"]) == ("DEAD", message, [])
    assert details_of(ended) == {
        "details": [
            {
                "container_name": "main",
                "exit_code": main,
                "last_log_messages": "last",
                "message": message if main else "",
                "pod_name": "EXECUTION",
                "ready": False,
            },
            {
                "container_name": "wait",
                "exit_code": wait,
                "last_log_messages": f'level=fatal msg="{message}"' if wait else "",
                "message": message if wait else "",
                "pod_name": "EXECUTION",
                "ready": False,
            },
        ],
        "workflow_info": [
            {
                "exit_code": str(main),
                "id": "EXECUTION",
                "message": message,
                "name": "EXECUTION",
                "phase": "Failed" if main else "Error",
            }
        ],
    }


def test_a_step_of_many_that_fails(laptop: Laptop) -> None:
    """The workflow's message is captured; those of groups of steps are Argo's."""
    ended = laptop.ended(several("exit 4"))
    found = details_of(ended)
    (pod,) = {each["pod_name"] for each in found["details"]}
    assert re.fullmatch(r"EXECUTION-train-\d+", pod)
    assert [(each["container_name"], each["exit_code"]) for each in found["details"]] == [("main", 4), ("wait", 0)]
    failed = f"child '{pod.replace('-train', '')}' failed"
    assert [(each["name"], each["exit_code"], each["message"], each["phase"]) for each in found["workflow_info"]] == [
        ("EXECUTION", "", failed, "Failed"),
        ("[0]", "", failed, "Failed"),
        ("second", "4", "Error (exit code 4)", "Failed"),
    ]
    assert ended["statusMessage"] == failed.replace("EXECUTION", ended["id"])


def test_an_exit_handler_that_fails(laptop: Laptop) -> None:
    text = several("mkdir /out/model").replace("entrypoint: all", "entrypoint: all\n  onExit: bad") + (
        "    - name: bad\n      container: {image: docker.io/me/tiny:1, command: [sh, -c], args: [exit 5]}\n"
    )
    ended = laptop.ended(text)
    assert (ended["status"], ended["statusMessage"]) == ("DEAD", "Error (exit code 5)")
    found = details_of(ended)
    assert [(each["container_name"], each["exit_code"]) for each in found["details"]] == [("main", 5), ("wait", 0)]
    assert [(each["name"], each["exit_code"]) for each in found["workflow_info"]] == [
        ("EXECUTION", ""),
        ("EXECUTION.onExit", "5"),
    ]


def several(script: str) -> str:
    """Return a workflow of two steps at a time.

    Args:
        script: of the second; the first succeeds.
    """
    steps = "[[{name: first, template: good}, {name: second, template: train}]]"
    return workflow(script).replace("entrypoint: train", "entrypoint: all").replace(
        "  templates:\n", f"  templates:\n    - {{name: all, steps: {steps}}}\n"
    ) + ("    - name: good\n      container: {image: docker.io/me/tiny:1, command: [sh, -c], args: [exit 0]}\n")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "ai://default/no",
            (
                "The input artifact 'data' is bound to {url}, and there is no {folder}/outputs/no, uploaded file"
                " default/no or {folder}/data/no."
            ),
        ),
        ("ai://default/../secret", "The input artifact 'data': {url!r} leads out of the object store 'default'."),
        ("ai://default/%2e%2e/secret", "The input artifact 'data': {url!r} leads out of the object store 'default'."),
        (
            "ai://default/link",
            "The input artifact 'data' is bound to {url}: {folder}/data/link leads out of the folder {folder}/data.",
        ),
        ("ai://default/a%00b", "The input artifact 'data': {url!r}: a path has no empty part and no null byte."),
        (
            "https://example.com/data",
            (
                "The input artifact 'data': {url!r}: expected ai://SECRET/PATH, where SECRET is the name of an"
                " object-store secret."
            ),
        ),
        ("ai://defualt/in", None),
    ],
)
def test_an_input_that_does_not_exist(laptop: Laptop, tmp_path: Path, url: str, message: str | None) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "data" / "link").symlink_to(tmp_path / "secret")
    expected = (
        f"failed to load artifact 'data' from {url}: failed to get secret: secrets \"defualt-object-store-secret\""
        " not found"
        if message is None
        else message.format(url=url, folder=tmp_path)
    )
    ended = laptop.ended(workflow(TRAINS), url)
    assert (ended["status"], laptop.lines(ended["id"])) == ("DEAD", [])
    assert details_of(ended) == refused(expected)
    assert laptop.warnings[-1] == f"{ended['id']}: {expected}"


def test_a_store_that_does_not_answer_keeps_no_execution_from_ending(
    make_laptop: Callable[..., Laptop], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nor the session: both end while the store is still waited for."""
    asked, answers = threading.Event(), threading.Event()

    def deaf(folder: Folder, path: str) -> bool:
        asked.set()
        return answers.wait(LIMIT)

    monkeypatch.setattr(Folder, "holds", deaf)
    laptop = make_laptop(engine="process", store={"default": tmp_path})
    execution = laptop.begin(workflow(TRAINS), "ai://default/in")
    assert asked.wait(LIMIT)
    laptop.stop(execution)
    assert laptop.until(execution, "STOPPED")["status"] == "STOPPED"
    laptop.begin(workflow(TRAINS), "ai://default/in")
    laptop.emulator.close()
    assert not answers.is_set()
    answers.set()


def test_a_store_without_folder(make_laptop: Callable[..., Laptop]) -> None:
    laptop = make_laptop(engine="process")
    laptop.create("/artifacts", {"name": "x", "kind": "dataset", "url": "ai://default/in", "scenarioId": "tiny"})
    message = details_of(laptop.ended(workflow(TRAINS), "ai://default/in"))["workflow_info"][0]["message"]
    assert re.fullmatch(
        r"The input artifact 'data' is bound to ai://default/in, and there is no \S+/outputs/in or uploaded file "
        r"default/in\. "
        r"No folder takes the place of the object store 'default'\.",
        message,
    )


def test_what_is_refused_before_anything_starts(laptop: Laptop, tmp_path: Path) -> None:
    text = workflow(TRAINS).replace("      volumes:", "      daemon: true\n      volumes:")
    ended = laptop.ended(text)
    message = details_of(ended)["workflow_info"][0]["message"]
    assert ended["status"] == "DEAD"
    assert "cannot be carried out on this machine, so nothing was started." in message
    assert "daemon" in message
    assert len(ended["statusMessage"]) <= 256
    assert not (tmp_path / "outputs").exists()


def test_bindings_that_the_cluster_refuses(laptop: Laptop) -> None:
    ended = laptop.ended(workflow("exit 0").replace(", default: hello", ""))
    argument = "spec.arguments.WORD"
    assert ended["status"] == "DEAD"
    assert details_of(ended) == refused(f"invalid spec: {argument}.value or {argument}.valueFrom is required")


def test_an_image_that_cannot_be_made(tmp_path: Path, make_laptop: Callable[..., Laptop]) -> None:
    laptop = make_laptop(engine="process", images={"docker.io/me/*": tmp_path})
    ended = laptop.ended(workflow(TRAINS))
    assert ended["status"] == "DEAD"
    assert (
        ended["statusMessage"]
        == (f"the image docker.io/me/tiny:1 is mapped to {tmp_path}, which has no Dockerfile")[:256]
    )


def test_a_stop_while_an_image_is_made(
    tmp_path: Path, make_laptop: Callable[..., Laptop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What installs packages ends, and so does who waits for the same packages."""
    (tmp_path / "bin").mkdir()
    uv = tmp_path / "bin" / "uv"
    uv.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid; sleep 600 & sleep 600\n", encoding="utf-8")
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    (tmp_path / "Dockerfile").write_text("FROM python:3.11\nRUN pip install something\n", encoding="utf-8")
    laptop = make_laptop(engine="process", images={"docker.io/me/*": tmp_path})
    executions = [laptop.begin(workflow(TRAINS)) for _ in range(2)]
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(encoding="utf-8"), "an installation")
    group = int((tmp_path / "pid").read_text(encoding="utf-8"))
    for execution in executions:
        assert laptop.get(execution)["status"] == "PENDING"
        laptop.stop(execution)
    for execution in executions:
        laptop.until(execution, "STOPPED")
    until(lambda: not is_there(group), "the end of all that it has started")


def is_there(group: int) -> bool:
    """Return whether a group of processes exists.

    Args:
        group: its id.
    """
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_substituted_image_in_ci(make_laptop: Callable[..., Laptop], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    assert make_laptop(engine="process").ended(workflow(TRAINS))["status"] == "DEAD"
    allowed = make_laptop(engine="process", may_substitute=True)
    assert allowed.ended(workflow("mkdir /out/model"))["status"] == "COMPLETED"
    (warning,) = allowed.warnings
    assert warning == (
        "the image docker.io/me/tiny:1 is substituted by this machine's programs. Map it: "
        "--image docker.io/me/tiny:1=FOLDER"
    )


def test_a_secret_is_hidden(make_laptop: Callable[..., Laptop]) -> None:
    laptop = make_laptop(engine="process", secrets={"hub": {"token": "s3cr3t-of-mine"}})
    text = workflow("mkdir /out/model; echo $TOKEN").replace(
        "env: [", "env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: hub, key: token}}}, "
    )
    ended = laptop.ended(text)
    assert (ended["status"], laptop.lines(ended["id"])) == ("COMPLETED", [("main", "***")])


def test_an_executable_without_template(make_laptop: Callable[..., Laptop]) -> None:
    laptop = make_laptop(engine="process", template_of=lambda _: None)
    assert laptop.ended(workflow(TRAINS))["statusMessage"] == (
        "The code of the executable 'tiny' is not known, so it cannot run on this machine: only workflows that were "
        "published from a YAML file can."
    )


def test_a_resource_group_without_object_store(make_laptop: Callable[..., Laptop]) -> None:
    laptop = make_laptop(engine="process")
    laptop.emulator.state.groups["default"].object_store_secrets.remove("default")
    execution = laptop.begin(workflow(TRAINS))
    assert laptop.get(execution)["status"] == "UNKNOWN"
    assert laptop.warnings == [
        f"{execution} stays UNKNOWN, as on AI Core: the resource group 'default' has no object-store secret `default`"
    ]
    assert laptop.emulator.cluster.engine.carried() == ()


def test_code_that_was_changed(laptop: Laptop) -> None:
    """The executable, which is what clients see, is the same."""
    for word in ("one", "two"):
        ended = laptop.ended(workflow(f"mkdir /out/model; echo {word}"))
        assert laptop.lines(ended["id"]) == [("main", word)]


def test_many_lines(laptop: Laptop) -> None:
    ended = laptop.ended(workflow("mkdir /out/model; seq 20000"))
    assert ended["status"] == "COMPLETED"
    logs = laptop.emulator.cluster.find(ended["id"])[1].logs  # type: ignore[index]
    assert [line.message for line in logs] == [str(number + 1) for number in range(20000)]


def test_nothing_runs_after_the_end(laptop: Laptop) -> None:
    executions = [laptop.begin(workflow(SLEEPS)) for _ in range(2)]
    for each in executions:
        laptop.until(each, "RUNNING")
    laptop.emulator.close()
    assert [laptop.get(each)["status"] for each in executions] == ["STOPPED", "STOPPED"]
    assert laptop.emulator.cluster.engine.carried() == ()
    assert laptop.emulator.incidents == []
    laptop.emulator.close()  # twice is once


def test_a_rollback_ends_what_it_reverts(laptop: Laptop) -> None:
    checkpoint = laptop.emulator.checkpoint()
    laptop.until(laptop.begin(workflow(SLEEPS)), "RUNNING")
    laptop.emulator.rollback(checkpoint)
    until(lambda: laptop.emulator.cluster.engine.carried() == (), "its end")


def test_several_at_a_time(laptop: Laptop) -> None:
    scripts = {"COMPLETED": "mkdir /out/model", "DEAD": "exit 1"}
    executions = [(status, laptop.begin(workflow(script))) for status, script in [*scripts.items()] * 3]
    for status, execution in executions:
        ended = laptop.until(execution, "COMPLETED", "DEAD")
        assert ended["status"] == status, ended
