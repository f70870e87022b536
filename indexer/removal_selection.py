"""Selections of papers to remove: by ID, by query, by file, or because their file has no longer got them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import numpy as np

from indexer import harvested_records
from indexer.logged_files import (
    FileRecords,
    LoggedFile,
    Select,
    find_deleted,
    hash_record,
    load_files,
    load_records,
    path_text,
)
from indexer.removed_papers import ANY_FILE, is_excluded
from search.errors import InvalidValue, PaperNotFound
from search.index.backend import Backend
from search.index.snapshot import Snapshot
from search.language.parser import parse_query
from search.papers import identifiers
from search.papers.paper import Paper
from search.query.condition import AllOf, ContainsText, HasId

_READ_ROWS = 1_024
"""Papers read at once."""
_MAX_TITLE_CHARACTERS = 100
"""Characters of a title or, without one, of an abstract, that a selection has."""


@dataclass(frozen=True, slots=True)
class Removal:
    """A paper that is removed, or that loses records.

    Attributes:
        row: Its row.
        id: Its public ID.
        title: Its title or, without one, its abstract, either of them cut.
        is_whole: Whether the paper is removed; otherwise only some of its records are.
    """

    row: int
    id: str
    title: str
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Selection:
    """What a removal takes out of a generation.

    Attributes:
        generation: The generation.
        removals: The papers.
        records_of: The records of each paper that are removed: those of a file, by its number in the log, or those of
            a source; None for those in ``records`` or, if it is empty, for all.
        records: The hashes of the records that are removed, see ``logged_files.hash_record``.
        scope: Which imports leave the removed records out, see ``removed_papers.ExcludedId``; None for no import.
        removed_before: IDs, as the caller wrote them, of papers that were removed earlier.
    """

    generation: str
    removals: tuple[Removal, ...]
    records_of: int | str | None = None
    records: frozenset[int] = field(default=frozenset(), kw_only=True)
    scope: str | None = ANY_FILE
    removed_before: tuple[str, ...] = ()

    @property
    def papers(self) -> list[Removal]:
        """The papers that are removed."""
        return [each for each in self.removals if each.is_whole]

    @property
    def changed(self) -> list[Removal]:
        """The papers that lose records and stay."""
        return [each for each in self.removals if not each.is_whole]

    def selector(self, select: Select, is_live: Callable[[int], bool]) -> Callable[[Sequence[Paper]], list[bool]]:
        """Returns a function that returns for each record of a paper whether it is removed.

        Args:
            select: Queries the database.
            is_live: Whether a row is live.
        """
        if isinstance(self.records_of, int):
            return FileRecords(select, [self.records_of], is_live).are_only_here
        if isinstance(self.records_of, str):
            return lambda records: [self.records_of in each.sources for each in records]
        if self.records:
            return lambda records: [hash_record(each) in self.records for each in records]
        return lambda records: [True] * len(records)


def select_ids(directory: Path, ids: Iterable[str]) -> Selection:
    """Selects papers by any ID that they have or ever had; see ``select_ids_of``."""
    snapshot = Snapshot.open(directory)
    return select_ids_of(snapshot, partial(is_excluded, snapshot.store.select), ids)


def select_ids_of(backend: Backend, was_removed: Callable[[str], bool], ids: Iterable[str]) -> Selection:
    """Selects papers by any ID that they have or ever had.

    Args:
        backend: The generation.
        was_removed: Whether the paper that had a canonical ID was removed.
        ids: The IDs, in any usual spelling.

    Raises:
        PaperNotFound: A paper is not in the index and was not removed from it.
    """
    rows, removed_before = list[int](), list[str]()
    for text in ids:
        parsed = identifiers.parse(text)
        if parsed is None:
            raise PaperNotFound(text, "IDs look like arxiv:2604.24432, doi:10.1145/3292500 or h:0123456789ab")
        row = backend.find_row(parsed.id)
        if row is not None:
            rows.append(row)
        elif was_removed(parsed.id):
            removed_before.append(text)
        else:
            raise PaperNotFound(text, "nothing was removed; find its ID with papers search")
    removals = _read_removals(backend, list(dict.fromkeys(rows)))
    return Selection(backend.generation, removals, removed_before=tuple(removed_before))


def select_query(directory: Path, query: str) -> Selection:
    """Selects the papers that meet the conditions of a query and contain all of its other words.

    Raises:
        InvalidValue: The query is blank or invalid, or an abstract.
    """
    return select_query_of(Snapshot.open(directory), query)


def select_query_of(backend: Backend, query: str) -> Selection:
    """Selects papers of a generation; see ``select_query``."""
    utc_today, categories = datetime.now(UTC).date(), backend.columns.categories.codes
    parsed = parse_query(query, today=date.today(), categories=categories, utc_today=utc_today)
    if parsed.kind == "abstract":
        raise InvalidValue(
            "query", query, "it is an abstract, which ranks papers; give words or conditions to select them"
        )
    parts = [parsed.condition, HasId(parsed.paper_id) if parsed.paper_id else None]
    parts.append(ContainsText(parsed.text) if parsed.text else None)
    condition = AllOf(tuple(part for part in parts if part))
    if not condition.parts:
        raise InvalidValue("query", query, "it is blank; give words or conditions, or remove files with --source")
    rows = backend.rows_matching(condition).ids.tolist()
    return Selection(backend.generation, _read_removals(backend, rows))


def select_source(directory: Path, source: str) -> Selection:
    """Selects the records of a file; papers that other files have too only lose records.

    Args:
        directory: The index.
        source: The path or the name of a file that was imported, whether it still exists or not, or a source such as
            ``bibtex:zotero.bib``, which stands for all files of that format and name.

    Raises:
        InvalidValue: No such file was imported, or several of that name.
    """
    snapshot = Snapshot.open(directory)
    select, is_live = snapshot.store.select, snapshot.live.__contains__
    files = load_files(select)
    found = [each for each in files if each.path in (source, path_text(Path(source)))]
    if not found and source in snapshot.columns.sources:
        postings, number = snapshot.columns.source_postings, snapshot.columns.sources.index(source)
        rows = postings.ids(np.array([number], np.int64)).tolist()
        selection = Selection(snapshot.manifest.generation, (), source, source)
        return _with_records(snapshot, selection, filter(is_live, rows))
    file = _only_file(snapshot, source, found or [each for each in files if _name(each.path) == source])
    selection = Selection(snapshot.manifest.generation, (), file.file, file.path)
    return _with_records(snapshot, selection, FileRecords(select, [file.file], is_live).rows())


def select_missing(directory: Path, paths: Iterable[Path], folders: Iterable[Path] = ()) -> Selection:
    """Selects the papers that only some files had and no longer have, see ``FileRecords.find_missing``.

    An import that finds them again adds them again.

    Args:
        directory: The index.
        paths: The files.
        folders: Folders whose deleted files are meant too.
    """
    snapshot, names = Snapshot.open(directory), set(map(path_text, paths))
    select = snapshot.store.select
    logged = load_files(select)
    files = [each.file for each in (*find_deleted(logged, folders), *(each for each in logged if each.path in names))]
    missing = FileRecords(select, files, snapshot.live.__contains__).find_missing()
    return Selection(snapshot.manifest.generation, _read_removals(snapshot, missing.rows), scope=None)


def select_deleted(directory: Path, harvest: str) -> Selection:
    """Selects the records of a harvest that its repository has deleted; other records of their papers stay.

    A later harvest that finds them again adds them again.

    Args:
        directory: The index.
        harvest: The canonical name of the harvest.
    """
    snapshot = Snapshot.open(directory)
    found = harvested_records.find_deleted(snapshot.store.select, harvest)
    records = frozenset[int]().union(*found.values())
    selection = Selection(snapshot.manifest.generation, (), scope=None, records=records)
    return _with_records(snapshot, selection, sorted(row for row in found if row in snapshot.live))


def _only_file(snapshot: Snapshot, name: str, found: Sequence[LoggedFile]) -> LoggedFile:
    """Returns the file found, unless there is none or several."""
    if len(found) == 1:
        return found[0]
    if found:
        paths = ", ".join(each.path for each in found)
        raise InvalidValue("source", name, f"several files have this name; give the path of one of them: {paths}")
    same_name = [each for each in snapshot.columns.sources if _name(each, ":") == Path(name).name]
    if same_name:
        allowed = f"the index has no file of this path; for all files of that name, give {' or '.join(same_name)}"
        raise InvalidValue("source", name, allowed)
    raise InvalidValue("source", name, "no such file was imported; list the files with: papers sources")


def _name(path: str, separator: str = "/") -> str:
    return path.rpartition(separator)[2]


def _with_records(snapshot: Snapshot, selection: Selection, rows: Iterable[int]) -> Selection:
    """Adds the papers of those rows that have records to remove."""
    select = snapshot.store.select
    selector = selection.selector(select, snapshot.live.__contains__)
    whole, changed = list[int](), list[int]()
    for row in rows:
        dropped = selector(load_records(select, row))
        if any(dropped):
            (whole if all(dropped) else changed).append(row)
    removals = (*_read_removals(snapshot, whole), *_read_removals(snapshot, changed, is_whole=False))
    return replace(selection, removals=removals)


def _read_removals(backend: Backend, rows: Sequence[int], *, is_whole: bool = True) -> tuple[Removal, ...]:
    starts = range(0, len(rows), _READ_ROWS)
    papers = (paper for start in starts for paper in backend.store.get(rows[start : start + _READ_ROWS]))
    return tuple(Removal(row, paper.id, _cut(paper), is_whole) for row, paper in zip(rows, papers, strict=True))


def _cut(paper: Paper) -> str:
    title = paper.title or paper.abstract or ""
    return title if len(title) <= _MAX_TITLE_CHARACTERS else title[: _MAX_TITLE_CHARACTERS - 4] + " ..."
