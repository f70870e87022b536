"""Added times: when a paper became part of the index, whatever happens to the paper and to the index afterwards."""

import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from lxml import etree

import oracle
from cli_call import run, run_json
from fake_embedder import FakeEmbedder
from http_server import HttpServer
from indexer import added_times
from indexer.backup import back_up
from indexer.build import ImportOptions, index
from indexer.compaction import compact
from indexer.corrections import merge_papers, split_paper
from indexer.doctor import examine, repair
from indexer.reindex import reindex
from indexer.removal import remove
from indexer.removal_selection import select_ids, select_query
from mcp_calls import call
from records import make_records, write_records
from search.embedding.model import ModelIdentity
from search.errors import InvalidValue
from search.index.layout import Layout, Manifest
from search.papers.json import Json
from search.query.condition import AddedBetween, AllOf, AnyOf, ContainsText, Not
from search.query.filter import Filter
from search.query.query import Mode, Query
from search.searcher import Searcher
from service.app import create_app
from service.settings import Settings
from web_pages import read_page, text_of

SECOND = timedelta(seconds=1)
PARTNERS = {0: 1, 1: 0, 2: 3, 3: 2}
"""Papers that the machine merges with each other."""


def load(model: ModelIdentity) -> FakeEmbedder:
    return FakeEmbedder(model.dim, model.name)


def open_any(directory: Path) -> Searcher:
    return Searcher(directory, load, verify_checksums=True)


def import_records(directory: Path, records: Iterable[dict[str, Json]], *, restore: bool = False) -> None:
    path = write_records(directory.parent / "papers.jsonl", records)
    embedder = load(open_any(directory).snapshot.model) if directory.exists() else FakeEmbedder()
    index([path], directory, embedder, options=ImportOptions(restore=restore))


def added_by_id(directory: Path) -> dict[str, datetime | None]:
    page = open_any(directory).search(Query(sort="added", limit=1000))
    return {hit.paper.id: hit.paper.added for hit in page}


def known_times(directory: Path) -> dict[str, datetime]:
    return {paper_id: added for paper_id, added in added_by_id(directory).items() if added}


class AddedTimes(RuleBasedStateMachine):
    """Compares an index with a dict of the added times of its papers, by number."""

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.directory = Path(self.folder.name) / "index"
        self.patch = pytest.MonkeyPatch()
        self.times: dict[int, datetime] = {}
        self.removed: set[int] = set()
        self.merged: set[int] = set()
        self.newest = datetime(1970, 1, 1, tzinfo=UTC)
        self.version = 1
        self.import_papers({0, 1}, restore=False)

    def teardown(self) -> None:
        self.patch.undo()
        self.folder.cleanup()

    @rule(clock=st.integers(1, 4_000_000_000))
    def set_the_clock(self, clock: int) -> None:
        self.patch.setattr(added_times, "time", SimpleNamespace(time=lambda: float(clock)))

    @rule(numbers=st.sets(st.integers(0, 4), min_size=1), restore=st.booleans())
    def import_papers(self, numbers: set[int], *, restore: bool) -> None:
        """Imports versions that the index does not have, which changes the papers that it has."""
        self.version += 1
        records = [{**make_records(number, 1)[0], "version": self.version} for number in sorted(numbers)]
        import_records(self.directory, records, restore=restore)
        if restore:  # the IDs of papers that were removed together are restored together
            self.removed -= numbers | {PARTNERS[number] for number in numbers & self.merged}
        new = numbers - self.removed - self.times.keys()
        found = self.found()
        for number in new:
            partner = PARTNERS.get(number)
            if partner in self.times and partner in self.merged and partner not in new:
                self.times[number] = self.times[partner]
            else:
                self.times[number] = found[number]
                assert found[number] > self.newest
        assert len({self.times[number] for number in new if self.times[number] > self.newest}) <= 1
        self.newest = max([self.newest, *self.times.values()])
        self.check()

    @precondition(lambda self: self.times)
    @rule(data=st.data())
    def remove_a_paper(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.times)))
        group = {number, PARTNERS[number]} if number in self.merged else {number}
        group &= self.times.keys()
        remove(self.directory, select_ids(self.directory, [paper_id(number)]), load)
        for each in group:
            del self.times[each]
        self.removed |= group
        self.check()

    @precondition(lambda self: any({one, one + 1} <= self.times.keys() - self.merged for one in (0, 2)))
    @rule()
    def merge_two(self) -> None:
        one = next(one for one in (0, 2) if {one, one + 1} <= self.times.keys() - self.merged)
        merge_papers(self.directory, (paper_id(one), paper_id(one + 1)), load)
        self.merged |= {one, one + 1}
        self.times |= dict.fromkeys((one, one + 1), min(self.times[one], self.times[one + 1]))
        self.check()

    @precondition(lambda self: any({one, one + 1} <= self.times.keys() & self.merged for one in (0, 2)))
    @rule()
    def split_one(self) -> None:
        one = next(one for one in (0, 2) if {one, one + 1} <= self.times.keys() & self.merged)
        split_paper(self.directory, paper_id(one + 1), load)
        self.merged -= {one, one + 1}
        self.check()

    @rule(how=st.sampled_from(["compact", "repair", "reindex", "back up"]))
    def rewrite(self, how: str) -> None:
        if how == "compact":
            compact(self.directory, load)
        elif how == "repair":
            repair(self.directory, load)
        elif how == "reindex":
            model = open_any(self.directory).snapshot.model
            reindex(self.directory, FakeEmbedder(48, "new") if model.name == "fake" else FakeEmbedder())
        else:
            copy = self.directory.with_name(f"copy{self.version}")
            self.version += 1
            back_up(self.directory, copy)
            self.directory = copy
        self.check()

    def found(self) -> dict[int, datetime]:
        """The times of all papers by number; those of merged ones for both numbers."""
        searcher, found = open_any(self.directory), {}
        for hit in searcher.search(Query(limit=100)):
            for number in range(5):
                if paper_id(number) in hit.paper.ids and hit.paper.added:
                    found[number] = hit.paper.added
        return found

    def check(self) -> None:
        assert self.found() == self.times
        assert examine(self.directory) == []
        searcher = open_any(self.directory)
        listed = [hit.paper.added for hit in searcher.search(Query(sort="added", limit=100))]
        assert listed == sorted(listed, key=lambda added: added or self.newest, reverse=True)
        for time in {*self.times.values()}:
            later = {number for number, added in self.times.items() if added > time}
            page = searcher.search(Query(filter=Filter(added_from=time + SECOND), limit=100))
            assert {number for number in range(5) for hit in page if paper_id(number) in hit.paper.ids} == later
            assert searcher.ask(f"added:..{time.isoformat()}", limit=0).total + page.total == len(listed)
        assert all(added <= searcher.session().newest_added for added in self.times.values())


