"""The one error of this package: a sentence for the person at the terminal."""

from pathlib import Path


class Problem(Exception):
    """Something the person has to do first; its text is one sentence that says what. Shown without a traceback."""


def tail(path: Path, *, lines: int = 12) -> str:
    """The last `lines` lines of the file at `path`, or an empty text when it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-lines:])
    except OSError:
        return ""


def sentence(error: Exception) -> str:
    """What to tell the person: a Problem's own sentence, or which file the system refused and why."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}. Check who may use it and the room on its disk."
    return str(error)
