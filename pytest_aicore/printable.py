r"""Makes foreign text safe to print: every character is visible, and none is a command to a terminal or CI system.

Names from YAML and folders, answers of the service, logs of trainings and output of git are printed in terminals and in
the logs of CI systems. A terminal executes control characters, an editor applies marks that reverse the direction of
text, and a CI system reads a line such as `::error::...` as a command. Each is replaced by its escape in Python:
`\x1b`, `\u202e`, `\x3a:error::...`. The result is the same everywhere, and escaping twice is the same as escaping once.

Secrets are removed before, because an escape could split one.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

_ACTS = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0, DEL and C1, but for tabs and line ends
    "\u2028\u2029"  # ends of lines and paragraphs
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks of text direction: https://trojansource.codes
    "\xad\u180e\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # invisible
    "\ud800-\udfff\ufffe\uffff"  # code points that encodings or XML do not allow
)
_JOINERS = "\u200c\u200d"
"""Persian, Hindi and emoji need them; beside ASCII they only make different names look the same."""
_JOINED = rf"[^\x00-\x7f{_ACTS}{_JOINERS}]"
_STRAY_JOINER = rf"(?<!{_JOINED})[{_JOINERS}]|[{_JOINERS}](?!{_JOINED})"
_ACTING = re.compile(rf"[{_ACTS}]|{_STRAY_JOINER}")
_ACTING_ASCII = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_ACTING_IN_A_LINE = re.compile(rf"[\t\n{_ACTS}]|{_STRAY_JOINER}")
_COMMAND = re.compile(r"^(?P<blank>[^\S\n]*):(?=:)|#(?=#[a-z]{0,20}\[)", re.MULTILINE | re.IGNORECASE)
"""Text that a CI system would read as a command.

GitHub's runner: `::` at the beginning of a line, blanks aside, and `##[` anywhere (source: `ActionCommand.cs` of
actions/runner). Azure Pipelines: `##[` and `##vso[`; TeamCity: `##teamcity[` (documentation). Those of GitLab,
Travis and Buildkite begin with a control character.
"""
_TERMINAL_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""ECMA-48, 5.4: colours, and what moves the cursor or erases."""


def printable(text: str) -> str:
    """Return a text with control characters and commands escaped; line ends and tabs stay."""
    return _COMMAND.sub(_disarmed, visible(text))


def visible(text: str) -> str:
    """Return a text with control characters escaped, for where no CI system reads it; line ends and tabs stay."""
    acting = _ACTING_ASCII if text.isascii() else _ACTING  # ten times as fast, and most logs are ASCII
    return acting.sub(_escaped, text.replace("\r\n", "\n"))


def on_one_line(text: str) -> str:
    r"""Return a text as one line, with control characters and commands escaped; its line ends become `\n`."""
    return _COMMAND.sub(_disarmed, _ACTING_IN_A_LINE.sub(_escaped, text))


def from_terminal(text: str) -> str:
    """Return the lines of a program's terminal output, without colours and movements of the cursor.

    A carriage return, with which progress bars redraw their line, begins a new line. The result is not printable yet.
    """
    return _TERMINAL_SEQUENCE.sub("", text).replace("\r\n", "\n").replace("\r", "\n")


def say(text: str, stream: TextIO | None = None) -> None:
    """Print a text made printable, and a line end.

    Args:
        text: of any number of lines.
        stream: the output; standard output if left out. Nothing is printed if it is closed.
    """
    to = sys.stdout if stream is None else stream
    if to is not None:  # the parent process may have closed it
        write(printable(text) + "\n", to)


def write(text: str, stream: TextIO) -> None:
    """Write a text; characters that are missing in the stream's encoding are escaped.

    Args:
        text: what to write; it must be printable already.
        stream: the output.
    """
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if character in "\n\t\r":
        return {"\n": r"\n", "\t": r"\t", "\r": r"\r"}[character]
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _disarmed(match: re.Match[str]) -> str:
    return rf"{match['blank']}\x3a" if match["blank"] is not None else r"\x23"
