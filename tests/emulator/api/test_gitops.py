"""Repositories and applications: folders whose templates become executables, and what goes wrong on the way."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.emulator import Emulator
from pytest_aicore.errors import EmulatorError
from pytest_aicore.workflows import parse_template
from tests.emulator.api.conftest import SCENARIO, TRAIN, Caller
from tests.emulator.api.test_resource_groups import TENANT
from tests.places import WORKFLOWS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

REPOSITORIES = "/v2/admin/repositories"
APPLICATIONS = "/v2/admin/applications"

TEMPLATE = """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: {name}
  labels:
    scenarios.ai.sap.com/id: {scenario}
    ai.sap.com/version: "{version}"
  annotations:
    scenarios.ai.sap.com/name: A scenario
    executables.ai.sap.com/name: An executable
spec:
  entrypoint: main
  templates:
    - name: main
      container:
        image: docker.io/example/image:1
        command: ["/bin/sh", "-c"]
        args: ["true"]
"""


def template(name: str, scenario: str = "my-scenario", version: str = "1.0.0") -> str:
    """Return a workflow template."""
    return TEMPLATE.format(name=name, scenario=scenario, version=version)


@pytest.fixture
def emulator() -> Emulator:
    """An emulator without a template."""
    emulator = Emulator()
    emulator.clock.hold()
    return emulator


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder `repo/workflows` with one template; the path is that of `repo`."""
    (tmp_path / "repo" / "workflows").mkdir(parents=True)
    (tmp_path / "repo" / "workflows" / "train.yaml").write_text(template("train"))
    return tmp_path / "repo"


Status = dict[str, Any]


@pytest.fixture
def sync(ask: Caller, emulator: Emulator) -> Callable[..., Status]:
    """Create the application `app` if need be, let it synchronise, and return its status."""

    def sync(url: str | Path, path: str = "workflows", revision: str = "HEAD") -> Status:
        body = {"repositoryUrl": str(url), "path": path, "revision": revision, "applicationName": "app"}
        if ask("POST", APPLICATIONS, body).status == 409:
            ask("POST", f"{APPLICATIONS}/app/refresh")
        emulator.clock.advance(10)
        status: Status = ask("GET", f"{APPLICATIONS}/app/status").content
        return status

    return sync


def executables(ask: Caller, scenario: str = "my-scenario") -> dict[str, str]:
    """Return the executables of a scenario and when they were changed."""
    resources = ask("GET", f"/v2/lm/scenarios/{scenario}/executables").content["resources"]
    return {each["id"]: each["modifiedAt"] for each in resources}


def results(status: Status) -> dict[str, tuple[str, str]]:
    """Return by name what became of each template."""
    assert status["syncRessourcesStatus"] == status["syncResourcesStatus"]
    return {each["name"]: (each["status"], each["message"]) for each in status["syncResourcesStatus"]}


# Repositories -----------------------------------------------------------------------------------------------


def test_a_repository_is_onboarded(ask: Caller, emulator: Emulator) -> None:
    """It takes a little while; its credentials are never shown."""
    body = {"name": "mine", "url": "https://github.com/me/x", "username": "me", "password": "secret-of-mine"}
    answer = ask("POST", REPOSITORIES, body)
    assert (answer.status, answer.content) == (200, {"id": "mine", "message": "Repository has been on-boarded."})
    shown = {"name": "mine", "status": "IN-PROGRESS", "url": "https://github.com/me/x"}
    assert ask("GET", f"{REPOSITORIES}/mine").content == shown
    emulator.clock.advance(5)
    assert ask("GET", REPOSITORIES).content == {"count": 1, "resources": [{**shown, "status": "COMPLETED"}]}
    changed = ask("PATCH", f"{REPOSITORIES}/mine", {"username": "you", "password": "x"})
    assert changed.content == {"id": "mine", "message": "The repository credentials have been updated."}
    again = ask("POST", REPOSITORIES, body)
    assert again.error == (409, "409", f"Repository mine already exists for tenant {TENANT}")


