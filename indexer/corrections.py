"""Corrections: the user decides that two papers are one, or that the records of a paper describe several."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import combinations, product
from pathlib import Path

from indexer.build import publish
from indexer.database import named_errors
from indexer.decisions import Decision
from indexer.doctor import LazyEmbedder
from indexer.generations import find_layout, find_model
from indexer.identity import Relation, compare, content_id, share_unique_id
from indexer.writer import IndexWriter
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity
from search.errors import IndexDamaged, InvalidValue, PaperNotFound
from search.index.json_object import REPAIR_HINT
from search.index.layout import Manifest
from search.index.store import PaperStore
from search.papers import identifiers
from search.papers.fingerprint import title_key
from search.papers.identifiers import preference_key
from search.papers.paper import Paper

_Records = Mapping[str, Paper]
"""Records by their JSON text."""


def merge_papers(
    directory: Path, paper_ids: tuple[str, str], load: Callable[[ModelIdentity], Embedder]
) -> tuple[Manifest, list[Paper]]:
    """Makes two papers one, whatever their records say, and publishes the result.

    Args:
        directory: The index.
        paper_ids: Any IDs of the two papers.
        load: Loads the embedder of the index's model; not called if no new text has to be embedded.

    Returns:
        The manifest, and the paper.

    Raises:
        PaperNotFound: No paper has one of the IDs.
        InvalidValue: Both are IDs of the same paper, or several papers have one of them.
        IndexBusy: Another process is writing the index.
    """
    with _open_writer(directory, load) as writer:
        (first, one), (second, other) = (_find_paper(writer, paper_id) for paper_id in paper_ids)
        if first == second:
            raise InvalidValue("other", paper_ids[1], f"it is the same paper, {first.id}; give the ID of another one")
        between = writer.decisions.between(one.values(), other.values())
        withdrawn = [Decision(a, b, "open") for a, b, verdict in between if verdict == "different"]
        return _publish(writer, [*withdrawn, Decision(first.id, second.id, "same")], {**one, **other})


def split_paper(
    directory: Path, paper_id: str, load: Callable[[ModelIdentity], Embedder]
) -> tuple[Manifest, list[Paper]]:
    """Divides a paper into those that its IDs name or, if its records share a DOI, those that its titles name.

    Records with the same ID of arXiv, PubMed, PubMed Central or the ACL Anthology are versions of one paper, whatever
    their texts say, and stay together.

    Args:
        directory: The index.
        paper_id: Any ID of the paper.
        load: Loads the embedder of the index's model; not called if no new text has to be embedded.

    Returns:
        The manifest, and the papers that the records belong to now.

    Raises:
        PaperNotFound: No paper has the ID.
        InvalidValue: The records are versions of one paper, or several papers have the ID.
        IndexBusy: Another process is writing the index.
    """
    with _open_writer(directory, load) as writer:
        paper, records = _find_paper(writer, paper_id)
        names = _name_parts(list(records.values()))
        if len(names) == 1:
            raise InvalidValue("paper_id", paper_id, _describe_whole(paper, list(records.values())))
        between = writer.decisions.between(records.values(), records.values())
        withdrawn = [Decision(a, b, "open") for a, b, verdict in between if verdict == "same"]
        different = [
            Decision(*pair, "different") for one, other in combinations(names, 2) for pair in product(one, other)
        ]
        return _publish(writer, [*withdrawn, *different], records)


@contextlib.contextmanager
def _open_writer(directory: Path, load: Callable[[ModelIdentity], Embedder]) -> Iterator[IndexWriter]:
    """Opens an existing index for writing.

    Raises:
        IndexMissing: There is no index.
    """
    layout = find_layout(directory)
    layout.published_generation()
    model = find_model(layout)
    if model is None:
        raise IndexDamaged(directory, f"the model of its vectors is unknown; {REPAIR_HINT}")
    with named_errors(layout), IndexWriter(directory, LazyEmbedder(model, load)) as writer:
        yield writer


def _find_paper(writer: IndexWriter, paper_id: str) -> tuple[Paper, _Records]:
    """Returns the paper that has an ID, in any usual spelling, and its records.

    Raises:
        PaperNotFound: No paper has the ID.
        InvalidValue: Several papers have it.
    """
    parsed = identifiers.parse(paper_id)
    found = writer.find_papers(parsed.id) if parsed else []
    if not found:
        raise PaperNotFound(paper_id, "search for its title instead")
    if len(found) > 1:
        allowed = f"several papers have it; give one of {', '.join(paper.id for paper, _ in found)}"
        raise InvalidValue("paper_id", paper_id, allowed)
    return found[0]


def _publish(writer: IndexWriter, decisions: Sequence[Decision], records: _Records) -> tuple[Manifest, list[Paper]]:
    """Applies decisions about records, and publishes; returns the manifest and the papers that changed."""
    first = writer.rows
    writer.decide(decisions, records)
    writer.flush()
    manifest = publish(writer)
    with closing(PaperStore(writer.layout.store, writer.rows)) as store:
        return manifest, store.get(range(first, writer.rows))


def _name_parts(records: Sequence[Paper]) -> list[list[str]]:
    """Returns names of the records of each paper that they describe: IDs that no other part has, or content IDs."""
    parts = _connect(records, lambda one, other: compare(one, other) is Relation.SHARED_ID)
    if len(parts) == 1:
        parts = _connect(records, _are_versions)
        parts = parts if sum(any(record.title for record in part) for part in parts) > 1 else [list(records)]
    counts = Counter(paper_id for part in parts for paper_id in {each for record in part for each in record.ids})
    return [
        sorted(
            {
                min((each for each in record.ids if counts[each] == 1), key=preference_key, default="")
                or content_id(record)
                for record in part
            }
        )
        for part in parts
    ]


def _are_versions(one: Paper, other: Paper) -> bool:
    """Whether two records have an ID that only one paper has, or equal titles; a DOI may be that of a book."""
    if share_unique_id(one, other):
        return True
    return bool(one.title and other.title) and title_key(one.title or "") == title_key(other.title or "")


def _describe_whole(paper: Paper, records: Sequence[Paper]) -> str:
    """Why a paper cannot be split, and what else is possible."""
    if len(records) == 1:
        return f"{paper.id} has only one record; there is nothing to split"
    shared = next((each for each in paper.ids if all(each in record.ids for record in records)), None)
    reason = f"have the ID {shared}" if shared else "are connected by their IDs or have the same title"
    return (
        f"all {len(records):,} records of {paper.id} {reason}, so they are versions of one paper (papers show lists "
        "earlier ones); if a file has the wrong ID for a record, run: papers remove --source FILE, correct the ID, "
        "and run: papers index FILE --restore"
    )


def _connect(records: Sequence[Paper], is_same: Callable[[Paper, Paper], bool]) -> list[list[Paper]]:
    """Divides records into the connected components of a relation."""
    parts: list[list[Paper]] = []
    for record in records:
        joined = [part for part in parts if any(is_same(record, each) for each in part)]
        parts = [part for part in parts if part not in joined] + [[record, *(each for part in joined for each in part)]]
    return parts
