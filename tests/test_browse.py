"""The list of --browse: keys, stars, exports and queries on a terminal of Textual's own; the command on a real one."""

import asyncio
import os
import pty
import signal
import subprocess
import sys
import unicodedata
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from cli_call import run
from cli_process import PAPERS, answer_on_terminal
from indexer.state import StateDatabase
from records import make_records
from sample import KSA, ROOT
from search.query.filter import Filter
from search.query.query import Query
from search.session import Session
from service.browse import address
from service.browse.app import Browser
from service.browse.keys import KEYS, LIST_KEYS, PAPER_KEYS
from service.browse.view import View
from service.state.lists import STARRED, Lists
from service.state.profiles import Profile
from strategies import MakeSearcher

HOSTILE: dict[str, object] = {
    "id": "1901.00001",
    "title": "[bold red]Brackets[/] \x1b]0;owned\x07 and \u202eright to left, 大規模言語モデルを圧縮する方法の比較",
    "abstract": "\x1b[2J[link=//evil.example] x[/link]. A best sentence is about a comet and its tail. No other.",
    "authors": ["Eve \x9b31m Mallory"],
    "published": "2019-01-02",
    "categories": ["cs.CR"],
}


@pytest.fixture(scope="module")
def session(make_searcher: MakeSearcher) -> Session:
    records: list[dict[str, object]] = [HOSTILE]
    records += make_records(0, 25)  # type: ignore[arg-type]
    return make_searcher(records).session()


@pytest.fixture
def lists(tmp_path: Path) -> Lists:
    return Lists(StateDatabase(tmp_path / "state.sqlite"), Profile(name="anna"))


class Terminal:
    """The list on a terminal of Textual's own.

    Args:
        browser: the list.
        pilot: types.
    """

    def __init__(self, browser: Browser, pilot: "Pilot[None]") -> None:
        self.browser, self._pilot = browser, pilot

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self._pilot.press(key)
            await self.browser.workers.wait_for_complete()
            await self._pilot.pause()

    async def fill_in(self, line: str) -> None:
        self.browser.screen.query_one(Input).value = line
        await self.press("enter")

    @property
    def lines(self) -> list[str]:
        """The lines of the terminal."""
        strips = self.browser.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip) for strip in strips]

    @property
    def text(self) -> str:
        """The lines as one, without line breaks and repeated spaces."""
        return " ".join(" ".join(self.lines).split())

    @property
    def selected(self) -> int | None:
        return self.browser.screen_stack[0].query_one("#papers", OptionList).highlighted

    def static(self, name: str) -> str:
        return str(self.browser.screen.query_one(name, Static).render())


def browse(
    session: Session,
    lists: Lists,
    check: Callable[[Terminal], Awaitable[None]],
    text: str = "cache",
    size: tuple[int, int] = (80, 24),
    **options: object,
) -> None:
    """Opens the list of a query and does something with it."""
    base = Query().with_options(**options)
    view = View.open(lambda cursor: session.ask(text, base, cursor=cursor), text=text)

    async def run_check() -> None:
        browser = Browser(view, session, lists, base)
        async with browser.run_test(size=size) as pilot:
            await pilot.pause()
            await check(Terminal(browser, pilot))

    asyncio.run(run_check())


def test_keys_select_read_and_load_more(session: Session, lists: Lists) -> None:
    async def check(terminal: Terminal) -> None:
        hits = session.ask("cache", limit=26).hits
        assert "10 of 26 papers" in terminal.text
        assert (hits[0].paper.title or "") in terminal.text
        await terminal.press("j", "down", "k")
        assert terminal.selected == 1
        await terminal.press("enter")
        assert (hits[1].paper.abstract or "") in terminal.text
        assert (hits[1].paper.link or "?") in terminal.text
        await terminal.press("j")
        assert (hits[2].paper.abstract or "") in terminal.text
        await terminal.press("escape", "m")
        assert (terminal.selected, terminal.static("#counts")) == (2, "20 of 26 papers")
        await terminal.press("end")
        assert "26 of 26 papers" in terminal.text
        await terminal.press("end", "m")
        assert terminal.selected == 25
        assert "these are all papers" in terminal.text
        await terminal.press("s", "escape")
        assert (terminal.selected, (hits[25].paper.title or "") in terminal.text) == (25, True)
        shown = [hit.paper.id for hit in terminal.browser._view.hits]
        assert shown == [hit.paper.id for hit in hits]

    browse(session, lists, check)