def test_an_offboarded_name_stays_gone(ask: Caller) -> None:
    """Whoever uses it again gets the service's 500, in the shape in which it was captured."""
    body = {"name": "mine", "url": "https://github.com/me/x", "username": "me", "password": "x"}
    ask("POST", REPOSITORIES, body)
    answer = ask("DELETE", f"{REPOSITORIES}/mine")
    assert answer.content == {"id": "mine", "message": "The repository has been off-boarded."}
    message = f"Repository mine not found for tenant {TENANT}"
    for method in ("GET", "DELETE"):
        assert ask(method, f"{REPOSITORIES}/mine").error == (404, "404", message)
    refused = ask("POST", REPOSITORIES, body)
    assert (refused.status, refused.content) == (
        500,
        {
            "error": {
                "code": "500",
                "details": [{"code": None, "message": message}],
                "message": message,
                "request_id": None,
                "target": "/api/v4alpha/repositories",
            }
        },
    )


def test_a_repository_without_a_name_gets_one(ask: Caller) -> None:
    """The name is optional."""
    body = {"url": "https://github.com/me/x", "username": "me", "password": "x"}
    name = ask("POST", REPOSITORIES, body).content["id"]
    assert ask("GET", f"{REPOSITORIES}/{name}").content["url"] == body["url"]


def test_no_more_than_fifty_repositories(ask: Caller) -> None:
    """The fifty-first is refused."""
    body = {"url": "https://github.com/me/x", "username": "me", "password": "x"}
    for number in range(50):
        assert ask("POST", REPOSITORIES, {**body, "name": f"r{number}"}).status == 200
    message = "Quota reached: the tenant has 50 repositories, which is the maximum"
    assert ask("POST", REPOSITORIES, {**body, "name": "more"}).error == (400, "400", message)
    quota = ask("GET", "/v2/admin/resourceQuota/repositories").content
    assert quota == {"quota": {"maxCount": 50}, "usage": {"count": 50}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"url": None}, "url is required"),
        ({"username": None}, "username is required"),
        ({"name": "My"}, r"name must match ^[a-z0-9\-]+$"),
        ({"name": "a" * 52}, "name must not be longer than 51 characters"),
    ],
)
def test_repositories_that_are_refused(ask: Caller, changes: dict[str, Any], message: str) -> None:
    """All but the name is required."""
    body = {"name": "mine", "url": "https://x", "username": "me", "password": "x", **changes}
    assert ask("POST", REPOSITORIES, body).error == (400, "01010001", f"Invalid Request, {message}")


# Applications -----------------------------------------------------------------------------------------------


def test_an_application_publishes_its_templates(ask: Caller, emulator: Emulator, folder: Path) -> None:
    """Before its first synchronisation everything is unknown; then the executables are there."""
    body = {"repositoryUrl": str(folder), "revision": "HEAD", "path": "workflows", "applicationName": "app"}
    answer = ask("POST", APPLICATIONS, body)
    assert (answer.status, answer.content) == (
        200,
        {"id": "app", "message": "Application has been successfully created."},
    )
    assert ask("GET", f"{APPLICATIONS}/app").content == body
    assert ask("GET", APPLICATIONS).content == {"count": 1, "resources": [body]}
    assert ask("GET", f"{APPLICATIONS}/app/status").content == {
        "healthStatus": "Healthy",
        "message": "Unknown",
        "reconciledAt": "Unknown",
        "source": {"path": "Unknown", "repoURL": "Unknown", "revision": "Unknown"},
        "syncFinishedAt": "Unknown",
        "syncResourcesStatus": [],
        "syncRessourcesStatus": [],
        "syncStartedAt": "Unknown",
        "syncStatus": "Unknown",
    }
    assert executables(ask) == {}
    emulator.clock.advance(10)
    resources = [
        {
            "kind": "WorkflowTemplate",
            "message": "workflowtemplate.argoproj.io/train created",
            "name": "train",
            "status": "Synced",
        }
    ]
    assert ask("GET", f"{APPLICATIONS}/app/status").content == {
        "healthStatus": "Healthy",
        "message": "successfully synced (all tasks run)",
        "reconciledAt": "2025-01-01T00:00:10Z",
        "source": {"path": "workflows", "repoURL": str(folder), "revision": "HEAD"},
        "syncFinishedAt": "2025-01-01T00:00:10Z",
        "syncResourcesStatus": resources,
        "syncRessourcesStatus": resources,
        "syncStartedAt": "2025-01-01T00:00:10Z",
        "syncStatus": "Synced",
    }
    assert executables(ask) == {"train": "2025-01-01T00:00:10+00:00"}


