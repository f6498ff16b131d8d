"""The line of a test that called the emulator, for messages."""

from __future__ import annotations

import sys

_PACKAGE = __file__[: -len("emulator/control/caller.py")]


def caller() -> str:
    """Return `file:line` of the nearest caller outside this package."""
    frame = sys._getframe(1)  # noqa: SLF001
    while frame.f_back and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return f"{short(frame.f_code.co_filename)}:{frame.f_lineno}"


def raised_at(error: BaseException) -> str:
    """Return `file:line` of the line of the user's own code that raised an error, or an empty string.

    The user's code is all code outside this package; of that, the innermost frame that is not in site-packages.
    """
    import traceback  # late, like pathlib: for messages only
    from pathlib import Path

    theirs = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(_PACKAGE)]
    own = [frame for frame in theirs if "site-packages" not in frame.filename and Path(frame.filename).is_file()]
    own = [frame for frame in own if not Path(short(frame.filename)).is_absolute()] or own[:1] or theirs[:1]
    return f"{short(own[-1].filename)}:{own[-1].lineno}" if own else ""


def arose_at(error: BaseException) -> str:
    """Return `file:line` of the innermost line of this package that an error has come through."""
    from traceback import walk_tb

    lines = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    file, line = [each for each in lines if each[0].startswith(_PACKAGE)][-1]
    return f"pytest_aicore/{file.removeprefix(_PACKAGE)}:{line}".replace("\\", "/")


def short(path: str) -> str:
    """Return the path relative to the working folder, if it is below it."""
    from pathlib import Path

    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path
