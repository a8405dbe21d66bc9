"""The page that a story is written on: so many columns, and the characters that the reader's terminal can show."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from typing import TYPE_CHECKING

from ..spelling import spelled

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    import pytest

#: Columns. A narrower picture shows nothing, a wider one is no more exact than what a test can promise.
NARROWEST, WIDEST = 60, 160
#: An id longer than this is cut short.
ID_WIDTH = 24

_TWINS = str.maketrans({"✗": "!", "×": "x", "…": "..."})
#: What a terminal has to be able to show before it gets more than ASCII.
_PROBE = "✗×…\N{SNOWMAN}\N{GRINNING FACE}"


class Page:
    """Makes texts fit: one line each, no wider than the page, without a character that would move the cursor."""

    __slots__ = ("is_ascii", "width")

    def __init__(self, width: int = 80, *, ascii_only: bool = False) -> None:
        self.width = min(max(width, NARROWEST), WIDEST)
        self.is_ascii = ascii_only

    def line(self, text: str) -> str:
        """Return ``text`` as one line of this page; what doesn't fit is cut off, with a mark."""
        return self.shorten(text, self.width).rstrip()

    def whole(self, text: str) -> str:
        """Return ``text`` as one line, however long it is."""
        return self._clean(text)

    def shorten(self, text: str, width: int) -> str:
        """Return ``text`` in at most ``width`` columns."""
        text = self._clean(text)
        if _cells(text) <= width:
            return text
        mark = self._clean("…")
        room = width - len(mark)
        kept = []
        for character in text:
            room -= _cells(character)
            if room < 0:
                break
            kept.append(character)
        return "".join(kept) + mark

    def fold(self, text: str, indent: str) -> list[str]:
        """Return ``text`` as one line, or as two where it doesn't fit: broken at a blank, the second one indented."""
        words = text.split(" ")
        taken = len(words)
        while taken and not self.fits(" ".join(words[:taken])):
            taken -= 1
        head, rest = " ".join(words[:taken]).rstrip(), " ".join(words[taken:])
        return [self.line(head), self.line(indent + rest)] if head and rest else [self.line(text)]

    def fold_all(self, texts: Sequence[str], most: int, indent: str) -> list[str]:
        """Fold those that don't fit, the first ones first, as long as there are no more than ``most`` lines."""
        lines: list[str] = []
        spare = most - len(texts)
        for text in texts:
            folded = self.fold(text, indent) if spare > 0 else [self.line(text)]
            spare -= len(folded) - 1
            lines += folded
        return lines

    def fits(self, text: str) -> bool:
        """Whether ``text`` is one line of this page without a cut."""
        return _cells(self._clean(text)) <= self.width

    def label(self, text: str, width: int) -> str:
        """Return ``text`` in exactly ``width`` columns."""
        text = self.shorten(text, width)
        return text + " " * (width - _cells(text))

    def wrap(self, parts: Iterable[str], most: int, separator: str = ", ", indent: str = "") -> list[str]:
        """Join ``parts`` to lines, broken between them; those that ``most`` lines don't hold are counted."""
        parts = [*parts]
        lines: list[str] = []
        taken = 0
        while taken < len(parts) and len(lines) < most:
            line, first = indent + parts[taken], taken
            taken += 1
            while taken < len(parts) and self.fits(f"{line}{separator}{parts[taken]}{separator}"):
                line += separator + parts[taken]
                taken += 1
            is_last = len(lines) == most - 1
            if is_last and taken < len(parts):
                while taken > first + 1 and not self.fits(line + _more(separator, len(parts) - taken)):
                    taken -= 1
                    line = line[: -len(separator + parts[taken])]
                more = _more(separator, len(parts) - taken)
                line = self.shorten(line, self.width - len(self._clean(more))) + more
            lines.append(self.line(line if is_last or taken == len(parts) else line + separator.rstrip()))
        return lines

    def _clean(self, text: str) -> str:
        if self.is_ascii:
            text = text.translate(_TWINS)
        if not text.isprintable():
            text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
        return text.encode("ascii", "backslashreplace").decode() if self.is_ascii else text


def _more(separator: str, count: int) -> str:
    return f"{separator}… {count} more"


def _cells(text: str) -> int:
    """Count the columns that ``text`` takes: East Asian characters and most pictures two, accents none."""
    if text.isascii():
        return len(text)
    return sum(_cells_of(character) for character in text)


def _cells_of(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def shown(id_: Hashable, width: int = ID_WIDTH) -> str:
    """Return how an id is written, not longer than ``width`` characters."""
    text = spelled(id_)
    return text if len(text) <= width else f"{text[: width - 1]}…"


def page_of(config: pytest.Config) -> Page:
    """Return the page that the terminal of a run has room for.

    Workers of xdist and runs with ``-p no:terminal`` have none of their own. What they say is read later, in a file or
    by way of the controlling process, so the environment has to tell: ``COLUMNS``, and the encoding of their locale.
    """
    if config.pluginmanager.get_plugin("terminalreporter") is None:
        return Page(shutil.get_terminal_size().columns, ascii_only=not _shows_all(_encoding_of(sys.__stdout__)))
    writer = config.get_terminal_writer()
    return Page(writer.fullwidth, ascii_only=not _shows_all(_encoding_of(writer._file)))  # noqa: SLF001 - nothing else tells


def _encoding_of(stream: object) -> str:
    return getattr(stream, "encoding", None) or "utf-8"


def _shows_all(encoding: str) -> bool:
    try:
        _PROBE.encode(encoding)
    except (LookupError, UnicodeError):
        return False
    return True
