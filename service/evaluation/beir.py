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

from indexer.sources.file import BROKEN, SourceFile
from indexer.sources.jsonl import json_object
from indexer.sources.record import Draft, Malformed
from search.errors import InvalidValue, SourceError
from search.papers.paper import Date, Json, Paper

Part = Literal["all", "even", "odd"]
PARTS: tuple[Part, ...] = get_args(Part)
"""Which queries of a split: all, or those whose number is even or odd."""

_SOURCE = "beir:"
_ENDINGS = ("", ".gz", ".xz", ".zst", ".bz2")


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
    part: Part
    queries: Mapping[str, str]
    relevant: Mapping[str, Mapping[str, int]]

    @classmethod
    def read(cls, folder: Path, split: str = "test", part: Part = "all") -> Self:
        """Reads queries and judgments; papers are read when they are asked for.

        Raises:
            InvalidValue: the folder is none or lacks a file, it has no such split, or the split no such queries.
            SourceError: a line that cannot be read.
        """
        if part not in PARTS:
            raise InvalidValue("queries", part, f"choose one of {', '.join(PARTS)}")
        if not folder.is_dir():
            raise InvalidValue("folder", str(folder), "there is no such folder; give one with corpus.jsonl in it")
        _file(folder, "corpus.jsonl")
        texts = dict(_queries(_file(folder, "queries.jsonl")))
        relevant: dict[str, dict[str, int]] = {}
        for query, paper, grade in _judgments(_qrels(folder, split)):
            if _in_part(query, part):
                relevant.setdefault(query, {})[paper] = grade
        if not relevant:
            raise InvalidValue("queries", part, f"the split {split} judges no such query; use all")
        missing = next((query for query in relevant if query not in texts), None)
        if missing is not None:
            raise InvalidValue("split", split, f"it judges query {missing}, which queries.jsonl does not hold")
        return cls(folder, split, part, {query: texts[query] for query in relevant}, relevant)

    def papers(self) -> Iterator[Paper | SourceError]:
        """The papers of the corpus. Their ids are among ``Paper.sources`` (``ids_of``): merging keeps them all."""
        file = _file(self.folder, "corpus.jsonl")
        for number, fields in _objects(file):
            try:
                yield _paper(fields)
            except Malformed as error:
                yield SourceError(file.path, number, str(error))

    def corpus(self) -> "Corpus":
        """Which papers these are; reads them all."""
        digest, lines, file = hashlib.sha256(), 0, _file(self.folder, "corpus.jsonl")
        try:
            with file.open() as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
                    lines += block.count(b"\n")
        except BROKEN as error:
            raise SourceError(file.path, None, f"cannot be read to its end: {error}") from None
        return Corpus(digest.hexdigest(), lines)


@dataclass(frozen=True, slots=True)
class Corpus:
    """The papers of a set as they are written, whether compressed or not.

    Attributes:
        sha256: of the file's content. lines: how many it has, about as many as papers.
    """

    sha256: str
    lines: int


def ids_of(paper: Paper) -> list[str]:
    """The ids in the corpus of all records that the paper was made of, in order."""
    return [source.removeprefix(_SOURCE) for source in paper.sources if source.startswith(_SOURCE)]


def _paper(fields: dict[str, Json]) -> Paper:
    """
    Raises:
        Malformed: it has no ``_id``, or neither title nor text.
    """
    about = fields.get("metadata")
    about = about if isinstance(about, dict) else {}
    authors = about.get("authors")
    draft = Draft(
        _SOURCE + _text(fields, "_id"),
        title=_text(fields, "title", ""),
        abstract=_text(fields, "text", ""),
        authors=[str(name) for name in authors] if isinstance(authors, list) else [],
    )
    with suppress(ValueError):
        draft.published = Date.parse(str(about.get("published")))
    return draft.paper()


def _text(fields: dict[str, Json], name: str, absent: str | None = None) -> str:
    value = fields.get(name, absent)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise Malformed(f"{name}: {str(value)[:60]!r} is not a text")
    return value


def _file(folder: Path, name: str) -> SourceFile:
    """The file of this name, compressed or not.

    Raises:
        InvalidValue: it is not there.
    """
    for ending in _ENDINGS:
        if (path := folder / (name + ending)).is_file():
            return SourceFile(path, date.today())
    raise InvalidValue("folder", str(folder), f"it has no {name}, nor {name}.gz, .xz, .zst or .bz2")


def _qrels(folder: Path, split: str) -> SourceFile:
    splits = sorted({path.name.partition(".")[0] for path in (folder / "qrels").glob("*.tsv*")})
    if split not in splits:
        there = f"it has {', '.join(splits)}" if splits else "it has no qrels/*.tsv"
        raise InvalidValue("split", split, f"{folder}: {there}")
    return _file(folder / "qrels", f"{split}.tsv")


def _objects(file: SourceFile) -> Iterator[tuple[int, dict[str, Json]]]:
    try:
        for number, line in file.lines():
            if line.strip():
                try:
                    yield number, json_object(line)
                except Malformed as error:
                    raise SourceError(file.path, number, str(error)) from None
    except BROKEN as error:
        raise SourceError(file.path, None, f"cannot be read to its end: {error}") from None


def _queries(file: SourceFile) -> Iterator[tuple[str, str]]:
    for number, fields in _objects(file):
        try:
            yield _text(fields, "_id"), _text(fields, "text")
        except Malformed as error:
            raise SourceError(file.path, number, str(error)) from None


def _judgments(file: SourceFile) -> Iterator[tuple[str, str, int]]:
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


def _in_part(query: str, part: Part) -> bool:
    if part == "all":
        return True
    if not query.isdecimal():
        raise InvalidValue("queries", part, f"query {query!r} has no number, so it is neither; use all")
    return (int(query) % 2 == 0) == (part == "even")
