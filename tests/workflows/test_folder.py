"""A folder of workflow files: what is read, what is left alone, what two files may not both say."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from pytest_aicore.errors import WorkflowError
from pytest_aicore.workflows import read_folder, read_folders
from tests.workflows.yaml.trees import workflow

if TYPE_CHECKING:
    from pathlib import Path


def template(name: str, scenario: str = "some-scenario", scenario_name: str = "Some scenario") -> str:
    """Return a template with a given name in a given scenario."""
    return (
        workflow("entrypoint: main\n")
        .replace("some-training", name)
        .replace("some-scenario", scenario)
        .replace("Some scenario", scenario_name)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty workflows folder."""
    path = tmp_path / "workflows"
    path.mkdir()
    return path


def refusal(folder: Path) -> str:
    """Return the message with which a folder is refused."""
    with pytest.raises(WorkflowError) as caught:
        read_folder(folder)
    return str(caught.value)


def not_found(folder: Path, reference: str) -> str:
    """Return the message that a reference means nothing in a folder."""
    with pytest.raises(WorkflowError) as caught:
        read_folder(folder).find(reference)
    return str(caught.value)


class TestReading:
    def test_templates_by_executable_id_in_the_order_of_file_names(self, folder: Path) -> None:
        for file, name in (("b.yaml", "first"), ("a.yml", "second"), ("C.YAML", "third")):
            (folder / file).write_text(template(name))
        found = read_folder(folder)
        assert list(found) == ["third", "second", "first"]
        assert found["first"].path == folder / "b.yaml"
        assert len(found) == 3
        assert "absent" not in found
        assert repr(found) == f"WorkflowFolder({str(folder)!r}, ['third', 'second', 'first'])"

    def test_an_empty_folder(self, folder: Path) -> None:
        assert dict(read_folder(folder)) == {}

    def test_what_is_left_alone(self, folder: Path) -> None:
        (folder / "deployment.yaml").write_text("apiVersion: apps/v1\nkind: Deployment\n")
        (folder / "helm.yaml").write_text("{{- if .Values.x }}\n")
        (folder / "mentions.yaml").write_text("description: a WorkflowTemplate is read\n")
        (folder / "empty.yaml").write_text("")
        (folder / "binary.yml").write_bytes(bytes(range(256)))
        (folder / "sub").mkdir()
        (folder / "sub" / "deeper.yaml").write_text(template("deeper"))
        (folder / "folder.yaml").mkdir()
        (folder / ".hidden.yaml").write_text(template("hidden"))
        (folder / "train.yaml.bak").write_text(template("backup"))
        (folder / "notes.txt").write_text(template("notes"))
        found = read_folder(folder)
        assert list(found) == []
        assert {skipped.path.name: skipped.reason for skipped in found.skipped} == {
            "binary.yml": "its `kind` is none that AI Core reads",
            "deployment.yaml": "its `kind` is none that AI Core reads",
            "empty.yaml": "its `kind` is none that AI Core reads",
            "folder.yaml": "it is not a file",
            "helm.yaml": "its `kind` is none that AI Core reads",
            "mentions.yaml": "its `kind` is none that AI Core reads",
        }

    def test_json_and_utf_16(self, folder: Path) -> None:
        (folder / "a.yaml").write_text('{"kind": "WorkflowTemplate", "metadata": {"name": "json"}}')
        (folder / "b.yaml").write_bytes(template("wide").encode("utf-16"))
        assert list(read_folder(folder)) == ["json", "wide"]

    def test_a_broken_template_is_an_error(self, folder: Path) -> None:
        (folder / "a.yaml").write_text("kind: WorkflowTemplate\n\tmetadata:\n")
        assert refusal(folder).startswith(f"{folder}/a.yaml:2:1: Tab used for indentation;")

    def test_all_broken_templates_are_told_at_once(self, folder: Path) -> None:
        (folder / "a.yaml").write_text("kind: WorkflowTemplate\nmetadata: [\n")
        (folder / "b.yaml").write_text("kind: ServingTemplate\nmetadata: {}\n")
        first, second = refusal(folder).split("\n\n")
        assert first.startswith(f"{folder}/a.yaml:2:11: The `[` is not closed")
        assert second.startswith(f"{folder}/b.yaml:2:1: This ServingTemplate has no `metadata.name`")

    @pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a privilege there")
    def test_symbolic_links(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "outside.yaml").write_text(template("outside"))
        (folder / "real.yaml").write_text(template("real"))
        (folder / "sub").mkdir()
        (folder / "sub" / "deeper.yaml").write_text(template("deeper"))
        (folder / "leaves.yaml").symlink_to(tmp_path / "outside.yaml")
        (folder / "nowhere.yaml").symlink_to(folder / "absent.yaml")
        (folder / "itself.yaml").symlink_to(folder / "itself.yaml")
        (folder / "stays.yaml").symlink_to(folder / "sub" / "deeper.yaml")
        found = read_folder(folder)
        assert list(found) == ["real", "deeper"]
        assert {skipped.path.name: skipped.reason for skipped in found.skipped} == {
            "itself.yaml": "it is a symbolic link that leads nowhere",
            "leaves.yaml": "it is a symbolic link that leaves the folder",
            "nowhere.yaml": "it is a symbolic link that leads nowhere",
        }
        assert not_found(folder, "leaves.yaml") == (
            f"'{folder}/leaves.yaml' is not a workflow of SAP AI Core: it is a symbolic link that leaves the folder."
        )

    @pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a privilege there")
    def test_a_folder_that_is_a_link_is_read(self, folder: Path, tmp_path: Path) -> None:
        (folder / "real.yaml").write_text(template("real"))
        (tmp_path / "link").symlink_to(folder)
        assert list(read_folder(tmp_path / "link")) == ["real"]