def test_a_polling_loop_comes_to_its_end(ask: Caller, emulator: Emulator, folder: Path) -> None:
    """Who waits for the scenario, or for the status, gets there without moving the clock."""
    emulator.clock.set(emulator.clock.now(), held=False)
    body = {"repositoryUrl": folder.as_uri(), "revision": "HEAD", "path": "workflows", "applicationName": "app"}
    ask("POST", APPLICATIONS, body)
    looks = 0
    while ask("GET", "/v2/lm/scenarios/my-scenario").status == 404:
        looks += 1
        assert looks < 10
    (folder / "workflows" / "more.yaml").write_text(template("more"))
    ask("POST", f"{APPLICATIONS}/app/refresh")
    while len(ask("GET", f"{APPLICATIONS}/app/status").content["syncResourcesStatus"]) < 2:
        looks += 1
        assert looks < 20


def test_what_is_edited_is_synchronised(ask: Caller, emulator: Emulator, folder: Path) -> None:
    """About every three minutes; what did not change keeps its time, and what is gone goes."""
    body = {"repositoryUrl": str(folder), "revision": "HEAD", "path": "workflows", "applicationName": "app"}
    ask("POST", APPLICATIONS, body)
    (folder / "workflows" / "other.yml").write_text(template("other"))
    emulator.clock.advance(10)
    assert set(executables(ask)) == {"train", "other"}
    emulator.clock.advance(180)
    status = ask("GET", f"{APPLICATIONS}/app/status").content
    assert (status["syncFinishedAt"], status["reconciledAt"]) == ("2025-01-01T00:00:10Z", "2025-01-01T00:03:10Z")
    (folder / "workflows" / "train.yaml").write_text(template("train", version="2.0.0"))
    (folder / "workflows" / "other.yml").unlink()
    (folder / "workflows" / "newer.json").write_text(
        '{"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate", "metadata": {"name": "newer", "labels": '
        '{"scenarios.ai.sap.com/id": "my-scenario", "ai.sap.com/version": "1"}, "annotations": '
        '{"scenarios.ai.sap.com/name": "n", "executables.ai.sap.com/name": "n"}}, "spec": {}}'
    )
    emulator.clock.advance(179)
    assert set(executables(ask)) == {"train", "other"}
    emulator.clock.advance(1)
    assert executables(ask) == {"train": "2025-01-01T00:06:10+00:00", "newer": "2025-01-01T00:06:10+00:00"}
    status = ask("GET", f"{APPLICATIONS}/app/status").content
    assert results(status) == {
        "newer": ("Synced", "workflowtemplate.argoproj.io/newer created"),
        "train": ("Synced", "workflowtemplate.argoproj.io/train configured"),
    }
    versions = ask("GET", "/v2/lm/scenarios/my-scenario/versions").content["resources"]
    assert sorted(each["id"] for each in versions) == ["1", "2.0.0"]


def test_a_refresh_does_not_wait(ask: Caller, emulator: Emulator, folder: Path, sync: Callable[..., Status]) -> None:
    """It is scheduled, and answered at once."""
    sync(folder)
    (folder / "workflows" / "more.yaml").write_text(template("more"))
    answer = ask("POST", f"{APPLICATIONS}/app/refresh")
    assert (answer.status, answer.content) == (
        202,
        {"id": "app", "message": "A refresh of the application has been scheduled."},
    )
    emulator.clock.advance(5)
    assert set(executables(ask)) == {"train", "more"}


