"""The counts and names of a collection are those of all its papers, in however many publications they came."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.milvus.author_buckets import AuthorData, IndexedName, merge_names, unpack_names
from search.milvus.buckets import BucketReader
from search.milvus.counts import Counts, first_name_key, pack, unpack
from search.milvus.data import DataStore
from search.milvus.segments import Segment, Segments, delete_segments
from search.papers.identifiers import hash_key

KEYS = [hash_key("test", str(number)) for number in range(60)]
NAMES = [f"{surname}|{given}" for surname in ("zhou", "liu", "wang", "o") for given in ("wei", "yang", "a", "")]
Publication = Sequence[tuple[Mapping[int, int], Sequence[tuple[str, int]]]]
"""Batches: counts by key, and names with their papers."""


class MemoryClient:
    """A collection of data in memory, with the calls of ``MilvusClient`` that ``DataStore`` uses."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.written = 0

    def upsert(self, _name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        self.values |= {row["name"]: row["value"] for row in rows}
        self.written += sum(len(row["value"]) for row in rows)

    def get(self, _name: str, ids: Sequence[str], **_options: Any) -> list[dict[str, str]]:
        return [{"name": each, "value": self.values[each]} for each in ids if each in self.values]

    def delete(self, _name: str, filter: str) -> None:  # noqa: A002
        for start in re.findall('name like "([^"]*)%"', filter):
            self.values = {each: value for each, value in self.values.items() if not each.startswith(start)}


@pytest.fixture(scope="module", autouse=True)
def small_parts() -> Iterator[None]:
    """Makes buckets, groups and segments so small that a test has several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("search.milvus.segments._ALWAYS_MERGED", 0)
        patch.setattr("search.milvus.segments._GROUP_BITS", 1)
        patch.setattr("search.milvus.counts.ENTRIES_PER_BUCKET", 3)
        patch.setattr("search.milvus.counts._READ_WHOLE", 2)
        patch.setattr("search.milvus.author_buckets._NAMES_PER_BUCKET", 3)
        yield


def read(client: MemoryClient, segments: Sequence[Segment]) -> tuple[Counts, AuthorData]:
    reader = BucketReader(DataStore(client, "data"), {"counts": unpack, "authors": unpack_names})
    return Counts(reader, [each.counts for each in segments]), AuthorData(reader, [each.authors for each in segments])


def add(segments: Segments, counts: Mapping[int, int], names: Sequence[tuple[str, int]]) -> None:
    found = merge_names([[IndexedName(key, key, key.upper(), papers)] for key, papers in names])
    segments.add(unpack(pack(counts)), found)


publications = st.lists(
    st.lists(
        st.tuples(
            st.dictionaries(st.sampled_from(KEYS), st.integers(1, 3), max_size=25),
            st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 3)), max_size=10),
        ),
        max_size=2,
    ),
    max_size=8,
)


@given(published=publications)
@settings(max_examples=60, deadline=None)
def test_counts_and_names_are_those_of_all_publications(published: list[Publication]) -> None:
    client = MemoryClient()
    before, number = tuple[Segment, ...](), 1
    counted, papers = Counter[int](), Counter[str]()
    for publication in published:
        segments = Segments(DataStore(client, "data"), before, number)
        for counts, names in publication:
            add(segments, counts, names)
            counted.update(counts)
            papers.update(dict.fromkeys((name for name, _ in names), 0))
            papers.update({name: sum(count for each, count in names if each == name) for name, _ in names})
        old, (old_counts, old_names) = before, read(client, before)
        expected = [old_counts.get(key) for key in KEYS], old_names.all()
        again_counts, again_names = read(client, old)  # a reader that has read nothing before the publication
        assert ([again_counts.get(key) for key in KEYS], again_names.all()) == expected
        delete_segments(DataStore(client, "data"), [each.number for each in segments.replaced])
        before, number = segments.current, segments.next_number
    counts, names = read(client, before)
    assert [counts.get(key) for key in KEYS] == [counted[key] for key in KEYS]
    assert {name.key: name.papers for name in names.all()} == dict(papers)
    for surnames in (["liu"], ["zhou", "o"]):
        found = {name.key: name.papers for name in names.with_surnames(surnames)}
        assert found == {key: count for key, count in papers.items() if key.partition("|")[0] in surnames}
    repeats = names.repeated_first_names({key.partition("|")[0] for key in NAMES})
    for given_name in ("wei", "yang", "a"):
        distinct = sum(key.endswith(f"|{given_name}") for key in papers)
        assert counts.get(first_name_key(given_name)) - repeats[first_name_key(given_name)] == distinct
    assert all(one.size > other.size for one, other in pairwise(before))
    listed = {name.rpartition("/")[0] for name in client.values}
    assert {name.rpartition("/")[0] for name in listed} <= {
        f"{k}/{s.number}" for s in before for k in ("counts", "authors")
    }


def test_what_a_publication_writes_depends_on_what_it_adds() -> None:
    client, before, number = MemoryClient(), tuple[Segment, ...](), 1

    def publish(keys: range) -> None:
        nonlocal before, number
        segments = Segments(DataStore(client, "data"), before, number)
        add(segments, {hash_key("test", str(key)): 1 for key in keys}, [(f"name{key}|a", 1) for key in keys])
        delete_segments(DataStore(client, "data"), [each.number for each in segments.replaced])
        before, number = segments.current, segments.next_number

    publish(range(4_000))
    whole, client.written = client.written, 0
    for first in range(4_000, 4_400, 20):
        publish(range(first, first + 20))
    assert client.written < whole  # of 20 publications of 20 papers each, whose own data is a tenth of it
    assert len(before) <= 4


def test_an_interrupted_publication_leaves_nothing_behind() -> None:
    client = MemoryClient()
    add(Segments(DataStore(client, "data"), (), 1), dict.fromkeys(KEYS, 9), [(name, 9) for name in NAMES])
    segments = Segments(DataStore(client, "data"), (), 1)  # the first one was never published
    add(segments, {KEYS[0]: 1}, [("liu|wei", 1)])
    counts, names = read(client, segments.current)
    assert [counts.get(key) for key in KEYS[:3]] == [1, 0, 0]
    assert [(name.key, name.papers) for name in names.all()] == [("liu|wei", 1)]