class TestNoFolder:
    REMEDY = "Name the folder with `--aicore-workflows=DIR`, or with `aicore_workflows` in the ini file."

    def test_a_typing_error(self, folder: Path, tmp_path: Path) -> None:
        assert refusal(tmp_path / "workflow") == (
            f"The workflows folder '{tmp_path}/workflow' does not exist; the nearest folder that does is '{tmp_path}'. "
            f"Did you mean 'workflows'?\n{self.REMEDY}"
        )

    def test_far_away(self, tmp_path: Path) -> None:
        assert refusal(tmp_path / "src" / "flows") == (
            f"The workflows folder '{tmp_path}/src/flows' does not exist; the nearest folder that does is "
            f"'{tmp_path}'.\n{self.REMEDY}"
        )

    def test_relative(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from pathlib import Path

        monkeypatch.chdir(tmp_path)
        assert refusal(Path("flows")) == (
            f"The workflows folder 'flows' does not exist; the nearest folder that does is '{tmp_path}'.\n{self.REMEDY}"
        )

    def test_templates_that_are_elsewhere_are_named(self, tmp_path: Path) -> None:
        places = ("a/flows", "b", "pipelines/c", "d", ".git/x", "venv/lib", "node_modules/x")
        for place in places:
            (tmp_path / place).mkdir(parents=True)
            (tmp_path / place / "train.yaml").write_text(template(place.replace("/", "-")))
        (tmp_path / "venv" / "pyvenv.cfg").write_text("")
        (tmp_path / "values.yaml").write_text("workflowTemplateRef: WorkflowTemplate\n")
        assert refusal(tmp_path / "flows") == (
            f"The workflows folder '{tmp_path}/flows' does not exist; the nearest folder that does is '{tmp_path}'."
            f" Templates are in 'b', 'd', 'a/flows' and 1 more there.\n{self.REMEDY}"
        )

    def test_it_lies_further_up(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "tests").mkdir()
        assert refusal(tmp_path / "tests" / "workflows") == (
            f"The workflows folder '{tmp_path}/tests/workflows' does not exist, but '{folder}' does.\n{self.REMEDY}"
        )

    def test_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "w.yaml").write_text("")
        assert refusal(tmp_path / "w.yaml") == (
            f"The workflows folder '{tmp_path}/w.yaml' is a file, not a folder.\n{self.REMEDY}"
        )