def test_a_leap_of_the_clock(ask: Caller, emulator: Emulator, folder: Path, sync: Callable[..., Status]) -> None:
    """After a year the folder is read once or twice, not a hundred thousand times."""
    sync(folder)
    (folder / "workflows" / "train.yaml").write_text(template("train", version="2"))
    emulator.clock.advance(365 * 86400)
    assert len(executables(ask)) == 1
    (folder / "workflows" / "more.yaml").write_text(template("more"))
    emulator.clock.advance(180)
    assert len(executables(ask)) == 2


def test_a_run_of_what_was_synchronised(
    ask: Caller, emulator: Emulator, sync: Callable[..., Status], tmp_path: Path
) -> None:
    """The repository's own workflows, from the application to the output artifact."""
    shutil.copytree(WORKFLOWS, tmp_path / "repo" / "workflows", ignore=lambda *_: ["conftest.py"])
    assert sync(tmp_path / "repo")["syncStatus"] == "Synced"
    early = ask("POST", "/v2/lm/executions", {"configurationId": ask.configuration(TRAIN)}).content["id"]
    body = {"name": "docker-registry-secret", "data": {".dockerconfigjson": "{}"}}
    assert ask("POST", "/v2/admin/dockerRegistrySecrets", body).status == 202
    execution = ask("POST", "/v2/lm/executions", {"configurationId": ask.configuration(TRAIN)}).content["id"]
    emulator.clock.advance(60)
    shown = ask("GET", f"/v2/lm/executions/{execution}").content
    assert (shown["status"], len(shown["outputArtifacts"])) == ("COMPLETED", 1)
    waiting = ask("GET", f"/v2/lm/executions/{early}").content
    assert waiting["status"] == "UNKNOWN"  # as the documentation says of one whose registry secret is missing
    assert ask("GET", "/v2/admin/resourceQuota/executables").content == {
        "quota": {"servingTemplateMaxCount": 50, "workflowTemplateMaxCount": 50},
        "usage": {"servingTemplateCount": 1, "workflowTemplateCount": 3},
    }


def test_a_mirrored_repository(ask: Caller, emulator: Emulator, folder: Path, sync: Callable[..., Status]) -> None:
    """A remote URL must be on-boarded, and somebody must say which folder stands for it."""
    url = "https://github.com/me/workflows"
    assert sync(url)["message"] == f"application repo {url} is not permitted in project '{TENANT}'"
    ask("POST", REPOSITORIES, {"name": "mine", "url": url, "username": "me", "password": "x"})
    emulator.clock.advance(5)
    assert sync(url)["message"] == (
        f"rpc error: code = Unknown desc = failed to fetch {url}: the emulator has no network; "
        "map it to a folder with emulator.mirror_repository(url, folder)"
    )
    emulator.mirror_repository(url, folder)
    assert sync(url)["syncStatus"] == "Synced"
    assert set(executables(ask)) == {"train"}
    ask("DELETE", f"{APPLICATIONS}/app")
    named = {"repositoryName": "mine", "revision": "main", "path": "workflows", "applicationName": "named"}
    assert ask("POST", APPLICATIONS, named).status == 200
    assert ask("GET", f"{APPLICATIONS}/named").content["repositoryUrl"] == url
    with pytest.raises(EmulatorError) as caught:
        emulator.mirror_repository(url, folder / "nowhere")
    assert str(caught.value) == f"mirror_repository: '{folder / 'nowhere'}' is not a folder."


def test_folders_can_be_kept_from_clients(folder: Path) -> None:
    """A server that others can reach reads no folder that it was not given."""
    emulator = Emulator(local_repositories=False)
    emulator.clock.hold()
    ask = Caller(emulator)
    body = {"repositoryUrl": str(folder), "revision": "HEAD", "path": "workflows", "applicationName": "app"}
    ask("POST", APPLICATIONS, body)
    emulator.clock.advance(10)
    message = ask("GET", f"{APPLICATIONS}/app/status").content["message"]
    assert message == f"application repo {folder} is not permitted in project '{TENANT}'"


