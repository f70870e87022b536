"""Library: reads the papers of a user from files or records, and finds those that the index has."""

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from indexer import identity, sources
from indexer.sources.file import FileGroup, SourceFile
from indexer.sources.jsonl import parse_paper
from indexer.sources.limits import MalformedRecord
from search.errors import SourceError
from search.index.backend import Backend
from search.papers import identifiers
from search.papers.json import Json
from search.papers.paper import Paper
from search.query.library import Library


def read_library(snapshot: Backend, paths: Sequence[Path], papers: Iterable[Paper] = ()) -> Library:
    """Reads a library from files in any of ``sources.FORMATS``.

    Args:
        snapshot: the generation in which its papers are looked up.
        paths: files, and folders with files.
        papers: further papers of the library.

    Raises:
        InvalidValue: a path does not exist.
    """
    files = sources.discover(paths)
    group = FileGroup(files)
    records = [record for path in files for record in sources.read(SourceFile(path, date.today(), group=group))]
    return find_library(snapshot, [*records, *papers])


def read_bibliography(name: str, content: bytes) -> list[Paper | SourceError]:
    """Returns the records of a file if it is in a format for bibliographies; none if it is any other text.

    A page of a website is text here: a pasted abstract can look like one.

    Args:
        name: the name of the file, for messages.
        content: its bytes.
    """
    with TemporaryDirectory() as folder:  # the readers read files, some of them twice
        path = Path(folder, name if name.strip("-.") else "standard-input")
        path.write_bytes(content)
        file = SourceFile(path, date.today())
        records = list(sources.read(file))
    is_text = file.format in ("", "author-page") or not any(isinstance(record, Paper) for record in records)
    return [] if is_text else [_rename(record, name) for record in records]


def parse_library(snapshot: Backend, entries: Iterable[str | dict[str, Json]]) -> Library:
    """Makes a library of IDs, in any usual spelling, and of records as JSON objects with the fields of a paper.

    Args:
        snapshot: the generation in which its papers are looked up.
        entries: an entry that cannot be read is left out.
    """
    records: list[Paper | SourceError] = []
    for number, entry in enumerate(entries, 1):
        try:
            records.append(_parse_entry(entry))
        except MalformedRecord as error:
            records.append(SourceError("library", number, str(error)))
    return find_library(snapshot, records)


def find_library(snapshot: Backend, records: Iterable[Paper | SourceError]) -> Library:
    """Divides records into papers that the index has, further papers, and records that could not be read.

    A record is in the index if it is the same paper by ID or by title, authors and abstract, as for an import, or may
    be another version of the paper: a version of a user's own paper is not worth recommending.
    """
    ids, others, left_out = dict[str, None](), list[Paper](), list[str]()
    for record in records:
        if isinstance(record, SourceError):
            left_out.append(str(record))
        elif found := _find_papers(snapshot, record):
            ids |= dict.fromkeys(found)
        else:
            others.append(record)
    return Library(tuple(ids), tuple(others), tuple(left_out))


def _find_papers(snapshot: Backend, record: Paper) -> list[str]:
    """Returns the IDs of the papers of the index that a record describes."""
    known = [row for paper_id in record.ids if (row := snapshot.find_row(paper_id)) is not None]
    rows = {row for key in identity.keys(record) for row in snapshot.store.rows_for_key(key) if row in snapshot.live}
    candidates = snapshot.store.get(sorted(rows - set(known)))
    papers = snapshot.store.get(list(dict.fromkeys(known)))
    papers += [
        paper
        for paper in candidates
        if identity.is_same_paper(record, paper) or identity.is_possible_duplicate(record, paper)
    ]
    return [paper.id for paper in papers]


def _parse_entry(entry: str | dict[str, Json]) -> Paper:
    """Returns the record of an ID or of an object, which may have nothing but an ID."""
    if isinstance(entry, str):
        return _parse_id(entry)
    has_text = entry.get("title") or entry.get("abstract")
    return parse_paper(entry, "library") if has_text else _parse_id(str(entry.get("id") or entry.get("doi") or ""))


def _parse_id(text: str) -> Paper:
    """Returns a record with nothing but an ID.

    Raises:
        MalformedRecord: the text is not an ID.
    """
    parsed = identifiers.parse(text)
    if parsed is None:
        raise MalformedRecord(f"{text[:60]!r} is not an ID; IDs look like arxiv:2604.24432 or doi:10.1145/3292500")
    return Paper((parsed.id,))


def _rename(record: Paper | SourceError, name: str) -> Paper | SourceError:
    """Returns an error with the name of the file in place of the path of its copy."""
    return SourceError(name, record.line, record.reason) if isinstance(record, SourceError) else record