class TestContradictions:
    def test_one_executable_id_twice(self, folder: Path) -> None:
        (folder / "a.yaml").write_text(template("same"))
        (folder / "b.yaml").write_text("# a comment\n" + template("same"))
        assert refusal(folder) == (
            "Two templates have the executable id 'same', which must be unique in a tenant:\n"
            f"  {folder}/a.yaml:4:9\n"
            f"  {folder}/b.yaml:5:9\n"
            "Give one of them another `metadata.name`."
        )

    def test_one_scenario_with_two_names(self, folder: Path) -> None:
        (folder / "a.yaml").write_text(template("one", "churn", "Churn"))
        (folder / "b.yaml").write_text(template("two", "churn", "Customer churn"))
        (folder / "c.yaml").write_text(template("three", "other", "Churn"))
        assert refusal(folder) == (
            "Two templates give the scenario 'churn' different names:\n"
            f"  {folder}/a.yaml:9:5  'Churn'\n"
            f"  {folder}/b.yaml:9:5  'Customer churn'\n"
            "Write the same name in both, or give one another `scenarios.ai.sap.com/id`."
        )

    def test_all_contradictions_are_told_at_once(self, folder: Path) -> None:
        (folder / "a.yaml").write_text(template("one", "churn", "Churn"))
        (folder / "b.yaml").write_text(template("one", "churn", "Loss"))
        assert [part.splitlines()[0] for part in refusal(folder).split("\n\n")] == [
            "Two templates have the executable id 'one', which must be unique in a tenant:",
            "Two templates give the scenario 'churn' different names:",
        ]

    def test_a_template_without_scenario_or_name_contradicts_nobody(self, folder: Path) -> None:
        (folder / "a.yaml").write_text(template("one"))
        (folder / "b.yaml").write_text("kind: WorkflowTemplate\nmetadata: {name: two}\n")
        (folder / "c.yaml").write_text(template("three", scenario_name="''"))
        assert list(read_folder(folder)) == ["one", "two", "three"]


class TestSeveralFolders:
    @pytest.fixture
    def services(self, tmp_path: Path) -> list[Path]:
        folders = [tmp_path / name / "flows" for name in ("a", "b", "b/inner")]
        for number, folder in enumerate(folders):
            folder.mkdir(parents=True)
            (folder / "train.yaml").write_text(template(f"train-{number}"))
        return folders

    @pytest.mark.parametrize(
        ("near", "meant"),
        [
            ("a/tests/test_it.py", "train-0"),
            ("b/test_it.py", "train-1"),
            ("b/inner/tests/deep/test_it.py", "train-2"),
            ("b/flows/test_it.py", "train-1"),
        ],
    )
    @pytest.mark.parametrize("reference", ["train.yaml", "train"])
    def test_the_nearest(self, services: list[Path], tmp_path: Path, near: str, meant: str, reference: str) -> None:
        found = read_folders(services)
        assert found.find(reference, tmp_path / near).name == meant
        at_path = found.at_path("flows/train.yaml", tmp_path / near)
        assert at_path is not None
        assert at_path.name == meant

    def test_an_id_and_the_name_of_another_file_stay_ambiguous(self, services: list[Path], tmp_path: Path) -> None:
        (services[0] / "train-1.yaml").write_text(template("other"))
        with pytest.raises(WorkflowError) as caught:
            read_folders(services[:2]).find("train-1", tmp_path / "a" / "test_it.py")
        assert str(caught.value) == (
            f"'train-1' can mean more than one workflow of the folders '{services[0]}' and '{services[1]}':\n"
            "  train-1.yaml        other\n"
            "  b/flows/train.yaml  train-1\n"
            "Name the file with its suffix."
        )

    def test_what_there_is_not(self, services: list[Path]) -> None:
        with pytest.raises(WorkflowError) as caught:
            read_folders(services).find("serve.yaml")
        assert str(caught.value) == (
            f"The folders '{services[0]}', '{services[1]}' and '{services[2]}' have no workflow 'serve.yaml'.\n"
            "They hold:\n"
            "  a/flows/train.yaml      train-0\n"
            "  b/flows/train.yaml      train-1\n"
            "  inner/flows/train.yaml  train-2"
        )
        assert repr(read_folders(services[:2])) == (
            f"WorkflowFolder({str(services[0])!r}, {str(services[1])!r}, ['train-0', 'train-1'])"
        )