PATHS = [
    ("nowhere", "nowhere: app path does not exist"),
    ("round", "round: app path is a loop of symbolic links"),
    ("workflows/there/x", "workflows/there/x: app path is a loop of symbolic links"),
    ("workflows/train.yaml", "workflows/train.yaml: app path is not a directory"),
    ("../..", "../..: app path outside root"),
    ("workflows/../../repo/../..", "workflows/../../repo/../..: app path outside root"),
    ("/etc", "/etc: app path is absolute"),
    ("no\x00thing", "no\x00thing: app path does not exist"),
    ("x" * 5000, "x" * 5000 + ": app path does not exist"),
]


@pytest.mark.parametrize(("path", "message"), PATHS)
def test_a_path_that_leads_nowhere(
    ask: Caller, folder: Path, sync: Callable[..., Status], path: str, message: str
) -> None:
    """Argo CD's sentences; nothing outside the repository is read."""
    (folder / "round").symlink_to("round")
    (folder / "workflows" / "there").symlink_to("back")
    (folder / "workflows" / "back").symlink_to("there")
    status = sync(folder, path)
    assert status["message"] == f"rpc error: code = Unknown desc = {message}"
    assert status["syncStatus"] == "Unknown"
    assert (status["syncFinishedAt"], status["reconciledAt"]) == ("Unknown", "2025-01-01T00:00:10Z")
    assert executables(ask) == {}


def test_a_repository_that_is_gone(ask: Caller, folder: Path, sync: Callable[..., Status]) -> None:
    """A folder that is not there is said; what was published stays."""
    assert sync(folder)["syncStatus"] == "Synced"
    shutil.rmtree(folder)
    assert sync(folder)["message"] == f"rpc error: code = Unknown desc = repository {folder} not found"
    assert set(executables(ask)) == {"train"}


@pytest.mark.parametrize(
    ("revision", "found"),
    [
        ("main", True),
        ("v1", True),
        ("HEAD", True),
        ("0123abc", True),
        ("nope", False),
        ("a\x00", False),
        ("../x", False),
    ],
)
def test_revisions(folder: Path, sync: Callable[..., Status], revision: str, *, found: bool) -> None:
    """A Git repository has the branches and tags it has; any other folder has all."""
    heads = folder / ".git" / "refs" / "heads"
    heads.mkdir(parents=True)
    (heads / "main").write_text("0" * 40)
    (folder / ".git" / "packed-refs").write_text(f"{'1' * 40} refs/tags/v1\n")
    refusal = (
        "rpc error: code = Unknown desc = failed to initialize repository resources: "
        f"Unable to resolve '{revision}' to a commit SHA"
    )
    expected = "successfully synced (all tasks run)" if found else refusal
    assert sync(folder, revision=revision)["message"] == expected
    shutil.rmtree(folder / ".git")
    assert sync(folder)["message"] == "successfully synced (all tasks run)"


URLS = ["/no/such/folder", "/a\x00b", "file:///nowhere", "/" + "x" * 5000, "./nowhere", "/\ud800"]


@pytest.mark.parametrize("url", URLS)
def test_a_folder_that_cannot_be(sync: Callable[..., Status], url: str) -> None:
    """It is not found, whatever it is called."""
    shown = url.encode("utf-8", "replace").decode()
    assert sync(url)["message"] == f"rpc error: code = Unknown desc = repository {shown} not found"


@pytest.mark.parametrize("url", ["", "https://[::1", "ssh://git@host/x", "file://server/share", "git@github.com:x/y"])
def test_a_url_that_is_no_folder(sync: Callable[..., Status], url: str) -> None:
    """It is not permitted."""
    assert sync(url)["message"] == f"application repo {url} is not permitted in project '{TENANT}'"


def test_yaml_that_does_not_parse(ask: Caller, folder: Path, sync: Callable[..., Status]) -> None:
    """Nothing of the folder is applied, and the file is named."""
    (folder / "workflows" / "broken.yaml").write_text("kind: WorkflowTemplate\n\tname: x\n")
    message = sync(folder)["message"]
    beginning = 'rpc error: code = FailedPrecondition desc = Failed to unmarshal "broken.yaml": broken.yaml:2:1: '
    assert message.startswith(beginning)
    assert "\n" not in message
    assert executables(ask) == {}
    (folder / "workflows" / "broken.yaml").write_text("# nothing\n")
    assert sync(folder)["syncStatus"] == "Synced"


