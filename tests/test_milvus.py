"""A collection of Milvus Lite finds the same papers as the local index, whatever the filter."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from search.errors import IndexBusy, IndexUnavailable, InvalidValue
from search.index.lexicon import create_analyzer
from search.index.snapshot import Snapshot
from search.milvus.backend import MilvusBackend
from search.milvus.collection import Collection
from search.milvus.copying import copy_snapshot
from search.milvus.filters import Filters
from search.milvus.keys import KeyArrays
from search.milvus.requests import Requests, RequestTuning
from search.milvus.schema import LITE, Dialect
from search.milvus.writer import CollectionWriter
from search.papers.paper import Paper
from search.query.condition import AllOf, AnyOf, Author, Category, Condition, ContainsText, HasId, InRows, Not
from search.query.page import Page
from search.query.sort import FieldOrder
from search.searcher import Searcher
from search.session import Session
from strategies import MakeSearcher, conditions

pymilvus = pytest.importorskip("pymilvus", reason="pymilvus is not installed: pip install 'papers-search[milvus]'")
pytest.importorskip("milvus_lite", reason="milvus-lite is not installed: pip install 'papers-search[milvus]'")

ARRAYS = Dialect(KeyArrays(), "FLOAT_VECTOR", "FLAT")
"""The lists of keys of a server, which Milvus Lite evaluates as well, if slowly."""
NAMES = [
    ["Wei Zhang", "Liu Yang"],
    ["Yang Liu", "Wei Zhang"],
    ["Zhang Wei"],
    ["W. Zhang", "Müller, Jürgen"],
    ["Jurgen Mueller"],
    ["王小明", "Xiaoming Wang"],
    ["Rens van de Schoot"],
    ["Gabriel García Márquez", "A. d'Aspremont"],
    ["YANG LIU"],
    ["Wei-Qiang Zhang"],
]
TITLES = [
    "U-Net for 100% of 'cases'",
    'A "quoted" title \\ with_marks',
    "WHO guidelines and who reads them",
    "预训练语言模型 for C++",
    "A data set of datasets",
    "LLMs and an LLM",
    "k-means, C# and .NET",
    "ΛCDM and CO₂",
    "ÜBER die Größe",
    "The network net work",
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    opened = pymilvus.MilvusClient(str(tmp_path_factory.mktemp("milvus") / "papers.db"))
    yield opened
    opened.close()


@pytest.fixture(scope="module", params=[LITE, ARRAYS], ids=["texts", "arrays"])
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return request.param  # type: ignore[no-any-return]


def local_snapshot(searcher: Searcher) -> Snapshot:
    snapshot = searcher.snapshot
    assert isinstance(snapshot, Snapshot)
    return snapshot


def copy(client: Any, snapshot: Snapshot, name: str, dialect: Dialect) -> tuple[Collection, Filters]:
    """Copies papers in three publications, whose counts and names stay in segments of their own."""
    rows = len(snapshot.columns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("search.milvus.segments._ALWAYS_MERGED", 0)
        patch.setattr("search.milvus.segments._RATIO", 0)
        for limit in (rows // 2, rows * 3 // 4, rows):
            manifest = copy_snapshot(snapshot, client, name, dialect, limit=limit)
    assert len(manifest.segments) == 3 or rows == 0
    collection = Collection(client, name, dialect, manifest)
    return collection, Filters(collection, create_analyzer(1_000))


def count(copied: tuple[Collection, Filters], condition: Condition) -> int:
    collection, filters = copied
    return collection.count(filters.expression(condition))


@pytest.fixture(scope="module")
def random_texts(client: Any, random_searcher: Searcher) -> tuple[Collection, Filters]:
    return copy(client, local_snapshot(random_searcher), "random_texts", LITE)


@pytest.fixture(scope="module")
def random_copy(client: Any, random_searcher: Searcher, dialect: Dialect) -> tuple[Collection, Filters]:
    name = "random_arrays" if dialect.keys.is_array else "random_texts"
    return copy(client, local_snapshot(random_searcher), name, dialect)


@given(condition=conditions)
@settings(max_examples=60, deadline=None)
def test_a_filter_matches_as_many_papers_as_in_the_local_index(
    random_searcher: Searcher, random_copy: tuple[Collection, Filters], condition: Condition
) -> None:
    assert count(random_copy, condition) == len(local_snapshot(random_searcher).rows_matching(condition))


@pytest.mark.parametrize("order", ["newest", "oldest", "citations", "added"])
@pytest.mark.parametrize("k", [1, 7, 40, 299])
@pytest.mark.parametrize("condition", [AllOf(()), Category("cs"), Not(Category("cs.IR"))], ids=str)
def test_papers_of_a_large_set_are_in_the_order_of_the_local_index(
    random_searcher: Searcher,
    random_texts: tuple[Collection, Filters],
    monkeypatch: pytest.MonkeyPatch,
    condition: Condition,
    order: FieldOrder,
    k: int,
) -> None:
    monkeypatch.setattr("search.milvus.sorting.MAX_WHOLE_SET", 3)
    snapshot, collection = local_snapshot(random_searcher), random_texts[0]
    backend = MilvusBackend(collection)
    before = collection.round_trips
    found = backend.columns.sort(backend.rows_matching(condition), k, order)
    assert collection.round_trips - before <= 2
    assert found.tolist() == snapshot.columns.sort(snapshot.rows_matching(condition), k, order).tolist()


@pytest.fixture(scope="module")
def peculiar(client: Any, make_searcher: MakeSearcher) -> tuple[Snapshot, tuple[Collection, Filters]]:
    records: list[dict[str, object]] = [
        {"title": title, "authors": names, "abstract": f"Abstract of {title}", "categories": ["cs.CL", "x'%_\\"]}
        for title, names in zip(TITLES, NAMES, strict=True)
    ]
    snapshot = local_snapshot(make_searcher(records))
    return snapshot, copy(client, snapshot, "peculiar", LITE)


PECULIAR = [
    *(ContainsText(text, phrase=phrase) for text in TITLES for phrase in (False, True)),
    *(
        ContainsText(text)
        for text in ("WHO", "who", "of the", "dataset", "LLM", "llms", "语言", "模", "C++", "unet", "%")
    ),
    *(ContainsText(text, "title", phrase=True) for text in ("语言模", "net work", "network", "100% of", "with_marks")),
    *(Author(name) for names in NAMES for name in names),
    *(Author(name, "first", exact=True) for names in NAMES for name in names),
    *(
        Author(name, "last")
        for name in ("Zhang", "Liu, Y", "Mueller", "Muller", "Aspremont", "García", "Nobody", "W Z")
    ),
    Category("x'%_\\"),
    Category("x'%_\\", primary=True),
    Category("cs", primary=True),
    HasId("arxiv:2401.00003"),
    HasId("' or row >= 0 or '"),
    InRows((1, 3), "theme"),
    InRows((), "theme"),
    Not(AllOf(())),
    Not(AnyOf(())),
    AnyOf((AllOf(()), Category("cs"))),
]


@pytest.mark.parametrize("condition", PECULIAR, ids=str)
def test_peculiar_texts_and_names_match_as_in_the_local_index(
    peculiar: tuple[Snapshot, tuple[Collection, Filters]], condition: Condition
) -> None:
    snapshot, copied = peculiar
    expected = count_or_error(lambda: len(snapshot.rows_matching(condition)))
    assert count_or_error(lambda: count(copied, condition)) == expected


def count_or_error(call: Callable[[], int]) -> int | str:
    try:
        return call()
    except InvalidValue as error:
        return str(error)


def test_an_import_goes_on_where_it_stopped_and_counts_a_batch_once(client: Any, random_searcher: Searcher) -> None:
    snapshot = local_snapshot(random_searcher)
    writer = CollectionWriter.open(client, "resumed", snapshot.model, LITE)
    for _ in range(2):
        rows = np.arange(100)
        writer.write(rows.tolist(), snapshot.store.get(rows.tolist()), snapshot.vectors.get_vectors(rows))
    with pytest.raises(IndexBusy, match="is writing it"):
        CollectionWriter.open(client, "resumed", snapshot.model, LITE)
    writer.close()
    again = CollectionWriter.open(client, "resumed", snapshot.model, LITE)
    assert again.next_row == 100
    again.close()
    manifest = copy_snapshot(snapshot, client, "resumed", LITE)
    whole = copy_snapshot(snapshot, client, "whole", LITE)
    assert manifest.lengths == whole.lengths
    assert manifest.papers == whole.papers == len(snapshot.live)
    resumed, other = (Collection(client, name, LITE, manifest) for name in ("resumed", "whole"))
    for word in ("attent", "cach", "galaxi"):
        one, two = (Filters(each, create_analyzer(100)).words.doc_freq(word) for each in (resumed, other))
        assert one == two > 0


def test_a_search_finds_papers_from_publication_to_removal(client: Any) -> None:
    from fake_embedder import FakeEmbedder

    embedder = FakeEmbedder()
    papers = [Paper(ids=(f"arxiv:2401.{number:05}",), title=f"Attention {number}") for number in range(4)]
    writer = CollectionWriter.open(client, "changing", embedder.model, LITE)

    def titles(word: str) -> list[str | None]:
        collection = Collection(client, "changing", LITE, manifest)
        filters = Filters(collection, create_analyzer(100))
        assert filters.words.doc_freq("attent") == manifest.papers == collection.count("row >= 0")
        return [found.paper.title for found in collection.find(filters.expression(ContainsText(word)))]

    writer.write([0, 1], papers[:2], embedder.encode([paper.text for paper in papers[:2]]))
    manifest = writer.publish("gen-1")
    assert titles("attention") == ["Attention 0", "Attention 1"]
    writer.write([2, 3], papers[2:], embedder.encode([paper.text for paper in papers[2:]]))
    assert titles("attention") == ["Attention 0", "Attention 1"]
    for row in (1, 3):
        writer.write([], [], embedder.encode([]), replaced={row: papers[row]})
    assert writer.replaced_rows() == [1, 3]
    manifest = writer.publish("gen-2")
    assert titles("attention") == ["Attention 0", "Attention 2"]
    writer.close()
    reopened = CollectionWriter.open(client, "changing", embedder.model, LITE)
    assert (reopened.next_row, reopened.replaced_rows()) == (4, [])
    reopened.close()


class Unreliable:
    """A connection that fails in the searches of some fields."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.failing: set[str] = set()

    def search(self, *arguments: Any, anns_field: str, **options: Any) -> Any:
        if anns_field in self.failing:
            raise pymilvus.MilvusException(2, "the server is away")
        return self._client.search(*arguments, anns_field=anns_field, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def test_one_search_answers_alone_if_the_other_fails(
    client: Any, random_searcher: Searcher, random_texts: tuple[Collection, Filters]
) -> None:
    unreliable = Unreliable(client)
    embedders = random_searcher.embedders

    def ask() -> Page:
        collection = Collection(unreliable, "random_texts", LITE, random_texts[0].manifest)
        return Session(MilvusBackend(collection), embedders).ask("attention cache")

    whole = ask()
    assert not any("did not answer" in notice for notice in whole.notices)
    for field, search in (("vector", "by meaning"), ("bm25", "by words")):
        unreliable.failing = {field}
        page = ask()
        assert page.hits
        assert page.total == whole.total
        assert any(f"did not answer the search {search}" in notice for notice in page.notices)
    unreliable.failing = {"vector", "bm25"}
    with pytest.raises(IndexUnavailable, match="cannot be reached"):
        ask()


@pytest.mark.usefixtures("random_texts")
def test_requests_fail_at_once_after_several_failures(client: Any) -> None:
    unreliable = Unreliable(client)
    requests = Requests(unreliable, "random_texts", RequestTuning(max_failures=2, pause_s=0.2))
    options: dict[str, Any] = {"data": [{0: 1.0}], "anns_field": "order", "search_params": {"metric_type": "IP"}}
    unreliable.failing = {"order"}
    for _ in range(2):
        with pytest.raises(IndexUnavailable, match="cannot be reached"):
            requests.search("random_texts", **options)
    unreliable.failing = set()
    with pytest.raises(IndexUnavailable, match="tried again"):
        requests.search("random_texts", **options)
    assert requests.count == 2
    time.sleep(0.2)
    assert requests.search("random_texts", **options)