class TestFinding:
    @pytest.fixture
    def three(self, folder: Path) -> Path:
        (folder / "training.yaml").write_text(template("churn-train"))
        (folder / "serving.yml").write_text(template("churn-serve"))
        (folder / "churn.yaml").write_text(template("report"))
        return folder

    @pytest.mark.parametrize(
        ("reference", "executable_id"),
        [
            ("training.yaml", "churn-train"),
            ("training", "churn-train"),
            ("churn-train", "churn-train"),
            ("serving.yml", "churn-serve"),
            ("serving", "churn-serve"),
            ("churn", "report"),
        ],
    )
    def test_found(self, three: Path, reference: str, executable_id: str) -> None:
        assert read_folder(three).find(reference).name == executable_id

    def test_a_typing_error(self, three: Path) -> None:
        assert not_found(three, "trainin.yaml") == (
            f"The folder '{three}' has no workflow 'trainin.yaml'. Did you mean 'training.yaml'?\n"
            "It holds:\n"
            "  churn.yaml     report\n"
            "  serving.yml    churn-serve\n"
            "  training.yaml  churn-train"
        )

    def test_nothing_near(self, three: Path) -> None:
        assert not_found(three, "zzz").startswith(f"The folder '{three}' has no workflow 'zzz'.\nIt holds:\n")

    def test_the_path_instead_of_the_name(self, three: Path) -> None:
        assert "Did you mean 'training.yaml'?" in not_found(three, "flows/training.yaml")

    def test_in_an_empty_folder(self, folder: Path) -> None:
        assert not_found(folder, "x") == f"The folder '{folder}' has no workflow 'x'.\nIt has no workflow template."

    def test_only_other_files_there(self, folder: Path) -> None:
        (folder / "values.yaml").write_text("a: 1\n")
        assert not_found(folder, "x") == (
            f"The folder '{folder}' has no workflow 'x'.\nIt has no workflow template.\n"
            "Its other YAML files are not templates: 'values.yaml'."
        )

    @pytest.mark.parametrize("reference", ["values.yaml", "values"])
    def test_a_file_that_is_no_template_says_why(self, folder: Path, reference: str) -> None:
        (folder / "values.yaml").write_text("kind: WorkflowTemplat\n")
        assert not_found(folder, reference) == (
            f"{folder}/values.yaml:1:7: This is not a template of SAP AI Core: its kind is 'WorkflowTemplat'. "
            "Did you mean 'WorkflowTemplate'?\n"
            "     1 | kind: WorkflowTemplat\n"
            "       |       ^\n"
            "AI Core reads the kinds 'WorkflowTemplate', 'ServingTemplate'."
        )

    def test_two_meanings(self, three: Path) -> None:
        (three / "report.yaml").write_text(template("monthly"))
        assert not_found(three, "report") == (
            f"'report' can mean more than one workflow of the folder '{three}':\n"
            "  churn.yaml   report\n"
            "  report.yaml  monthly\n"
            "Name the file with its suffix."
        )
        assert read_folder(three).find("report.yaml").name == "monthly"
