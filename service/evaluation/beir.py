"""Retrieval sets in BEIR layout (Thakur and others, "BEIR", NeurIPS Datasets 2021): papers, queries and relevance
judgments.

    SET/
      corpus.jsonl      _id title text, one paper per line; optional authors and published in metadata
      queries.jsonl     _id text, one query per line
      qrels/SPLIT.tsv   query-id corpus-id score, after a header line

Each file may be compressed in any way that ``indexer.sources`` reads (.gz, .xz, .zst, .bz2).
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal, Self, get_args

from indexer.sources.file import READ_ERRORS, SourceFile
from indexer.sources.json import parse_json_object
from indexer.sources.limits import MalformedRecord
from indexer.sources.record import Draft
from search.errors import InvalidValue, SourceError
from search.papers.date import Date
from search.papers.json import Json
from search.papers.paper import Paper

QuerySubset = Literal["all", "even", "odd"]
QUERY_SUBSETS: tuple[QuerySubset, ...] = get_args(QuerySubset)
"""Subsets of the queries of a split: all, or those whose ID is an even or odd number."""

_SOURCE_PREFIX = "beir:"
_EXTENSIONS = ("", ".gz", ".xz", ".zst", ".bz2")


@dataclass(frozen=True, slots=True)
class RetrievalSet:
    """The queries and relevance judgments of one split.

    Attributes:
        folder: folder of the set.
        split: name of the split.
        query_subset: subset of the queries of the split.
        queries: texts of the judged queries by ID, in order of the file of the split.
        judgments: by query ID, the grade of each judged paper; grades from 1 on are relevant.
    """

    folder: Path
    split: str
    query_subset: QuerySubset
    queries: Mapping[str, str]
    judgments: Mapping[str, Mapping[str, int]]

    @classmethod
    def read(cls, folder: Path, split: str = "test", query_subset: QuerySubset = "all") -> Self:
        """Reads queries and judgments; ``iter_papers`` reads the papers.

        Args:
            folder: folder of the set.
            split: the split whose judgments are read.
            query_subset: one of QUERY_SUBSETS.

        Raises:
            InvalidValue: the folder, one of its files, the split or the queries of the subset are missing.
            SourceError: a file or a line that cannot be read.
        """
        if query_subset not in QUERY_SUBSETS:
            raise InvalidValue("queries", query_subset, f"choose one of {', '.join(QUERY_SUBSETS)}")
        if not folder.is_dir():
            raise InvalidValue("folder", str(folder), "there is no such folder; give a folder with corpus.jsonl")
        _find_file(folder, "corpus.jsonl")
        texts = dict(_read_queries(_find_file(folder, "queries.jsonl")))
        judgments: dict[str, dict[str, int]] = {}
        for query, paper, grade in _read_judgments(_find_qrels(folder, split)):
            if _in_subset(query, query_subset):
                judgments.setdefault(query, {})[paper] = grade
        if not judgments:
            raise InvalidValue("queries", query_subset, f"split {split} judges none of these queries; use all")
        missing = next((query for query in judgments if query not in texts), None)
        if missing is not None:
            raise InvalidValue("split", split, f"it judges query {missing}, which is not in queries.jsonl")
        return cls(folder, split, query_subset, {query: texts[query] for query in judgments}, judgments)

    def iter_papers(self) -> Iterator[Paper | SourceError]:
        """Reads the papers of the corpus. Merged papers keep all of their corpus IDs (``corpus_ids``)."""
        file = _find_file(self.folder, "corpus.jsonl")
        for number, fields in _read_objects(file):
            try:
                yield _parse_paper(fields)
            except MalformedRecord as error:
                yield SourceError(file.path, number, str(error))

    def read_corpus_info(self) -> "CorpusInfo":
        """Identifies the corpus; reads all of it."""
        digest, lines, file = hashlib.sha256(), 0, _find_file(self.folder, "corpus.jsonl")
        with _name_file_in_errors(file), file.open() as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
                lines += block.count(b"\n")
        return CorpusInfo(digest.hexdigest(), lines)


@dataclass(frozen=True, slots=True)
class CorpusInfo:
    """Identifies a corpus, whether its file is compressed or not.

    Attributes:
        sha256: SHA-256 of the decompressed file.
        lines: number of its lines, about one per paper.
    """

    sha256: str
    lines: int


def corpus_ids(paper: Paper) -> list[str]:
    """The corpus IDs of all records that were merged into a paper, in order."""
    return [source.removeprefix(_SOURCE_PREFIX) for source in paper.sources if source.startswith(_SOURCE_PREFIX)]


def _parse_paper(fields: dict[str, Json]) -> Paper:
    """Converts a line of corpus.jsonl.

    Raises:
        MalformedRecord: it lacks ``_id``, or both title and text.
    """
    metadata = fields.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    authors = metadata.get("authors")
    draft = Draft(
        _SOURCE_PREFIX + _require_text(fields, "_id"),
        title=_require_text(fields, "title", ""),
        abstract=_require_text(fields, "text", ""),
        authors=[str(name) for name in authors] if isinstance(authors, list) else [],
    )
    with suppress(ValueError):
        draft.published = Date.parse(str(metadata.get("published")))
    return draft.to_paper()


def _require_text(fields: dict[str, Json], name: str, default: str | None = None) -> str:
    value = fields.get(name, default)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise MalformedRecord(f"{name}: {str(value)[:60]!r} is not a string")
    return value


def _find_file(folder: Path, name: str) -> SourceFile:
    """Finds a file by its name without the extension of a compression format.

    Raises:
        InvalidValue: the file is missing.
    """
    for extension in _EXTENSIONS:
        if (path := folder / (name + extension)).is_file():
            return SourceFile(path, date.today())
    raise InvalidValue("folder", str(folder), f"it lacks {name} (or {name}.gz, .xz, .zst, .bz2)")


def _find_qrels(folder: Path, split: str) -> SourceFile:
    splits = sorted({path.name.partition(".")[0] for path in (folder / "qrels").glob("*.tsv*")})
    if split not in splits:
        available = f"the splits are {', '.join(splits)}" if splits else "there is no qrels/*.tsv"
        raise InvalidValue("split", split, f"in {folder}, {available}")
    return _find_file(folder / "qrels", f"{split}.tsv")


@contextmanager
def _name_file_in_errors(file: SourceFile) -> Iterator[None]:
    """Turns the errors of reading a damaged file into ``SourceError``."""
    try:
        yield
    except READ_ERRORS as error:
        raise SourceError(file.path, None, f"cannot be read to its end: {error}") from None


def _read_lines(file: SourceFile) -> Iterator[tuple[int, str]]:
    """Reads the lines that are not blank, with their numbers from 1."""
    with _name_file_in_errors(file):
        for number, line in file.lines():
            if line.strip():
                yield number, line


def _read_objects(file: SourceFile) -> Iterator[tuple[int, dict[str, Json]]]:
    for number, line in _read_lines(file):
        try:
            yield number, parse_json_object(line)
        except MalformedRecord as error:
            raise SourceError(file.path, number, str(error)) from None


def _read_queries(file: SourceFile) -> Iterator[tuple[str, str]]:
    for number, fields in _read_objects(file):
        try:
            yield _require_text(fields, "_id"), _require_text(fields, "text")
        except MalformedRecord as error:
            raise SourceError(file.path, number, str(error)) from None


def _read_judgments(file: SourceFile) -> Iterator[tuple[str, str, int]]:
    """Reads query ID, corpus ID and grade of each line after the header, which is optional."""
    for number, line in _read_lines(file):
        fields = line.rstrip("\r\n").split("\t")
        if number == 1 and fields[-1] == "score":
            continue
        try:
            query, paper, grade = fields
            yield query, paper, int(grade)
        except ValueError:
            reason = f"{line.strip()[:60]!r} is not a query ID, a corpus ID and a whole number, separated by tabs"
            raise SourceError(file.path, number, reason) from None


def _in_subset(query: str, query_subset: QuerySubset) -> bool:
    if query_subset == "all":
        return True
    if not query.isdecimal():
        raise InvalidValue("queries", query_subset, f"the ID of query {query!r} is not a number; use all")
    return (int(query) % 2 == 0) == (query_subset == "even")
