"""Publications of a collection of Milvus Lite: one that is killed leaves the old state or the new one."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np
import orjson
import pytest

from fake_embedder import FakeEmbedder
from search.errors import IndexBusy, IndexUnavailable
from search.index.lexicon import create_analyzer
from search.milvus.collection import Collection
from search.milvus.data import DataStore
from search.milvus.filters import Filters
from search.milvus.manifest import CollectionManifest
from search.milvus.records import LongPapers
from search.milvus.schema import DATA_SUFFIX, LITE
from search.milvus.writer import CollectionWriter
from search.papers.paper import Paper
from search.query.condition import Author, ContainsText

pymilvus = pytest.importorskip("pymilvus", reason="pymilvus is not installed: pip install 'papers-search[milvus]'")
pytest.importorskip("milvus_lite", reason="milvus-lite is not installed: pip install 'papers-search[milvus]'")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    opened = pymilvus.MilvusClient(str(tmp_path_factory.mktemp("milvus") / "papers.db"))
    yield opened
    opened.close()


class Killed(BaseException):
    """Ends a process."""


class KillingClient:
    """A connection of a process that is killed before a write of data."""

    def __init__(self, client: Any, writes: int) -> None:
        self._client, self._left = client, writes

    def upsert(self, *arguments: Any, **options: Any) -> Any:
        return self._write(self._client.upsert, *arguments, **options)

    def delete(self, *arguments: Any, **options: Any) -> Any:
        return self._write(self._client.delete, *arguments, **options)

    def _write(self, call: Any, *arguments: Any, **options: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise Killed
        return call(*arguments, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def write_paper(client: Any, name: str, row: int) -> None:
    """Writes one more paper by Wei Zhang about attention."""
    embedder = FakeEmbedder()
    paper = Paper(ids=(f"arxiv:2401.{row:05}",), title=f"Attention {row}", authors=("Wei Zhang", f"Author {row}"))
    writer = CollectionWriter.open(client, name, embedder.model, LITE)
    writer.write([row], [paper], np.asarray(embedder.encode([paper.text])))
    writer.close()


def publish(client: Any, name: str, generation: str) -> CollectionManifest:
    writer = CollectionWriter.open(client, name, FakeEmbedder().model, LITE)
    manifest = writer.publish(generation)
    writer.close()
    return manifest


def end_process(client: Any, name: str) -> None:
    """Deletes the lease of a killed writer, as the next one does when its process has ended."""
    DataStore(client, name + DATA_SUFFIX).delete(["writer"])


def load(client: Any, name: str) -> CollectionManifest:
    return CollectionManifest.load(DataStore(client, name + DATA_SUFFIX), name)


def count_papers(client: Any, name: str, manifest: CollectionManifest) -> int:
    """Returns the number of papers, after checking that all counts agree with it."""
    collection = Collection(client, name, LITE, manifest)
    filters = Filters(collection, create_analyzer(100))
    papers = collection.count("row >= 0")
    assert papers == manifest.papers == filters.words.doc_freq("attent")
    assert collection.count(filters.expression(ContainsText("attention"))) == papers
    assert collection.count(filters.expression(Author("Zhang, Wei"))) == papers
    assert filters.authors.count_papers(["zhang|wei"]) == [papers]
    return papers


def test_a_publication_that_is_killed_leaves_the_old_state_or_the_new_one(client: Any) -> None:
    write_paper(client, "killed", 0)
    publish(client, "killed", "gen-0")
    states = set()
    for writes in count():
        papers = load(client, "killed").papers
        write_paper(client, "killed", papers)
        try:
            publish(KillingClient(client, writes), "killed", f"gen-{writes}")
        except Killed:
            end_process(client, "killed")
            found = count_papers(client, "killed", load(client, "killed"))
            states.add(found - papers)
            if found == papers:
                publish(client, "killed", f"gen-{writes}-again")
            assert count_papers(client, "killed", load(client, "killed")) == papers + 1
        else:
            break
    assert states == {0, 1}


def test_a_reader_of_the_generation_before_still_finds_its_counts(client: Any) -> None:
    write_paper(client, "read", 0)
    first = publish(client, "read", "gen-1")
    write_paper(client, "read", 1)
    second = publish(client, "read", "gen-2")
    assert count_papers(client, "read", first) == 1
    assert count_papers(client, "read", second) == 2


def test_a_manifest_of_format_1_is_read_and_its_counts_are_merged(client: Any) -> None:
    write_paper(client, "older", 0)
    manifest = publish(client, "older", "gen-1")
    data = DataStore(client, "older" + DATA_SUFFIX)
    fields = orjson.loads(data.get([manifest.name])[manifest.name])
    (segment,) = fields.pop("segments")
    del segment["counts"]["entries"], fields["next_segment"], fields["replaced"]
    data.put({manifest.name: orjson.dumps({**fields, **segment, "format": 1})})
    assert count_papers(client, "older", load(client, "older")) == 1
    write_paper(client, "older", 1)
    publish(client, "older", "gen-2")
    assert count_papers(client, "older", load(client, "older")) == 2


def make_paper(number: int) -> Paper:
    return Paper(ids=(f"arxiv:2402.{number:05}",), title=f"Attention {number}", authors=("Wei Zhang",))


def write_rows(writer: CollectionWriter, rows: range, first_number: int) -> None:
    papers = [make_paper(first_number + row) for row in rows]
    writer.write(rows, papers, np.asarray(FakeEmbedder().encode([paper.text for paper in papers])))


def test_a_writer_that_lost_its_lease_overwrites_nothing(client: Any) -> None:
    late = CollectionWriter.open(client, "displaced", FakeEmbedder().model, LITE)
    end_process(client, "displaced")  # as if it had not renewed its lease for too long
    other = CollectionWriter.open(client, "displaced", FakeEmbedder().model, LITE)
    write_rows(other, range(3), 0)
    manifest = other.publish("gen-1")
    other.close()
    with pytest.raises(IndexBusy, match="another process has begun to write it"):
        write_rows(late, range(3), 100)
    found = Collection(client, "displaced", LITE, manifest).find("row >= 0")
    assert [each.paper.id for each in found] == [f"arxiv:2402.{number:05}" for number in range(3)]
    late.close()


def test_papers_that_milvus_has_lost_are_not_published(client: Any) -> None:
    writer = CollectionWriter.open(client, "lost", FakeEmbedder().model, LITE)
    write_rows(writer, range(3), 0)
    write_rows(writer, range(3, 6), 0)
    client.delete("lost", ids=[4])
    with pytest.raises(IndexUnavailable, match="it has 5 of 6 papers that were written; repeat the command"):
        writer.publish("gen-1")
    writer.close()
    again = CollectionWriter.open(client, "lost", FakeEmbedder().model, LITE)
    assert again.next_row == 3  # the second batch is written again
    write_rows(again, range(3, 6), 0)
    assert count_papers(client, "lost", again.publish("gen-1")) == 6
    again.close()


def test_what_a_killed_import_wrote_of_a_row_is_replaced(client: Any) -> None:
    write_paper(client, "long", 0)
    long = LongPapers(DataStore(client, "long" + DATA_SUFFIX))
    long.put(range(2_000), {3: {"paper": {"title": "Old"}, "records": None}, 1_500: {"paper": None, "records": []}})
    long.put(range(3, 5), {4: {"paper": {"title": "New"}, "records": None}})
    assert sorted(long.get(range(2_000))) == [4, 1_500]
