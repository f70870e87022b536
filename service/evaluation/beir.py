"""Retrieval sets in BEIR layout (Thakur and others, "BEIR", NeurIPS Datasets 2021): papers, queries, and which papers
answer which query.

    SET/
      corpus.jsonl      _id title text, one paper a line; authors and published in metadata where they are known
      queries.jsonl     _id text
      qrels/SPLIT.tsv   query-id corpus-id score, after a heading

Any of the files may be compressed as ``indexer.sources`` reads it (.gz, .xz, .zst, .bz2).
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal, Self, get_args

from indexer.sources.file import READ_ERRORS, SourceFile
from indexer.sources.jsonl import parse_json_object
from indexer.sources.record import Draft, MalformedRecord
from search.errors import InvalidValue, SourceError
from search.papers.paper import Date, Json, Paper

QuerySubset = Literal["all", "even", "odd"]
QUERY_SUBSETS: tuple[QuerySubset, ...] = get_args(QuerySubset)
"""Which queries of a split: all, or those whose number is even or odd."""

_SOURCE_PREFIX = "beir:"
_EXTENSIONS = ("", ".gz", ".xz", ".zst", ".bz2")


@dataclass(frozen=True, slots=True)
class RetrievalSet:
    """The queries of one split and what answers them.

    Attributes:
        folder: where the set lies. split: whose queries these are. part: which of them.
        queries: by id, in order of the split's file; only queries that it judges.
        relevant: by query, the grade of each paper that was judged; from 1 on it answers.
    """

    folder: Path
    split: str
    query_subset: QuerySubset
    queries: Mapping[str, str]
    judgments: Mapping[str, Mapping[str, int]]

    @classmethod
    def read(cls, folder: Path, split: str = "test", query_subset: QuerySubset = "all") -> Self:
        """Reads queries and judgments; papers are read when they are asked for.

        Raises:
            InvalidValue: the folder is none or lacks a file, it has no such split, or the split no such queries.
            SourceError: a line that cannot be read.
        """
        if query_subset not in QUERY_SUBSETS:
            raise InvalidValue("queries", query_subset, f"choose one of {', '.join(QUERY_SUBSETS)}")
        if not folder.is_dir():
            raise InvalidValue("folder", str(folder), "there is no such folder; give one with corpus.jsonl in it")
        _find_file(folder, "corpus.jsonl")
        texts = dict(_read_queries(_find_file(folder, "queries.jsonl")))
        relevant: dict[str, dict[str, int]] = {}
        for query, paper, grade in _read_judgments(_find_qrels(folder, split)):
            if _in_subset(query, query_subset):
                relevant.setdefault(query, {})[paper] = grade
        if not relevant:
            raise InvalidValue("queries", query_subset, f"the split {split} judges no such query; use all")
        missing = next((query for query in relevant if query not in texts), None)
        if missing is not None:
            raise InvalidValue("split", split, f"it judges query {missing}, which queries.jsonl does not hold")
        return cls(folder, split, query_subset, {query: texts[query] for query in relevant}, relevant)

    def iter_papers(self) -> Iterator[Paper | SourceError]:
        """The papers of the corpus. Their ids are among ``Paper.sources`` (``ids_of``): merging keeps them all."""
        file = _find_file(self.folder, "corpus.jsonl")
        for number, fields in _read_objects(file):
            try:
                yield _parse_paper(fields)
            except MalformedRecord as error:
                yield SourceError(file.path, number, str(error))

    def read_corpus_info(self) -> "CorpusInfo":
        """Which papers these are; reads them all."""
        digest, lines, file = hashlib.sha256(), 0, _find_file(self.folder, "corpus.jsonl")
        try:
            with file.open() as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
                    lines += block.count(b"\n")
        except READ_ERRORS as error:
            raise SourceError(file.path, None, f"cannot be read to its end: {error}") from None
        return CorpusInfo(digest.hexdigest(), lines)


@dataclass(frozen=True, slots=True)
class CorpusInfo:
    """The papers of a set as they are written, whether compressed or not.

    Attributes:
        sha256: of the file's content. lines: how many it has, about as many as papers.
    """

    sha256: str
    lines: int


def corpus_ids(paper: Paper) -> list[str]:
    """The ids in the corpus of all records that the paper was made of, in order."""
    return [source.removeprefix(_SOURCE_PREFIX) for source in paper.sources if source.startswith(_SOURCE_PREFIX)]


def _parse_paper(fields: dict[str, Json]) -> Paper:
    """
    Raises:
        Malformed: it has no ``_id``, or neither title nor text.
    """
    about = fields.get("metadata")
    about = about if isinstance(about, dict) else {}
    authors = about.get("authors")
    draft = Draft(
        _SOURCE_PREFIX + _require_text(fields, "_id"),
        title=_require_text(fields, "title", ""),
        abstract=_require_text(fields, "text", ""),
        authors=[str(name) for name in authors] if isinstance(authors, list) else [],
    )
    with suppress(ValueError):
        draft.published = Date.parse(str(about.get("published")))
    return draft.to_paper()


def _require_text(fields: dict[str, Json], name: str, default: str | None = None) -> str:
    value = fields.get(name, default)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise MalformedRecord(f"{name}: {str(value)[:60]!r} is not a text")
    return value


def _find_file(folder: Path, name: str) -> SourceFile:
    """The file of this name, compressed or not.

    Raises:
        InvalidValue: it is not there.
    """
    for ending in _EXTENSIONS:
        if (path := folder / (name + ending)).is_file():
            return SourceFile(path, date.today())
    raise InvalidValue("folder", str(folder), f"it has no {name}, nor {name}.gz, .xz, .zst or .bz2")


def _find_qrels(folder: Path, split: str) -> SourceFile:
    splits = sorted({path.name.partition(".")[0] for path in (folder / "qrels").glob("*.tsv*")})
    if split not in splits:
        there = f"it has {', '.join(splits)}" if splits else "it has no qrels/*.tsv"
        raise InvalidValue("split", split, f"{folder}: {there}")
    return _find_file(folder / "qrels", f"{split}.tsv")


def _read_objects(file: SourceFile) -> Iterator[tuple[int, dict[str, Json]]]:
    try:
        for number, line in file.lines():
            if line.strip():
                try:
                    yield number, parse_json_object(line)
                except MalformedRecord as error:
                    raise SourceError(file.path, number, str(error)) from None
    except READ_ERRORS as error:
        raise SourceError(file.path, None, f"cannot be read to its end: {error}") from None


def _read_queries(file: SourceFile) -> Iterator[tuple[str, str]]:
    for number, fields in _read_objects(file):
        try:
            yield _require_text(fields, "_id"), _require_text(fields, "text")
        except MalformedRecord as error:
            raise SourceError(file.path, number, str(error)) from None


def _read_judgments(file: SourceFile) -> Iterator[tuple[str, str, int]]:
    """Query, paper and grade of each line; a heading is passed over."""
    for number, line in file.lines():
        fields = line.rstrip("\r\n").split("\t")
        if not line.strip() or (number == 1 and fields[-1] == "score"):
            continue
        try:
            query, paper, grade = fields
            yield query, paper, int(grade)
        except ValueError:
            what = f"{line.strip()[:60]!r} is not a query, a paper and a whole number between tabs"
            raise SourceError(file.path, number, what) from None


def _in_subset(query: str, query_subset: QuerySubset) -> bool:
    if query_subset == "all":
        return True
    if not query.isdecimal():
        raise InvalidValue("queries", query_subset, f"query {query!r} has no number, so it is neither; use all")
    return (int(query) % 2 == 0) == (query_subset == "even")
