"""Every exception that pytest-aicore raises: what happened, where, and what to do about it.

`str(error)` is the whole message a user reads; nothing of ours needs a traceback to be understood.
"""

from __future__ import annotations

from operator import methodcaller
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class AicoreError(Exception):
    """The base of all errors of pytest-aicore. Tracebacks show its short name, as those of pytest's own exceptions."""

    __module__ = "builtins"
    is_shown_alone = False
    """Whether reports of pytest show its message without a traceback."""

    def __init_subclass__(cls) -> None:
        """Give each kind of error a short name."""
        cls.__module__ = "builtins"

    def __reduce__(self) -> tuple[object, ...]:
        """Let an error travel between processes, although its module is not the one it names."""
        return _again, (type(self).__qualname__, self.args, self.__dict__)

    def __str__(self) -> str:
        """Return the message; what it quotes of others cannot act in a terminal or a log."""
        from pytest_aicore.printable import printable  # compiles expressions, for errors only

        return printable(Exception.__str__(self))


def _again(name: str, arguments: tuple[object, ...], attributes: dict[str, object]) -> AicoreError:
    """Return an error like one that another process had; the nearest kind of it where that is not loaded here."""
    kinds = [AicoreError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    kind = next((each for each in kinds if each.__qualname__ == name), AicoreError)
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(attributes)
    return error


our_message = methodcaller("errisinstance", AicoreError)
"""For `__tracebackhide__` of a module: pytest leaves its frames out of tracebacks that end in an error of ours."""


class SettingsError(AicoreError):
    """An option, ini value, environment variable or marker has a value that cannot be used."""


class WorkflowError(AicoreError):
    """A workflow YAML, or its folder, cannot be read as what AI Core would publish."""


class ContractError(AicoreError):
    """A golden file cannot be read or written, or is not what it is compared with."""


class BaselineError(AicoreError):
    """A baseline cannot be read, written or compared with, or a rule for it cannot be used."""


class GateError(AicoreError, AssertionError):
    """A value is worse than its baseline allows, or missing: the test has failed, and nothing is broken."""


class ReportError(AicoreError):
    """A file is not a report of a session, or is one that cannot be read."""


class RevisionError(AicoreError):
    """A git revision to compare with cannot be read."""


class StoreError(AicoreError):
    """An object store cannot give or take what was asked for."""


class PlanError(AicoreError):
    """A training run was asked for that its workflow does not allow."""


class CredentialsError(AicoreError):
    """The credentials for SAP AI Core are missing, incomplete or contradict each other."""


class SdkMissingError(AicoreError):
    """No distribution of the SAP SDK is installed in this environment."""


class EmulatorError(AicoreError):
    """The emulator was asked to do something it cannot do, or a scripted callback failed inside it."""


class ImageError(AicoreError):
    """An image of a step cannot be made from its folder, or its Dockerfile cannot be read."""


class RunError(AicoreError):
    """A training run could not be brought to the end that its test expects."""


class VerdictError(RunError):
    """A training ended otherwise than its test expects, or too late: the test has failed, and nothing is broken."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?` for the nearest of the known words, or an empty string.

    Args:
        word: what was written.
        known: the words that would have been right.
    """
    near = nearest(word, known)
    return "" if near is None else f" Did you mean {near!r}?"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the nearest of the known words, None if none is near.

    What a word has in common with others of its kind (`execution.`, `.yaml`, `/v2/lm/`) does not make it near: the
    rest has to be near as well.

    Args:
        word: what was written.
        known: the words that would have been right.
    """
    from difflib import SequenceMatcher, get_close_matches  # a third of the plugin's import, for errors only

    by_folded = {candidate.casefold(): candidate for candidate in known}
    near = [
        candidate
        for candidate in get_close_matches(word.casefold(), by_folded, n=len(by_folded) or 1, cutoff=0.6)
        if (rest := _differing(word.casefold(), candidate)) is None or SequenceMatcher(None, *rest).ratio() >= 0.5
    ]
    if not near and len(word) > 2:  # a part of one alone
        holding = [candidate for candidate in by_folded if word.casefold() in candidate]
        near = holding if len(holding) == 1 else []
    return by_folded[near[0]] if near else None


def _differing(one: str, other: str) -> tuple[str, str] | None:
    """Return what two words differ in, without the parts that both begin and end with; None if one holds the other."""
    import re  # as in `nearest`

    ours, theirs = (re.split(r"[\W_]+", text) for text in (one, other))
    while ours and theirs and ours[0] == theirs[0]:
        del ours[0], theirs[0]
    while ours and theirs and ours[-1] == theirs[-1]:
        del ours[-1], theirs[-1]
    rest, other_rest = "-".join(ours), "-".join(theirs)
    return (rest, other_rest) if rest and other_rest else None


def listing(words: Iterable[str], nothing: str = "none") -> str:
    """Return the words quoted and joined by commas, or `nothing` if there are none."""
    return ", ".join(repr(word) for word in words) or nothing
