"""Saved searches: what is new is complete, shown once, and private; and what a digest of it looks like."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import html
from markdown_it import MarkdownIt

from cli_call import CommandLine, Done
from fake_embedder import FakeEmbedder
from indexer.build import index
from indexer.state import StateDatabase
from records import make_records, open_index, write_records
from search.errors import InvalidValue, NameNotFound
from search.papers.paper import Paper
from search.query.explanation import Explanation
from search.query.hit import Hit
from search.query.page import Page
from server_process import free_port
from service.formats import FORMATS
from service.state import watches as watches_module
from service.state.digests import DIGEST_FORMATS, render_digest
from service.state.lists import Lists
from service.state.profiles import Profile
from service.state.searches import SavedSearch
from service.state.watches import Position, Unread, Watch, Watches

EVERYTHING = SavedSearch()
ANNA, BERT = Profile(name="anna"), Profile(name="bert")


class Library:
    """An index that grows, and its state."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.index = folder, folder / "index"
        self.state = StateDatabase.of_index(self.index)
        self.watches = Watches(self.state, ANNA)
        self.add(0, 10)

    def add(self, start: int, count: int, **changed: object) -> None:
        records = [{**record, **changed} for record in make_records(start, count)]
        index([write_records(self.folder / "papers.jsonl", records)], self.index, FakeEmbedder())  # type: ignore[arg-type]

    def save(self, name: str, search: SavedSearch = EVERYTHING) -> None:
        self.watches.add(name, search, open_index(self.index).session())

    def unread(self, name: str) -> list[str]:
        return ids_of(self.watches.unread(name, open_index(self.index).session()))

    def read(self, name: str) -> list[str]:
        """Reads what is new and marks it as read."""
        found = self.watches.unread(name, open_index(self.index).session())
        self.watches.mark_read(name, found.position)
        return ids_of(found)


def ids_of(unread: Unread) -> list[str]:
    return [hit.paper.id for hit in unread.page]


def numbers(start: int, count: int) -> list[str]:
    return [f"arxiv:2000.{number:05}" for number in range(start, start + count)]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path)


def test_only_papers_added_since_are_new_and_each_is_shown_once(library: Library) -> None:
    library.save("all")
    assert library.unread("all") == []
    library.add(8, 4)  # two of which the index has
    assert sorted(library.unread("all")) == numbers(10, 2)
    assert sorted(library.read("all")) == numbers(10, 2)
    library.add(12, 1)
    assert library.read("all") == numbers(12, 1)
    library.add(0, 13, version=2)  # newer versions of papers that were read
    assert library.read("all") == []


