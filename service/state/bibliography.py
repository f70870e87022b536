"""Bibliographies: the papers of a file of references, as the index has them where it does."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from indexer import sources
from indexer.identity import ensure_id
from indexer.related import find_described_paper
from indexer.sources.file import SourceFile
from search.errors import SourceError
from search.papers.paper import Paper
from search.session import Session


@dataclass(frozen=True, slots=True)
class Bibliography:
    """What a file contains.

    Attributes:
        papers: its papers in order, each once; as the index has them if it does.
        missing: how many of them are not in the index.
        skipped: the records that cannot be read.
    """

    papers: tuple[Paper, ...]
    missing: int
    skipped: tuple[SourceError, ...]


def read_bibliography(path: Path, session: Session, format_name: str = "") -> Bibliography:
    """Reads a file in any format that can be imported.

    Args:
        path: the file.
        session: the index that its papers are looked up in.
        format_name: one of ``indexer.sources.FORMATS``; empty to detect it.
    """
    papers: dict[str, Paper] = {}
    missing, skipped = set(), []
    for record in sources.read(SourceFile(path, date.today(), format_name)):
        if isinstance(record, SourceError):
            skipped.append(record)
            continue
        found = find_described_paper(session.snapshot, record)
        paper = found or ensure_id(record)
        papers.setdefault(paper.id, paper)
        if found is None:
            missing.add(paper.id)
    return Bibliography(tuple(papers.values()), len(missing), tuple(skipped))
