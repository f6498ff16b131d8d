"""A Dockerfile to its instructions (source: docs.docker.com/reference/dockerfile)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import NamedTuple

from pytest_aicore.errors import ImageError, did_you_mean

KNOWN = (
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER",
    "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
)  # fmt: skip
_HEREDOC = re.compile(r"<<(-?)(['\"]?)([A-Za-z_]\w*)\2")
_DIRECTIVE = re.compile(r"#\s*(\w+)\s*=\s*(\S+)\s*$")
_FLAG = re.compile(r"--([a-z][a-z-]*)(?:=(\S*))?\s+")
_VARIABLE = re.compile(r"\\(.)|\$(?:(\w+)|\{(\w+)(?:(:[-+])([^}]*))?\})")


class Document(NamedTuple):
    """A here-document.

    Attributes:
        name: what ends it.
        content: its lines.
        is_literal: whether variables in it stay as they are.
    """

    name: str
    content: str
    is_literal: bool


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction.

    Attributes:
        line: where it begins, from 1.
        name: in capitals.
        flags: `--chown=...` as `chown`.
        text: what follows, lines that were continued joined.
        documents: its here-documents, which are not in `text`.
    """

    line: int
    name: str
    flags: dict[str, str]
    text: str
    documents: tuple[Document, ...] = ()

    def array(self) -> list[str] | None:
        """Return the words of the JSON form `["a", "b"]`, None if it is in another form."""
        if not self.text.startswith("["):
            return None
        try:
            words = json.loads(self.text)
        except ValueError:
            return None
        is_list = isinstance(words, list) and all(isinstance(word, str) for word in words)
        return words if is_list else None


def parse(content: str, name: str) -> list[Instruction]:
    """Return the instructions of a Dockerfile.

    Args:
        content: the text of the file.
        name: how to call it in messages.

    Raises:
        ImageError: it is not a Dockerfile; the message names the line.
    """
    lines = content.removeprefix("\ufeff").splitlines()
    escape = _escape(lines)
    found: list[Instruction] = []
    number = 0
    while number < len(lines):
        first = number
        text, number = _joined(lines, number, escape)
        if text:
            documents: list[Document] = []
            for begin in _HEREDOC.finditer(text) if _may_have_document(text) else ():
                document, number = _document(lines, number, begin, f"{name}:{first + 1}")
                documents.append(document)
            found.append(_instruction(text, first + 1, name, tuple(documents)))
    before = next((each for each in found if each.name != "ARG"), None)
    if before is None:
        raise ImageError(f"{name} has no instructions; expected FROM first")
    if before.name != "FROM":
        raise ImageError(f"{name}:{before.line}: {before.name} before FROM: a Dockerfile begins with FROM (or ARG)")
    return found


def _escape(lines: list[str]) -> str:
    for line in lines:
        directive = _DIRECTIVE.match(line)
        if directive is None:
            break
        if directive[1].lower() == "escape" and directive[2] in ("\\", "`"):
            return directive[2]
    return "\\"


def _joined(lines: list[str], number: int, escape: str) -> tuple[str, int]:
    """Return the text of an instruction that begins at a line, and the number of the line after it."""
    parts: list[str] = []
    while number < len(lines):
        line = lines[number].rstrip()
        number += 1
        is_comment = line.lstrip().startswith("#")
        if parts and (is_comment or not line):  # is left out inside of an instruction
            continue
        if is_comment or not line:
            break
        if not line.endswith(escape):
            parts.append(line)
            break
        parts.append(line[:-1])
    return "".join(parts).strip(), number


def _may_have_document(text: str) -> bool:
    return text.split(maxsplit=1)[0].upper() in ("RUN", "COPY", "ADD")


def _document(lines: list[str], number: int, begin: re.Match[str], place: str) -> tuple[Document, int]:
    """Return the here-document that begins at a line, and the number of the line after it."""
    end = begin[3]
    content: list[str] = []
    for line in lines[number:]:
        if line.strip("\t") == end:
            text = "".join(f"{each}\n" for each in content)
            return Document(end, text, bool(begin[2])), number + len(content) + 1
        content.append(line.lstrip("\t") if begin[1] else line)
    raise ImageError(f"{place}: the here-document <<{end} has no end: expected a line with {end} alone")


def _instruction(text: str, line: int, name: str, documents: tuple[Document, ...]) -> Instruction:
    word, rest = (*text.split(maxsplit=1), "")[:2]
    keyword = word.upper()
    if keyword not in KNOWN:
        raise ImageError(
            f"{name}:{line}: unknown instruction {word!r}; expected one of {', '.join(KNOWN)}."
            f"{did_you_mean(word, KNOWN)}"
        )
    flags: dict[str, str] = {}
    rest = rest.strip()
    while (flag := _FLAG.match(f"{rest} ")) is not None:
        flags[flag[1]] = flag[2] or ""
        rest = rest[flag.end() :].strip()
    if not rest:
        raise ImageError(f"{name}:{line}: {keyword} has no arguments")
    return Instruction(line, keyword, flags, rest, documents)


def substituted(text: str, variables: dict[str, str]) -> str:
    """Return a text with `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+other}` replaced, unknown ones by nothing.

    Args:
        text: of an instruction.
        variables: what ARG and ENV set so far.
    """

    def meaning(found: re.Match[str]) -> str:
        if found[1] is not None:
            return found[1] if found[1] == "$" else found[0]
        value = variables.get(found[2] or found[3], "")
        if found[4] == ":-":
            return value or str(found[5])
        return (str(found[5]) if value else "") if found[4] == ":+" else value

    return _VARIABLE.sub(meaning, text)


__all__ = ["KNOWN", "Document", "Instruction", "parse", "substituted"]
