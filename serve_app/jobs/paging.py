"""The list of jobs by pages, newest first: what a page is asked for, and pages of several services made one. Pure."""

import unicodedata
from collections.abc import Sequence
from typing import Final

from serve_app.jobs import cursor as cursors
from serve_app.jobs.job import JobPage

MAX_PAGE: Final = 200
"""Jobs on one page of the list at most."""

MAX_TEXT_CHARS: Final = 200
"""Of a text that prompts are searched for."""


def folded(text: str) -> str:
    """``text`` as prompts are compared: without differences of case and of how a character is put together, and
    without NUL, which not every database can keep."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()).replace("\0", "")


def merged(pages: Sequence[JobPage], limit: int) -> JobPage:
    """The page of the whole list, of which each of ``pages`` is the page of one part, asked for with the same cursor.

    A part that has more has told all of its jobs down to its cursor, and no older ones: so the page ends where the
    first of them ends.
    """
    ends = [cursors.decode(page.next_cursor) for page in pages if page.next_cursor is not None]
    end = max(ends, default=None)
    known = sorted((job for page in pages for job in page.jobs), key=cursors.key, reverse=True)
    found = [job for job in known if end is None or cursors.key(job) >= end]
    if len(found) > limit:
        return JobPage(tuple(found[:limit]), cursors.encode(cursors.key(found[limit - 1])))
    return JobPage(tuple(found), None if end is None else cursors.encode(end))