def test_stars_and_lists_are_those_of_the_profile(session: Session, lists: Lists) -> None:
    async def check(terminal: Terminal) -> None:
        first, second, *_ = session.ask("cache").hits
        await terminal.press("t", "j", "t")
        assert lists.ids(STARRED) == {first.paper.id, second.paper.id}
        assert "1 * " in terminal.text
        await terminal.press("t")
        assert lists.ids(STARRED) == {first.paper.id}
        await terminal.press("x", "k", "x", "l")
        assert "Add 2 papers to the list (starred, or a new one)" in terminal.text
        await terminal.fill_in("thesis")
        assert len(lists.entries("thesis")) == 2
        assert "2 papers added to the list thesis" in terminal.text
        await terminal.press("enter")
        assert "on the list starred" in terminal.text
        assert "on the list thesis" in terminal.text
        await terminal.press("l")
        await terminal.fill_in("x" * 500)
        assert "invalid" in terminal.text

    browse(session, lists, check)


def test_marked_papers_are_exported(session: Session, lists: Lists, tmp_path: Path) -> None:
    async def check(terminal: Terminal) -> None:
        file = tmp_path / "out.ris"
        hits = session.ask("cache").hits
        await terminal.press("e")
        assert "Export 10 papers as" in terminal.text
        await terminal.press("escape", "x", "j", "j", "x", "e")
        assert "Export 2 marked papers as" in terminal.text
        await terminal.press("down", *["j"] * 4, "enter")
        assert terminal.browser.screen.query_one(Input).value == "papers.ris"
        await terminal.fill_in(str(file))
        assert "2 papers written to" in terminal.text
        assert [line[6:] for line in file.read_text("utf-8").splitlines() if line.startswith("TI")] == [
            hits[0].paper.title,
            hits[2].paper.title,
        ]
        file.write_text("mine", "utf-8")
        await terminal.press("x", "e", "enter")
        await terminal.fill_in(str(file))
        assert "exists; press Enter again to replace it" in terminal.text
        assert file.read_text("utf-8") == "mine"
        await terminal.press("enter")
        assert file.read_text("utf-8").startswith("@")
        await terminal.press("e", "enter")
        await terminal.fill_in(str(tmp_path / "nowhere" / "a.bib"))
        assert "cannot write" in terminal.text

    browse(session, lists, check)


def test_further_queries_keep_the_filters_and_lead_back(session: Session, lists: Lists) -> None:
    async def check(terminal: Terminal) -> None:
        await terminal.press("j", "s")
        heading = terminal.static("#heading")
        assert "since 2015" in heading
        example = session.ask("cache", filter=Filter.parse(dates={"from": "2015"})).hits[1].paper
        assert f"like {example.id}: {example.title}" in heading
        await terminal.press("slash")
        await terminal.fill_in("galaxy spectrum")
        assert "about 'galaxy spectrum'" in terminal.static("#heading")
        assert "since 2015" in terminal.static("#heading")
        await terminal.press("slash")
        assert terminal.browser.screen.query_one(Input).value == "galaxy spectrum"
        await terminal.fill_in("cat:cs.LX")
        assert "at character 1" in terminal.text
        await terminal.press("escape", "backspace")
        assert "about 'cache'" in terminal.static("#heading")
        assert terminal.selected == 1
        await terminal.press("escape")
        assert "this is the first list" in terminal.text

    browse(session, lists, check, filter=Filter.parse(dates={"from": "2015"}))


