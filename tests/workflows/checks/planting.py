"""What the checks find of planted mistakes: recall, the right line, and what they say beyond it."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_aicore.workflows.checks import Severity, check_document, check_files
from tests.places import ROOT
from tests.workflows.checks.mistakes import Mistake, Planted, Situation, Source
from tests.workflows.checks.situations import MISTAKES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_aicore.workflows.checks import Finding

SAMPLES = Path(__file__).parent / "samples"
PLACES_IN_A_FILE = 4
"""At how many places of one file a kind of mistake is planted at most."""


def corpus() -> Path | None:
    """Return the folder with real templates of other people, None where it is not there."""
    shared = Path(os.environ.get("PYTEST_AICORE_SHARED") or ROOT.parent / "shared")
    return shared / "corpus" if (shared / "corpus" / "aicore").is_dir() else None


@dataclass
class Tally:
    """What became of the plantings of one kind of mistake.

    Attributes:
        planted: how many there were.
        found: in how many a finding of the right rule was new.
        right: in how many one of those stands at the right line.
        clean: in how many nothing else was new.
        failures: what the others said.
    """

    planted: int = 0
    found: int = 0
    right: int = 0
    clean: int = 0
    failures: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Add what became of other plantings."""
        self.planted += other.planted
        self.found += other.found
        self.right += other.right
        self.clean += other.clean
        self.failures += other.failures


def faultless(*, with_corpus: bool) -> dict[str, str]:
    """Return the texts of the files without an error, our own and, if wanted and there, those of other people."""
    folders = [SAMPLES, ROOT / "workflows"]
    shared = corpus()
    if with_corpus and shared is not None:
        folders.append(shared / "aicore")
    texts: dict[str, str] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.yaml")):
            text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
            if all(finding.severity is not Severity.ERROR for finding in check_document(text)):
                texts[path.name] = text
    return texts


def plantings(mistake: Mistake, texts: dict[str, str]) -> Iterator[tuple[str, Planted | Situation]]:
    """Yield the files, or folders, with one mistake of a kind each, by the name of the file."""
    for name, text in texts.items():
        for planted in islice(mistake.plant(Source(text)), PLACES_IN_A_FILE):
            yield name, planted


def new_findings(before: list[Finding], after: list[Finding]) -> list[Finding]:
    """Return the findings that say something that was not said before."""
    said = {(finding.rule, finding.message) for finding in before}
    return [finding for finding in after if (finding.rule, finding.message) not in said]


def tally(mistake: Mistake, texts: dict[str, str]) -> Tally:
    """Plant a kind of mistake into files, and count what is found.

    Args:
        mistake: the kind.
        texts: the files by name.
    """
    result = Tally()
    before: dict[str, list[Finding]] = {}
    for name, planted in plantings(mistake, texts):
        if isinstance(planted, Situation):
            at = planted.at
            new = _new_in_folder(planted)
        else:
            at = name
            before[name] = before.get(name) or check_document(texts[name], name)
            new = new_findings(before[name], check_document(planted.text, name))
        hits = [finding for finding in new if finding.rule in mistake.rules]
        right = [
            finding for finding in hits if Path(finding.place.path).name == at and finding.place.line in planted.lines
        ]
        others = [finding for finding in new if finding not in (right or hits)]
        result.planted += 1
        result.found += bool(hits)
        result.right += bool(right)
        result.clean += not others
        if not right or others:
            said = "; ".join(f"{finding.rule} in line {finding.place.line}: {finding.message}" for finding in new)
            result.failures.append(f"{mistake.name} in {name}, lines {sorted(planted.lines)}: {said or 'nothing'}")
    return result


def _new_in_folder(planted: Situation) -> list[Finding]:
    """Return what is said of a folder with a mistake, and not of the same folder without it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        before = _check(folder, planted.before, ())
        with planted.circumstance():
            return new_findings(before, _check(folder, planted.files, planted.named))


def _check(folder: Path, files: Mapping[str, str], named: tuple[str, ...]) -> list[Finding]:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    return check_files([folder / name for name in named] or [folder]).findings


def all_kinds(texts: dict[str, str]) -> dict[str, Tally]:
    """Return what became of each kind of mistake, by name."""
    found: dict[str, Tally] = {}
    for mistake in MISTAKES:
        found.setdefault(mistake.name, Tally()).add(tally(mistake, texts))
    return found