def test_all_relevant_papers_are_new_the_last_added_first(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    searches = {
        "text": SavedSearch("galaxy cache"),
        "words": SavedSearch("galaxy", mode="lexical"),
        "author": SavedSearch(authors=("Ada Byron3",)),
        "like": SavedSearch(like=("2000.00003",)),
        "dates": SavedSearch("cache", start="2015", end="2020"),
    }
    for name, search in searches.items():
        library.save(name, search)
    since = Position.of(open_index(library.index).session()).added
    library.add(10, 60)
    library.add(70, 60)
    monkeypatch.setattr(watches_module, "MAX_LIMIT", 2)  # papers of a page
    session = open_index(library.index).session()
    for name, search in searches.items():
        query = search.to_query().with_options(sort="added", limit=1_000)
        listed = [hit for hit in session.ask(search.text, query) if hit.paper.added]
        expected = [hit.paper.id for hit in listed if int(hit.paper.added.timestamp()) > since]  # type: ignore[union-attr]
        found = library.watches.unread(name, session)
        assert len(expected) > 2, name
        assert ids_of(found) == expected, name
        assert found.page.total == len(expected) == library.watches.count_unread(name, session)


@settings(max_examples=4)
@example(["publish", "read", "publish", "mark", "open", "read", "mark"])
@example(["publish", "open", "read", "publish", "mark", "read", "open", "mark"])
@given(st.lists(st.sampled_from(["publish", "open", "read", "mark"]), max_size=8))
def test_a_paper_published_between_reading_and_marking_is_neither_lost_nor_shown_twice(
    tmp_path_factory: pytest.TempPathFactory, steps: Sequence[str]
) -> None:
    library = Library(tmp_path_factory.mktemp("library"))
    library.save("all")
    published, marked = 10, []
    session = open_index(library.index).session()  # a reader keeps the generation that it has open
    pending: Unread | None = None
    for step in [*steps, "open", "read", "mark"]:
        if step == "publish":
            library.add(published, 1)
            published += 1
        elif step == "open":
            session = open_index(library.index).session()
        elif step == "read":
            pending = library.watches.unread("all", session)
        elif pending:
            library.watches.mark_read("all", pending.position)
            marked, pending = [*marked, *ids_of(pending)], None
    assert sorted(marked) == numbers(10, published - 10)
    assert library.watches.count_unread("all", open_index(library.index).session()) == 0


def test_a_second_reader_with_an_older_generation_marks_nothing_unread(library: Library) -> None:
    library.save("all")
    older = open_index(library.index).session()
    library.add(10, 1)
    assert library.read("all") == numbers(10, 1)
    library.watches.mark_read("all", Position.of(older))
    assert library.unread("all") == []


def test_papers_near_a_list_follow_the_list_and_leave_its_papers_out(library: Library) -> None:
    lists, session = Lists(library.state, ANNA), open_index(library.index).session()
    with pytest.raises(NameNotFound):
        library.save("near", SavedSearch(list="mine"))
    lists.add("mine", ["2000.00003"], session)
    library.save("near", SavedSearch(list="mine"))
    library.add(10, 60)
    new = library.unread("near")
    assert new
    assert set(new) <= set(numbers(10, 60))
    lists.add("mine", new[:1], open_index(library.index).session())
    assert new[0] not in library.unread("near")
    lists.delete("mine")
    assert library.watches.try_count_unread("near", open_index(library.index).session()) is None


def test_the_id_of_a_paper_finds_papers_similar_to_it(library: Library) -> None:
    library.save("one", SavedSearch("https://arxiv.org/abs/2000.00003v1"))
    assert library.watches.get("one").search == SavedSearch(like=("arxiv:2000.00003",))
    library.add(10, 60)
    assert numbers(3, 1)[0] not in library.unread("one")


def test_names_and_searches_are_checked_when_they_are_saved(library: Library) -> None:
    library.save("all")
    for name, search, message in (
        ("all", SavedSearch(), "a saved search has this name"),
        ("a/b", SavedSearch(), "use 1 to 80 printable characters"),
        ("new", SavedSearch(categories=("cs.XX",)), "invalid category"),
        ("new", SavedSearch("year:soon"), "invalid q"),
        ("new", SavedSearch(start="soon"), "invalid from"),
    ):
        with pytest.raises(InvalidValue, match=message):
            library.save(name, search)
    assert [watch.name for watch in library.watches.all()] == ["all"]


def test_a_search_that_became_invalid_takes_no_other_with_it(
    library: Library, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    library.save("all")
    library.add(10, 1)
    with library.state.write() as database:  # a relative start has passed the end
        search = json.dumps({"from": "1d", "to": "2001"})
        database.execute("INSERT INTO watches VALUES (9, 1, 'old', ?, '', 0, 'gen-000001', NULL)", [search])
    session = open_index(library.index).session()
    counts = {watch.name: library.watches.try_count_unread(watch.name, session) for watch in library.watches.all()}
    assert (counts["all"], counts["old"]) == (1, None)
    done = CommandLine(monkeypatch, capfd, "--index", str(library.index), "--profile", "anna")("watch", "--json")
    assert done.returncode == 1
    assert "papers: old: invalid from" in done.stderr
    assert {each["name"] for each in json.loads(done.stdout)["watches"]} == {"all"}


def test_nobody_reads_or_changes_the_searches_of_another(library: Library) -> None:
    library.save("mine")
    library.watches.create_feed("mine")
    other, session = Watches(library.state, BERT), open_index(library.index).session()
    assert other.all() == ()
    actions = [
        lambda: other.get("mine"),
        lambda: other.unread("mine", session),
        lambda: other.count_unread("mine", session),
        lambda: other.latest("mine", session, 5),
        lambda: other.mark_read("mine", Position(2**31, "gen-000009")),
        lambda: other.create_feed("mine"),
        lambda: other.revoke_feed("mine"),
        lambda: other.remove("mine"),
    ]
    before = library.watches.get("mine")
    for action in actions:
        with pytest.raises(NameNotFound, match="no saved search 'mine'; there is none yet"):
            action()
    assert library.watches.get("mine") == before
    lists = Lists(library.state, ANNA)
    lists.add("private", ["2000.00001"], session)
    with pytest.raises(NameNotFound):
        other.add("near", SavedSearch(list="private"), session)


HOSTILE = [
    "<script>alert(1)</script> & *bold* _x_ `code` [a](http://evil.example) ![i](x) #1 | a~b~ $x$",
    "1. not a list",
    "- nor this",
    "---",
    "\x1b[31mred\u202e",
]


def new_papers(name: str, papers: Sequence[Paper]) -> Unread:
    page = Page(tuple(Hit(paper, 0.0) for paper in papers), len(papers), True, 1.0, "g", Explanation("none", 0, 0, ()))
    return Unread(Watch(name, SavedSearch(name), "", Position(0, "g")), page, Position(1, "g"))


def test_a_digest_treats_text_of_papers_as_text() -> None:
    papers = [
        Paper((f"doi:10.1000/{number}",), title, authors=(title,), url=url)
        for number, (title, url) in enumerate(zip(HOSTILE, [None, "javascript:alert(1)", *[None] * 3], strict=True))
    ]
    found = [new_papers(HOSTILE[0].replace("/", ""), papers)]
    page = html.fromstring(render_digest("html", found))
    rendered = html.fromstring(MarkdownIt().render(render_digest("markdown", found).decode()))
    for tree in (page, html.document_fromstring(html.tostring(rendered))):
        assert not tree.xpath("//script | //img | //em | //code | //hr | //h3 | //ul//ul | //ul//ol | //ol//ol")
        assert {link.split(":")[0] for link in tree.xpath("//a/@href")} == {"https"}
        shown = " ".join(tree.text_content().split())
        assert all(text in shown for text in HOSTILE[:4]), shown
        assert "\x1b" not in tree.text_content()


@pytest.mark.parametrize("name", DIGEST_FORMATS)
def test_every_format_has_each_paper_once(name: str) -> None:
    papers = [Paper((f"doi:10.1000/{number}",), f"Title {number}") for number in range(3)]
    found = [new_papers("one", papers[:2]), new_papers("two", papers[1:]), new_papers("none", [])]
    text = render_digest(name, found).decode()  # type: ignore[arg-type]
    counts = [text.count(f"Title {number}") for number in range(3)]
    assert counts == ([1, 1, 1] if name in FORMATS and name != "json" else [1, 2, 1])


def test_the_commands_show_mark_and_write_what_is_new(
    library: Library, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    call = CommandLine(monkeypatch, capfd, "--index", str(library.index))
    assert call("watch", "list").stderr == "papers: no saved searches yet; add one: papers watch add NAME QUERY\n"
    assert call("watch", "add", "byron", "--author", "Ada Byron3").returncode == 0
    library.add(10, 14)
    assert call("watch", "list").stdout == "       2 new  byron: --author 'Ada Byron3'\n"
    shown = call("watch").stdout
    assert shown.startswith("byron: 2 new papers\n")
    assert shown.count("https://arxiv.org/abs/2000.000") == 2
    digest = library.folder / "new.bib"
    to_file = ("watch", "byron", "--mark-read", "--format", "bibtex", "--out", str(digest))
    assert call(*to_file) == Done(0, "", "")
    assert digest.read_text("utf-8").count("@") == 2
    assert call(*to_file) == Done(0, "", "papers: nothing new\n")
    assert digest.read_text("utf-8").count("@") == 2
    assert call("watch", "other").returncode == 4
    assert call("watch", "--format", "word").returncode == 2
    assert call("watch", "--json", "--mail", "anna@example.org").returncode == 2
    assert call("watch", "--mail", "anna@example.org").stderr.startswith("papers: invalid PAPERS_SMTP_HOST")
    monkeypatch.setenv("PAPERS_SMTP_HOST", "localhost")
    monkeypatch.setenv("PAPERS_SMTP_FROM", "papers@example.org")
    assert call("watch", "--mail", "anna").stderr.startswith("papers: invalid --mail 'anna'")
    assert call("watch", "--mail", "anna@example.org") == Done(0, "", "papers: nothing new\n")
    assert call("watch", "remove", "byron") == Done(0, "", "")
    assert json.loads(call("watch", "list", "--json").stdout)["watches"] == []


def test_what_cannot_be_delivered_stays_unread(
    library: Library, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    call = CommandLine(monkeypatch, capfd, "--index", str(library.index))
    assert call("watch", "add", "all").stderr.endswith("without a query and options, it follows the whole index\n")
    library.add(10, 1)
    monkeypatch.setenv("PAPERS_SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("PAPERS_SMTP_PORT", str(free_port()))
    monkeypatch.setenv("PAPERS_SMTP_FROM", "papers@example.org")
    refused = call("watch", "--mark-read", "--mail", "anna@example.org")
    assert (refused.returncode, "no mail sent to anna@example.org" in refused.stderr) == (1, True)
    (library.folder / "folder").write_text("")
    unwritten = call("watch", "--mark-read", "--out", str(library.folder / "folder" / "new.txt"))
    assert unwritten.returncode == 2
    assert unwritten.stderr.startswith("papers: invalid --out '")
    assert "': it cannot be written: Not a directory; choose a file in a folder that exists" in unwritten.stderr
    assert call("watch", "list").stdout == "       1 new  all: all papers\n"
