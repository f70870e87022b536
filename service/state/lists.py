"""Lists: papers that a user keeps under a name, each with a note of one line. A star puts a paper on ``starred``.

A paper is stored with all its IDs and what a reference needs, so that a list survives when papers are merged, removed
or missing from a new index. Whatever else is shown comes from the index.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from indexer.identity import ensure_id
from indexer.state import StateDatabase, utc_now
from search.errors import InvalidValue, NameNotFound, PaperNotFound
from search.papers import identifiers
from search.papers.json import Json
from search.papers.paper import Paper
from search.session import Session
from service.state.names import join_notes, parse_name, parse_note
from service.state.profiles import Profile

STARRED = "starred"
"""Name of the list of the papers with a star; it is never missing."""
MAX_LISTS = 500
"""Most lists of a profile."""
MAX_PAPERS = 10_000
"""Most papers of a list."""


@dataclass(frozen=True, slots=True)
class ListSummary:
    """A list without its papers.

    Attributes:
        name: its name.
        papers: number of its papers.
        created: when it was created, in UTC.
    """

    name: str
    papers: int
    created: str

    def to_json(self) -> dict[str, Json]:
        """Returns the summary as a JSON object."""
        return {"name": self.name, "papers": self.papers, "created": self.created}


@dataclass(frozen=True, slots=True)
class ListEntry:
    """A paper on a list.

    Attributes:
        paper: as the index has it; if it is not in the index, what the list stores of it.
        note: one line by the user; may be empty.
        saved: when it was added to the list, in UTC.
        in_index: whether the paper is in the index at present.
    """

    paper: Paper
    note: str
    saved: str
    in_index: bool = False

    def to_json(self) -> dict[str, Json]:
        """Returns the fields of the paper and of the entry as one JSON object."""
        return {**self.paper.to_dict(), "note": self.note, "saved": self.saved, "in_index": self.in_index}


class Lists:
    """The lists of one profile.

    Args:
        state: where they are stored.
        profile: whose lists they are.
    """

    def __init__(self, state: StateDatabase, profile: Profile) -> None:
        self._state, self._profile = state, profile

    def summaries(self) -> tuple[ListSummary, ...]:
        """Returns all lists in alphabetical order."""
        sql = """SELECT name, count(paper), created FROM lists LEFT JOIN list_papers USING (list)
                 WHERE profile = ? GROUP BY list ORDER BY name COLLATE NOCASE, name"""
        with self._state.read() as database:
            rows = database.execute(sql, [self._profile.find(database)]).fetchall()
        return tuple(ListSummary(*row) for row in rows)

    def entries(self, name: str, session: Session | None = None) -> tuple[ListEntry, ...]:
        """Returns the papers of a list in the order in which they were added; papers merged since then are one.

        Args:
            name: the list.
            session: the index that the papers are looked up in; None to return what the list stores.

        Raises:
            NameNotFound: there is no such list.
        """
        sql = "SELECT record, note, saved FROM list_papers WHERE list = ? ORDER BY paper"
        with self._state.read() as database:
            row = self._find(database, name)
            stored = database.execute(sql, [row]).fetchall() if row is not None else []
        entries = [ListEntry(_read_record(record), note, saved) for record, note, saved in stored]
        if session is None:
            return tuple(entries)
        found: dict[str, ListEntry] = {}
        for entry in (look_up(entry, session) for entry in entries):
            first = found.get(entry.paper.id, entry)
            found[entry.paper.id] = replace(first, note=join_notes((first.note, entry.note)))
        return tuple(found.values())

    def ids(self, name: str = STARRED) -> frozenset[str]:
        """Returns every stored ID of the papers of a list, such as to mark the hits of a page that are on it.

        Raises:
            NameNotFound: there is no such list.
        """
        with self._state.read() as database:
            row = self._find(database, name)
            found = database.execute("SELECT id FROM list_paper_ids WHERE list = ?", [row]).fetchall()
        return frozenset(each for (each,) in found)

    def containing(self, paper: Paper) -> tuple[str, ...]:
        """Returns the names of the lists that a paper is on, in alphabetical order."""
        sql = """SELECT DISTINCT name FROM lists JOIN list_paper_ids USING (list)
                 WHERE profile = ? AND id IN (SELECT value FROM json_each(?)) ORDER BY name COLLATE NOCASE, name"""
        with self._state.read() as database:
            rows = database.execute(sql, [self._profile.find(database), json.dumps(paper.ids)]).fetchall()
        return tuple(name for (name,) in rows)

    def add(self, name: str, paper_ids: Iterable[str], session: Session, *, note: str | None = None) -> int:
        """Adds papers of the index to a list, which is created if it is missing.

        Args:
            name: the list.
            paper_ids: any current or former IDs.
            session: the index that has the papers.
            note: a note on each of them; None keeps the notes of papers that are on the list already.

        Returns:
            How many of the papers were not on the list.

        Raises:
            PaperNotFound: a paper is not in the index; none is added.
            InvalidValue: the name or the note is invalid, or the list would be too long.
        """
        return self.add_papers(name, [session.paper(each) for each in paper_ids], note=note)

    def add_papers(self, name: str, papers: Sequence[Paper], *, note: str | None = None) -> int:
        """Adds papers to a list, whether the index has them or not; see ``add``."""
        entries = [ListEntry(paper, parse_note(note or ""), utc_now()) for paper in papers]
        with self._state.write() as database:
            return self.insert_entries(database, name, entries, replace_notes=note is not None)

    def insert_entries(
        self, database: sqlite3.Connection, name: str, entries: Iterable[ListEntry], *, replace_notes: bool = False
    ) -> int:
        """Adds entries in the transaction of the caller; returns the number of new ones."""
        row = self._find_or_create(database, name)
        added = sum(_insert_entry(database, row, entry, replace_note=replace_notes) for entry in entries)
        (total,) = database.execute("SELECT count(*) FROM list_papers WHERE list = ?", [row]).fetchone()
        if total > MAX_PAPERS:
            raise InvalidValue("list", name, f"it would have {total:,} papers; a list has at most {MAX_PAPERS:,}")
        return added

    def remove(self, name: str, paper_ids: Iterable[str], session: Session) -> int:
        """Removes papers from a list; returns how many were on it.

        Args:
            name: the list.
            paper_ids: any IDs of papers; a paper that is not in the index is found by the IDs that the list stores.
            session: the index, which knows further IDs of its papers.

        Raises:
            NameNotFound: there is no such list.
            PaperNotFound: a paper is not on the list; none is removed.
        """
        removed = 0
        with self._state.write() as database:
            row = self._find(database, name)
            for text in paper_ids:
                rows = _rows_with_ids(database, row, _all_ids(text, session)) if row is not None else []
                if not rows:
                    raise PaperNotFound(text, f"it is not on the list {name!r} either")
                database.executemany("DELETE FROM list_papers WHERE paper = ?", [(each,) for each in rows])
                removed += 1
        return removed

    def delete(self, name: str) -> None:
        """Deletes a list.

        Raises:
            NameNotFound: there is no such list.
        """
        with self._state.write() as database:
            database.execute("DELETE FROM lists WHERE list = ?", [self._find(database, name)])

    def notes(self, papers: Sequence[Paper]) -> dict[str, dict[str, str]]:
        """Returns the lists that papers are on, each with the note on the paper.

        Returns:
            By the public ID of each paper that is on a list, the names of the lists in alphabetical order.
        """
        sql = """SELECT id, name, note FROM list_paper_ids JOIN list_papers USING (paper)
                 JOIN lists ON lists.list = list_paper_ids.list
                 WHERE profile = ? AND id IN (SELECT value FROM json_each(?)) ORDER BY name COLLATE NOCASE, name"""
        owners = {each: paper.id for paper in papers for each in paper.ids}
        with self._state.read() as database:
            rows = database.execute(sql, [self._profile.find(database), json.dumps(list(owners))]).fetchall()
        found: dict[str, dict[str, str]] = {}
        for paper_id, name, note in rows:
            notes = found.setdefault(owners[paper_id], {})
            notes[name] = join_notes((notes.get(name, ""), note))
        return found

    def rename(self, name: str, new_name: str) -> None:
        """Renames a list; saved searches that are based on it follow.

        Raises:
            NameNotFound: there is no such list.
            InvalidValue: the new name is invalid or taken, or the list is ``starred``.
        """
        new_name = parse_name(new_name, "list")
        with self._state.write() as database:
            row, owner = self._find(database, name), self._profile.find(database)
            if STARRED in (parse_name(name), new_name):
                raise InvalidValue("list", new_name, f"the list {STARRED!r} keeps its name, and no other list has it")
            sql = "SELECT count(*) FROM lists WHERE profile = ? AND name = ? AND list != ?"
            if database.execute(sql, [owner, new_name, row]).fetchone()[0]:
                raise InvalidValue("list", new_name, "a list has this name; use another name")
            database.execute("UPDATE lists SET name = ? WHERE list = ?", [new_name, row])
            sql = """UPDATE watches SET search = json_set(search, '$.list', ?)
                     WHERE profile = ? AND json_extract(search, '$.list') = ?"""
            database.execute(sql, [new_name, owner, parse_name(name)])

    def _find(self, database: sqlite3.Connection, name: str) -> int | None:
        """Returns the row of a list; None for ``starred`` before the first star."""
        name, owner = parse_name(name, "list"), self._profile.find(database)
        row = database.execute("SELECT list FROM lists WHERE profile = ? AND name = ?", [owner, name]).fetchone()
        if row is None and name != STARRED:
            names = database.execute("SELECT name FROM lists WHERE profile = ? ORDER BY name", [owner]).fetchall()
            raise NameNotFound("list", name, [each for (each,) in names])
        return int(row[0]) if row else None

    def _find_or_create(self, database: sqlite3.Connection, name: str) -> int:
        owner, name = self._profile.find_or_create(database), parse_name(name, "list")
        row = database.execute("SELECT list FROM lists WHERE profile = ? AND name = ?", [owner, name]).fetchone()
        if row:
            return int(row[0])
        (count,) = database.execute("SELECT count(*) FROM lists WHERE profile = ?", [owner]).fetchone()
        if count >= MAX_LISTS:
            raise InvalidValue("list", name, f"there are {count:,} lists already, the most allowed; delete one first")
        sql = "INSERT INTO lists (profile, name, created) VALUES (?, ?, ?)"
        return int(database.execute(sql, [owner, name, utc_now()]).lastrowid or 0)


def look_up(entry: ListEntry, session: Session) -> ListEntry:
    """Returns an entry with the paper as the index has it, or as stored if the index lacks it."""
    for paper_id in entry.paper.ids:
        try:
            return replace(entry, paper=session.paper(paper_id), in_index=True)
        except PaperNotFound:
            continue
    return replace(entry, in_index=False)


def make_reference(paper: Paper) -> Paper:
    """Returns what a list stores of a paper: its IDs, title, authors, date and URL, and neither abstract nor source."""
    paper = ensure_id(paper)
    return Paper(paper.ids, paper.title, None, paper.authors, paper.authors_partial, paper.published, url=paper.link)


def _insert_entry(database: sqlite3.Connection, row: int, entry: ListEntry, *, replace_note: bool) -> bool:
    """Adds a paper to a list, or joins it with the entries that have one of its IDs; returns whether it is new."""
    paper = make_reference(entry.paper)
    known = _rows_with_ids(database, row, paper.ids)
    if not known:
        sql = "INSERT INTO list_papers (list, record, note, saved) VALUES (?, ?, ?, ?)"
        number = int(database.execute(sql, [row, _dump_record(paper), entry.note, entry.saved]).lastrowid or 0)
    else:
        sql = "SELECT record, note FROM list_papers WHERE paper = ?"
        stored = [database.execute(sql, [each]).fetchone() for each in known]
        ids = (each for record, _ in stored for each in _read_record(record).ids)
        paper = replace(paper, ids=tuple(dict.fromkeys((*paper.ids, *ids))))
        note = entry.note if replace_note else join_notes(note for _, note in stored)
        number = known[0]
        sql = "UPDATE list_papers SET record = ?, note = ? WHERE paper = ?"
        database.execute(sql, [_dump_record(paper), note, number])
        database.executemany("DELETE FROM list_papers WHERE paper = ?", [(each,) for each in known[1:]])
    sql = "INSERT OR IGNORE INTO list_paper_ids VALUES (?, ?, ?)"
    database.executemany(sql, [(row, each, number) for each in paper.ids])
    return not known


def _rows_with_ids(database: sqlite3.Connection, row: int, paper_ids: Iterable[str]) -> list[int]:
    """Returns the entries of a list that have one of some IDs, in the order in which they were added."""
    sql = """SELECT DISTINCT paper FROM list_paper_ids WHERE list = ? AND id IN (SELECT value FROM json_each(?))
             ORDER BY paper"""
    return [int(paper) for (paper,) in database.execute(sql, [row, json.dumps(list(paper_ids))])]


def _all_ids(text: str, session: Session) -> tuple[str, ...]:
    """Returns the canonical form of an ID and, if the index has its paper, all IDs of the paper."""
    parsed = identifiers.parse(text)
    own = (parsed.id,) if parsed else ()
    try:
        return (*own, *session.paper(text).ids)
    except PaperNotFound:
        return own


def _read_record(text: str) -> Paper:
    return Paper.from_json(json.loads(text))


def _dump_record(paper: Paper) -> str:
    return json.dumps(paper.to_json(), ensure_ascii=False, sort_keys=True)
