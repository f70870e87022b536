"""References: the papers of a file or of pasted text that a user adds to a list."""

import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from search.errors import InvalidValue, PaperNotFound
from search.papers import identifiers
from search.papers.paper import Paper
from search.query.counts import format_count
from search.session import Session
from service.state.bibliography import read_bibliography
from service.web.forms import Form

_SEPARATOR = re.compile(r"[\s,;]+")
_MAX_SHOWN = 3
"""Records that cannot be read, and IDs that are not found, which the notice names."""


@dataclass(frozen=True, slots=True)
class References:
    """The papers that a user gives.

    Attributes:
        papers: as the index has them if it does.
        missing: how many of them are not in the index.
        problems: what cannot be read, or IDs of which nothing else is known.
    """

    papers: tuple[Paper, ...]
    missing: int
    problems: tuple[str, ...]

    def describe(self, added: int, name: str) -> str:
        """Returns what became of them in one line, after some were added to a list."""
        count = format_count(len(self.papers))
        parts = [f"{count} read, {added:,} added to “{name}”"]
        parts += [f"{self.missing:,} not in the index at present"] if self.missing else []
        parts += [f"left out: {'; '.join(self.problems[:_MAX_SHOWN])}"] if self.problems else []
        parts += [f"and {len(self.problems) - _MAX_SHOWN:,} more"] if len(self.problems) > _MAX_SHOWN else []
        return f"{', '.join(parts)}."


def read_references(form: Form, session: Session) -> References:
    """Reads the file of a form, or else its text: IDs, or references in any format that can be imported.

    Raises:
        InvalidValue: there is neither, or no paper in it.
    """
    text = form.get("text").strip()
    if not (form.file or text):
        raise InvalidValue("file", "", "choose a file, or paste IDs or references")
    ids = [] if form.file else [each for each in _SEPARATOR.split(text) if each]
    references = _read_ids(ids, session) if ids and all(map(identifiers.parse, ids)) else _read_file(form, session)
    if not references.papers:
        reason = f": {references.problems[0]}" if references.problems else ""
        raise InvalidValue("file", form.file_name or text, f"no paper that can be read{reason}")
    return references


def _read_ids(ids: list[str], session: Session) -> References:
    papers: dict[str, Paper] = {}
    problems = []
    for each in dict.fromkeys(ids):
        try:
            paper = session.paper(each)
            papers.setdefault(paper.id, paper)
        except PaperNotFound:
            problems.append(f"{each} is not in the index")
    return References(tuple(papers.values()), 0, tuple(problems))


def _read_file(form: Form, session: Session) -> References:
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"references{_safe_suffix(form.file_name)}"
        path.write_bytes(form.file or form.get("text").encode())
        read = read_bibliography(path, session)
    problems = (str(each).replace(f"{path.parent}/", "") for each in read.skipped)
    return References(read.papers, read.missing, tuple(problems))


def _safe_suffix(name: str) -> str:
    """Returns the extension of a file name, by which formats are recognised; the rest of the name is not used."""
    return match[0] if (match := re.search(r"(\.[A-Za-z0-9]{1,8}){1,2}$", name)) else ""