@pytest.mark.parametrize("size", [(80, 24), (30, 10)])
def test_hostile_text_is_shown_as_text(
    session: Session, lists: Lists, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def check(terminal: Terminal) -> None:
        assert "[bold red]Brackets[/]" in terminal.text
        await terminal.press("enter")
        await terminal.press("end")  # of the abstract, on a narrow terminal
        assert "[link=//evil.example]" in terminal.text
        assert "x[/link]" in terminal.text
        for keys in ((), ("y",), ("escape", "escape", "o")):
            await terminal.press(*keys)
            categories = {unicodedata.category(each) for line in terminal.lines for each in line}
            assert not categories & {"Cc", "Cf", "Cs"}
        styles = [s.style for strip in terminal.browser.screen._compositor.render_strips() for s in strip if s.style]
        assert {str(each.color.name) for each in styles if each.color} <= {"default"}

    browse(session, lists, check, text="comet tail", size=size)


def test_the_best_sentence_and_the_selected_paper_need_no_colour(
    session: Session, lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def check(terminal: Terminal) -> None:
        def text_with(attribute: str) -> str:
            strips = terminal.browser.screen._compositor.render_strips()
            return "".join(s.text for strip in strips for s in strip if s.style and getattr(s.style, attribute))

        assert "Brackets" in text_with("reverse")
        assert "spectrum" not in text_with("reverse")
        await terminal.press("enter")
        assert "A best sentence is about a comet and" in text_with("bold")
        assert "No other" not in text_with("bold")
        assert "comet" in text_with("underline")

    browse(session, lists, check, text="comet tail")


def test_an_address_opens_only_where_there_is_a_browser(
    session: Session, lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or True)  # type: ignore[func-returns-value]
    monkeypatch.setenv("DISPLAY", ":0")
    for name in address._SSH_VARIABLES:
        monkeypatch.delenv(name, raising=False)

    async def check(terminal: Terminal) -> None:
        await terminal.press("o")
        (url,) = opened
        assert f"opened {url}" in terminal.text
        monkeypatch.setenv("SSH_CONNECTION", "::1 1 ::1 22")
        await terminal.press("o")
        assert opened == [url]
        assert f"Address (Esc closes) │ │ {url}" in terminal.text
        await terminal.press("escape", "y")
        assert "@misc{" in terminal.text

    browse(session, lists, check)
    assert not address.open_address("file:///etc/passwd")


def test_the_keys_are_shown_and_agree_with_the_web_page(session: Session, lists: Lists) -> None:
    async def check(terminal: Terminal) -> None:
        assert LIST_KEYS in terminal.text.replace("  ", " ") or LIST_KEYS in "\n".join(terminal.lines)
        await terminal.press("question_mark")
        assert all(action in terminal.text for _, action in KEYS)
        await terminal.press("q", "q")
        assert terminal.browser.return_code == 0

    browse(session, lists, check)
    assert len(LIST_KEYS) <= 78
    assert len(PAPER_KEYS) <= 78
    page = (ROOT / "docs" / "page.md").read_text("utf-8")
    for key, words in (("s", "similar"), ("t", "star"), ("l", "list"), ("/", "search"), ("?", "keyboard")):
        assert any(line.startswith(f"| `{key}` |") and words in line for line in page.splitlines()), key
    table = (ROOT / "docs" / "terminal.md").read_text("utf-8")
    assert all(f"| {key} | {action} |" in table.replace("`", "") for key, action in KEYS)


def test_the_command_needs_a_terminal_and_no_other_output(sample_index: Path) -> None:
    for arguments, message in (
        (["search", "cache"], "--browse needs a terminal, and standard input is none"),
        (["search", "cache", "--json"], "leave out --json or --browse"),
        (["search", "cache", "-f", "ris"], "leave out --format or --browse"),
        (["similar", "2604.24432", "--explain"], "leave out --explain or --browse"),
        (["recommend", "--list", "starred"], "needs a terminal"),
        (["list", "show", "starred"], "needs a terminal"),
    ):
        done = run(*arguments, "--browse", "--index", str(sample_index))
        assert (done.returncode, done.stdout) == (2, "")
        assert message in " ".join(done.stderr.split())


def test_the_list_opens_on_a_terminal(sample_index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    options = ("--category", "cs.CL", "--browse", "--index", str(sample_index))
    assert "Enter read" in answer_on_terminal("q", "search", *options)


def test_the_process_ends_with_its_terminal(sample_index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    master, slave = pty.openpty()  # not the controlling terminal, so that no signal says that it is gone
    command = [PAPERS, "search", "cache", "--browse", "--index", str(sample_index)]
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave) as process:
        os.close(slave)
        shown = b""
        while b"Enter read" not in shown:
            shown += os.read(master, 65_536)
        os.close(master)
        try:
            assert process.wait(30) == 128 + signal.SIGHUP
        finally:
            process.kill()


def test_a_search_does_not_load_textual() -> None:
    script = "import service.cli, service.commands.search, sys; print('textual' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_each_command_opens_its_papers(sample_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Browser] = []
    monkeypatch.setattr(Browser, "run", lambda browser: opened.append(browser))
    for module in ("search", "lists", "recommend"):
        monkeypatch.setattr(f"service.commands.{module}.check_browse", lambda _options: None)
    bibliography = tmp_path / "a.bib"
    bibliography.write_text("@misc{a, title = {Summaries in attention}, eprint = {2604.24432}}", "utf-8")
    monkeypatch.setenv("PAPERS_STATE", str(tmp_path / "state.sqlite"))
    there = ("--index", str(sample_index))
    assert run("list", "add", "starred", KSA, "2412.14838", *there).returncode == 0
    commands: tuple[tuple[str, ...], ...] = (
        ("search", "--category", "cs.CL", "-n", "2", "cs.CL, newest first"),
        ("similar", KSA, f"like {KSA}"),
        ("similar", "--file", str(bibliography), f"like {KSA}"),
        ("recommend", "--list", "starred", "near "),
        ("list", "show", "starred", "list starred"),
    )
    for *arguments, heading in commands:
        done = run(*arguments, "--browse", *there)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        view = opened[-1]._view
        assert heading in view.heading
        assert view.hits
        further = len(view.extend().hits) - len(view.hits)
        assert further == (len(view.hits) if view.page.cursor else 0)
        assert bool(view.page.cursor) == (arguments[0] in ("search", "similar"))
    assert len(opened) == 5
    nothing = run("search", "--author", "Nobody", "--browse", *there)
    assert (nothing.returncode, len(opened)) == (4, 5)