def paper_id(number: int) -> str:
    return f"arxiv:2000.{number:05}"


AddedTimes.TestCase.settings = settings(max_examples=8, stateful_step_count=8, deadline=None)
test_times_follow_papers = AddedTimes.TestCase


@pytest.fixture(scope="module")
def interleaved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of three imports; the rows of the second are alternately new papers and changed ones."""
    directory = tmp_path_factory.mktemp("added") / "index"
    records = make_records(0, 90)
    import_records(directory, records[:40])
    changed = [{**record, "version": 2, "title": f"{record['title']} revised"} for record in records[:40]]
    import_records(directory, [each for pair in zip(records[40:80], changed, strict=True) for each in pair])
    import_records(directory, records[80:])
    return directory


@pytest.fixture
def old_index(tmp_path: Path) -> Path:
    """An index as an earlier version of the program wrote it, of two files; the import log has one of them."""
    directory = tmp_path / "index"
    for name, records in (("logged", make_records(0, 5)), ("other", make_records(5, 5))):
        index([write_records(tmp_path / f"{name}.jsonl", records)], directory, FakeEmbedder())
    layout = Layout(directory)
    with closing(sqlite3.connect(layout.store)) as database, database:
        database.execute("DROP TABLE added")
        database.execute("DELETE FROM file_records WHERE file IN (SELECT file FROM files WHERE path LIKE '%other%')")
        database.execute("UPDATE files SET first_read = '2026-03-04T05:06:07+00:00'")
    files = layout.generation(layout.published_generation())
    (files.columns / "added.npy").unlink()
    manifest = Manifest.load(files.manifest)
    kept = tuple(each for each in manifest.files if each.path != "columns/added.npy")
    replace(manifest, files=kept).save(files.manifest)
    return directory


def test_an_index_of_an_earlier_version_is_read_and_extended(old_index: Path) -> None:
    assert set(added_by_id(old_index).values()) == {None}
    assert examine(old_index) == []
    searcher = open_any(old_index)
    assert (searcher.ask("added:1970..", limit=0).total, searcher.ask("-added:1970..", limit=0).total) == (0, 10)
    assert searcher.session().newest_added == datetime(1970, 1, 1, tzinfo=UTC)
    import_records(old_index, [{**make_records(1, 1)[0], "version": 2}, *make_records(10, 2)])
    times = added_by_id(old_index)
    assert [times[paper_id(number)] for number in range(10)] == (
        [datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)] * 5 + [None] * 5
    )
    assert times[paper_id(10)] == times[paper_id(11)] == open_any(old_index).session().newest_added
    assert list(times)[:2] == [paper_id(11), paper_id(10)]
    assert set(list(times)[-5:]) == {paper_id(number) for number in range(5, 10)}
    assert examine(old_index) == []
    compact(old_index, load)
    assert added_by_id(old_index) == times


def test_papers_that_an_earlier_version_adds_to_a_newer_index_are_not_lost(old_index: Path) -> None:
    import_records(old_index, make_records(10, 2))
    before = added_by_id(old_index)
    with closing(sqlite3.connect(Layout(old_index).store)) as database, database:
        database.execute("DELETE FROM added WHERE row >= 11")
        database.execute("UPDATE files SET first_read = '2026-05-01T00:00:00+00:00'")
    import_records(old_index, make_records(12, 1))
    after = added_by_id(old_index)
    assert after.pop(paper_id(12)) == open_any(old_index).session().newest_added
    assert after == {**before, paper_id(11): datetime(2026, 5, 1, tzinfo=UTC)}


def test_a_period_selects_the_papers_added_in_it(interleaved: Path) -> None:
    snapshot = open_any(interleaved).snapshot
    first, second, third = sorted({*known_times(interleaved).values()})
    assert first < second < third
    periods = [(first, first), (second, second), (second, None), (None, second), (third, third), (None, None)]
    expected = {(first, first): 40, (second, second): 40, (second, None): 50, (None, second): 80, (third, third): 10}
    live = snapshot.live.ids.tolist()
    papers = list(zip(live, snapshot.store.get(live), strict=True))
    for start, end in periods:
        leaf, changed = AddedBetween(start, end), ContainsText("revised")
        for condition in (leaf, Not(leaf), AllOf((leaf, changed)), AnyOf((leaf, changed))):
            rows = snapshot.rows_matching(condition).ids.tolist()
            assert rows == [row for row, paper in papers if oracle.matches(paper, condition, {})]
        assert len(snapshot.rows_matching(leaf)) == expected.get((start, end), 90)


@pytest.mark.parametrize("mode", ["hybrid", "semantic", "lexical"])
def test_what_is_new_is_listed_completely_over_all_pages(interleaved: Path, mode: Mode) -> None:
    session = open_any(interleaved).session()
    relevant = session.ask("galaxy cache", sort="newest", mode=mode, limit=1000)
    times = {hit.paper.id: hit.paper.added for hit in relevant}
    since = sorted({*known_times(interleaved).values()})[0] + SECOND
    query = Query(filter=Filter(added_from=since), sort="added", mode=mode, limit=3)
    pages = [session.ask("galaxy cache", query, verbatim=True)]
    while pages[-1].cursor:
        pages.append(session.ask("galaxy cache", query, verbatim=True, cursor=pages[-1].cursor))
    hits = [hit for page in pages for hit in page]
    new = {each for each, added in times.items() if added and added >= since}
    assert {hit.paper.id for hit in hits} == new
    assert len(hits) == len(new) == pages[0].total
    order = [(hit.paper.added, hit.paper.published) for hit in hits]
    assert order == sorted(order, key=lambda each: (each[0], str(each[1])), reverse=True)
    assert "latest added first" in pages[0].interpretation


def test_an_interrupted_publish_hides_no_paper_from_whoever_asks_for_later_ones(tmp_path: Path) -> None:
    directory = tmp_path / "index"
    import_records(directory, make_records(0, 3))
    seen = open_any(directory).session().newest_added

    def stop(stage: str) -> None:
        if stage == "computing checksums":
            raise OSError("the disk is full")

    path = write_records(tmp_path / "more.jsonl", make_records(3, 3))
    with pytest.raises(OSError, match="disk is full"):
        index([path], directory, FakeEmbedder(), on_stage=stop)
    assert open_any(directory).session().newest_added == seen
    import_records(directory, make_records(6, 3))
    new = open_any(directory).search(Query(filter=Filter(added_from=seen + SECOND), limit=100))
    assert {hit.paper.id for hit in new} == {paper_id(number) for number in range(3, 9)}


def test_a_compaction_keeps_the_order_of_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / "index"
    import_records(directory, make_records(0, 3))
    monkeypatch.setattr(added_times, "time", SimpleNamespace(time=lambda: 4_000_000_000.0))
    import_records(directory, make_records(3, 3))
    seen = open_any(directory).session().newest_added
    monkeypatch.undo()
    remove(directory, select_query(directory, f"added:>={seen.isoformat()}"), load)
    compact(directory, load)
    assert len(added_by_id(directory)) == 3
    import_records(directory, make_records(6, 1))
    assert known_times(directory)[paper_id(6)] > seen


def test_the_doctor_compares_the_times_with_the_database(tmp_path: Path) -> None:
    directory = tmp_path / "index"
    import_records(directory, make_records(0, 3))
    with closing(sqlite3.connect(Layout(directory).store)) as database, database:
        database.execute("UPDATE added SET time = 1000 WHERE row = 1")
    assert any("times at which papers were added" in problem for problem in examine(directory))
    repair(directory, load)
    assert examine(directory) == []
    assert known_times(directory)[paper_id(1)] == datetime.fromtimestamp(1000, UTC)


def test_the_time_of_addition_is_no_part_of_an_import(tmp_path: Path) -> None:
    directory = tmp_path / "index"
    import_records(directory, make_records(0, 3))
    for name in ("ndjson", "csv"):
        export = tmp_path / f"export.{name}"
        export.write_text(run("search", "--index", str(directory), "--format", name).stdout, "utf-8")
        assert "Z" in export.read_text("utf-8")
        copy = tmp_path / name
        index([export], copy, FakeEmbedder())
        papers = [hit.paper for hit in open_any(copy).search(Query(limit=10))]
        assert [paper.extra for paper in papers] == [{}] * 3
        assert min(known_times(copy).values()) >= max(known_times(directory).values())
    other = write_records(tmp_path / "other.jsonl", [{"title": "Bees", "abstract": "Hives.", "added": "2020"}])
    index([other], tmp_path / "other", FakeEmbedder())
    assert [hit.paper.extra for hit in open_any(tmp_path / "other").search(Query())] == [{"added": "2020"}]


def test_a_filter_refuses_times_without_a_zone_and_periods_that_end_before_they_start() -> None:
    with pytest.raises(InvalidValue, match="with its zone"):
        Filter(added_from=datetime(2026, 1, 1))
    with pytest.raises(InvalidValue, match="swap the two"):
        Filter(added_from=datetime(2026, 1, 1, 1, tzinfo=UTC), added_to=datetime(2026, 1, 1, tzinfo=UTC))


def test_every_interface_lists_the_same_papers(interleaved: Path) -> None:
    since = sorted({*known_times(interleaved).values()})[1]
    text = since.strftime("%Y-%m-%dT%H:%M:%SZ")
    page = open_any(interleaved).search(Query(filter=Filter(added_from=since), sort="added", limit=50))
    expected = [(hit.paper.id, str(hit.paper.to_dict()["added"])) for hit in page]
    assert len(expected) == 50
    assert {added for _, added in expected} > {text}

    options = ["--index", str(interleaved), "-n", "50", "--sort", "added"]
    for arguments in (["--added-from", text], [f"added:{text}.."]):
        assert listed(run_json("search", *arguments, *options)["hits"]) == expected
    shown = run("show", expected[0][0], "--index", str(interleaved)).stdout
    assert f"added to this index  {expected[0][1]}" in shown

    server = HttpServer(create_app(open_any(interleaved), Settings()))
    params: dict[str, str | int] = {"added_from": text, "sort": "added", "limit": 50}
    client = server.client
    assert listed(client.get("/v1/search", params=params).json()["hits"]) == expected
    assert listed(call(client, "search", **params)["structuredContent"]["hits"]) == expected
    feed = etree.fromstring(client.get("/v1/search", params={**params, "format": "atom"}).content)
    assert feed.xpath("//*[local-name()='entry']/*[local-name()='updated']/text()") == [time for _, time in expected]
    tree = read_page(client, f"/?added_from={text}&sort=added", 200)
    assert [text_of(chip) for chip in tree.xpath('//ul[@class="chips"]/li/span')] == [f"added since {text}"]
    assert tree.xpath('//select[@name="sort"]/option[@selected]/@value') == ["added"]
    days = tree.xpath('//article//span[starts-with(text(), "added")]/time/@datetime')
    assert days == [added[:10] for _, added in expected[:10]]
    assert "latest added first" in text_of(read_page(client, "/?q=galaxy&sort=added", 200))
    server.close()


def listed(hits: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(hit["id"], hit["added"]) for hit in hits]