def test_a_link_that_leaves_the_repository(folder: Path, sync: Callable[..., Status], tmp_path: Path) -> None:
    """It is not followed."""
    (tmp_path / "outside.yaml").write_text(template("outside"))
    (folder / "workflows" / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    assert sync(folder)["message"] == (
        "rpc error: code = Unknown desc = repository contains out-of-bounds symlinks. file: link.yaml"
    )


def test_another_api_version(ask: Caller, folder: Path, sync: Callable[..., Status]) -> None:
    """Argo CD looks at all templates before it applies the first."""
    wrong = template("wrong").replace("argoproj.io/v1alpha1", "argoproj.io/v2")
    (folder / "workflows" / "wrong.yaml").write_text(wrong)
    status = sync(folder)
    assert (status["syncStatus"], status["message"]) == (
        "OutOfSync",
        "one or more synchronization tasks are not valid",
    )
    message = (
        "The Kubernetes API could not find argoproj.io/WorkflowTemplate for requested resource wrong. "
        'Make sure the "WorkflowTemplate" CRD is installed on the destination cluster.'
    )
    assert results(status) == {"wrong": ("SyncFailed", message)}
    assert executables(ask) == {}


NO_NAME = (
    'WorkflowTemplate.argoproj.io "Not_A_Name" is invalid: metadata.name: Invalid value: "Not_A_Name": a lowercase '
    "RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end "
    "with an alphanumeric character"
)
NO_STRING = (
    "unable to decode 'other.yaml': json: cannot unmarshal {} into Go struct field ObjectMeta.metadata.{} "
    "of type string (key '{}')"
)
REFUSED = [
    (template("Not_A_Name"), "Not_A_Name", NO_NAME),
    (
        template("a-float").replace('"1.0.0"', "2.0"),
        "a-float",
        NO_STRING.format("number", "labels", "ai.sap.com/version"),
    ),
    (
        template("a-bool").replace("A scenario", "true"),
        "a-bool",
        NO_STRING.format("bool", "annotations", "scenarios.ai.sap.com/name"),
    ),
    (
        template("nameless").replace("  name: nameless\n", ""),
        "",
        "error validating data: resource name may not be empty (other.yaml)",
    ),
]


@pytest.mark.parametrize(("text", "name", "message"), REFUSED)
def test_what_kubernetes_refuses(
    ask: Caller, folder: Path, sync: Callable[..., Status], text: str, name: str, message: str
) -> None:
    """One bad template does not keep the others out."""
    (folder / "workflows" / "other.yaml").write_text(text)
    status = sync(folder)
    assert status["syncStatus"] == "OutOfSync"
    assert status["message"] == f"one or more objects failed to apply, reason: {message}"
    assert results(status)[name] == ("SyncFailed", message)
    assert set(executables(ask)) == {"train"}


def test_an_executable_that_could_not_be_updated(ask: Caller, folder: Path, sync: Callable[..., Status]) -> None:
    """It stays as it was, but its `modifiedAt` is 1970; the next good synchronisation mends it."""
    sync(folder)
    file = folder / "workflows" / "train.yaml"
    good = file.read_text()
    file.write_text(good.replace('"1.0.0"', "2.0"))
    sync(folder)
    assert executables(ask) == {"train": "1970-01-01T00:00:00+00:00"}
    file.write_text(good)
    assert results(sync(folder)) == {"train": ("Synced", "workflowtemplate.argoproj.io/train configured")}
    assert executables(ask) != {"train": "1970-01-01T00:00:00+00:00"}


def test_a_template_twice_in_a_folder(ask: Caller, folder: Path, sync: Callable[..., Status]) -> None:
    """The last one counts, and the status says so."""
    (folder / "workflows" / "zz.yaml").write_text(template("train", version="9"))
    status = sync(folder)
    assert status["syncStatus"] == "OutOfSync"
    assert [each["message"] for each in status["syncResourcesStatus"]] == [
        "Resource argoproj.io/WorkflowTemplate/train appeared 2 times among application resources.",
        "workflowtemplate.argoproj.io/train created",
    ]
    versions = ask("GET", "/v2/lm/scenarios/my-scenario/versions").content["resources"]
    assert [each["id"] for each in versions] == ["9"]


def test_a_template_in_two_applications(ask: Caller, emulator: Emulator, folder: Path) -> None:
    """An executable id is unique in the tenant: the first application keeps it."""
    for name in ("one", "two"):
        body = {"repositoryUrl": str(folder), "revision": "HEAD", "path": "workflows", "applicationName": f"app-{name}"}
        ask("POST", APPLICATIONS, body)
        emulator.clock.advance(10)
    status = ask("GET", f"{APPLICATIONS}/app-two/status").content
    assert results(status) == {
        "train": ("OutOfSync", "WorkflowTemplate/train is part of applications app-one and app-two")
    }
    ask("DELETE", f"{APPLICATIONS}/app-two")
    assert set(executables(ask)) == {"train"}


def test_a_template_without_its_labels(ask: Caller, folder: Path, sync: Callable[..., Status]) -> None:
    """Kubernetes takes it, and AI Core does not show it."""
    text = template("unseen").replace('    ai.sap.com/version: "1.0.0"\n', "")
    (folder / "workflows" / "unseen.yaml").write_text(text)
    assert sync(folder)["syncStatus"] == "Synced"
    assert set(executables(ask)) == {"train"}


def test_no_more_than_fifty_templates(ask: Caller, folder: Path, sync: Callable[..., Status]) -> None:
    """The fifty-first is refused; the fifty stay, and can be changed."""
    for number in range(50):
        (folder / "workflows" / f"{number:02}.yaml").write_text(template(f"workflow-{number:02}"))
    status = sync(folder)
    message = "Quota reached: the tenant has 50 workflow templates, which is the maximum"
    assert status["message"] == f"one or more objects failed to apply, reason: {message}"
    assert results(status)["train"] == ("SyncFailed", message)
    assert len(executables(ask)) == 50
    (folder / "workflows" / "00.yaml").write_text(template("workflow-00", version="2"))
    (folder / "workflows" / "01.yaml").unlink()
    sync(folder)
    assert "train" not in executables(ask)  # it is tried before what is gone makes room
    assert sync(folder)["syncStatus"] == "Synced"
    assert "train" in executables(ask)
    assert len(executables(ask)) == 50


def test_other_files_are_left_alone(ask: Caller, folder: Path, sync: Callable[..., Status]) -> None:
    """Sub-folders are not read, nor are other kinds and other endings."""
    workflows = folder / "workflows"
    (workflows / "deeper").mkdir()
    (workflows / "deeper" / "deep.yaml").write_text(template("deep"))
    (workflows / "config.yaml").write_text("kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\n")
    (workflows / "notes.txt").write_text(template("notes"))
    (workflows / "two.yaml").write_text(template("one-of-two") + "---\n" + template("two-of-two"))
    assert sync(folder)["syncStatus"] == "Synced"
    assert set(executables(ask)) == {"train", "one-of-two", "two-of-two"}


def test_an_application_moves(ask: Caller, emulator: Emulator, folder: Path, sync: Callable[..., Status]) -> None:
    """It publishes what the other folder has, and nothing of the first one."""
    sync(folder)
    (folder / "other").mkdir()
    (folder / "other" / "x.yaml").write_text(template("moved"))
    body = {"repositoryUrl": str(folder), "revision": "HEAD", "path": "other"}
    answer = ask("PATCH", f"{APPLICATIONS}/app", body)
    assert (answer.status, answer.content) == (200, {"id": "app", "message": "ArgoCD application has been updated"})
    emulator.clock.advance(10)
    assert set(executables(ask)) == {"moved"}


def test_a_deleted_application(ask: Caller, emulator: Emulator, folder: Path, sync: Callable[..., Status]) -> None:
    """Its templates go with it, and it is synchronised no more."""
    sync(folder)
    configuration = ask.configuration("train", scenarioId="my-scenario")
    answer = ask("DELETE", f"{APPLICATIONS}/app")
    assert (answer.status, answer.content) == (200, {"id": "app", "message": "ArgoCD application has been deleted"})
    emulator.clock.advance(1000)
    assert executables(ask) == {}
    assert ask("GET", f"/v2/lm/configurations/{configuration}").status == 200
    message = f"Application app not found for tenant {TENANT}"
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/status"), ("POST", "/refresh")):
        assert ask(method, f"{APPLICATIONS}/app{path}").error == (404, "404", message)


BODIES = [
    ({"repositoryName": "nobody"}, 400, "400", f"Repository nobody not found for tenant {TENANT}"),
    ({}, 400, "01010001", "Invalid Request, either repositoryUrl or repositoryName is required"),
    (
        {"repositoryUrl": "x", "repositoryName": "y"},
        400,
        "01010001",
        "Invalid Request, either repositoryUrl or repositoryName is required",
    ),
    ({"repositoryUrl": "x", "path": None}, 400, "01010001", "Invalid Request, path is required"),
    ({"repositoryUrl": "x", "revision": None}, 400, "01010001", "Invalid Request, revision is required"),
    (
        {"repositoryUrl": "x", "applicationName": "ab"},
        400,
        "01010001",
        "Invalid Request, applicationName must not be shorter than 3 characters",
    ),
]


@pytest.mark.parametrize(("changes", "status", "code", "message"), BODIES)
def test_applications_that_are_refused(
    ask: Caller, changes: dict[str, Any], status: int, code: str, message: str
) -> None:
    """Either the URL of a repository or its name is required."""
    body = {"revision": "HEAD", "path": "workflows", "applicationName": "app", **changes}
    assert ask("POST", APPLICATIONS, body).error == (status, code, message)


def test_no_more_than_fifty_applications(ask: Caller) -> None:
    """The fifty-first is refused, a name is taken once, and one without a name gets one."""
    body = {"repositoryUrl": "/nowhere", "revision": "HEAD", "path": "x"}
    names = {ask("POST", APPLICATIONS, body).content["id"] for _ in range(50)}
    assert len(names) == 50
    message = "Quota reached: the tenant has 50 applications, which is the maximum"
    assert ask("POST", APPLICATIONS, body).error == (400, "400", message)
    taken = names.pop()
    assert ask("POST", APPLICATIONS, {**body, "applicationName": taken}).error == (
        409,
        "409",
        f"Application {taken} already exists for tenant {TENANT}",
    )
    quota = ask("GET", "/v2/admin/resourceQuota/applications").content
    assert quota == {"quota": {"maxCount": 50}, "usage": {"count": 50}}


def test_what_was_published_before_an_application_took_it_over_stays(
    ask: Caller, emulator: Emulator, folder: Path, sync: Callable[..., Status]
) -> None:
    """The workflows folder and an application may be of the same templates; only the application can be deleted."""
    emulator.publish(parse_template(template("train", version="0.9.0")))
    path = "/v2/lm/scenarios/my-scenario/executables/train"
    for _ in range(2):
        sync(folder)
        assert ask("GET", path).content["versionId"] == "1.0.0"
    assert ask("DELETE", f"{APPLICATIONS}/app").status == 200
    assert ask("GET", path).content["versionId"] == "0.9.0"
    sync(folder)
    (folder / "workflows" / "train.yaml").unlink()
    sync(folder)
    assert ask("GET", path).content["versionId"] == "0.9.0"


def test_a_rollback_takes_applications_along(
    ask: Caller, emulator: Emulator, folder: Path, sync: Callable[..., Status]
) -> None:
    """What was synchronised after the checkpoint is gone; the application goes on from there."""
    checkpoint = emulator.checkpoint()
    sync(folder)
    emulator.rollback(checkpoint)
    assert executables(ask) == {}
    assert ask("GET", APPLICATIONS).content["count"] == 0
    assert sync(folder)["syncStatus"] == "Synced"
    assert ask("GET", f"/v2/lm/scenarios/{SCENARIO}").status == 404
