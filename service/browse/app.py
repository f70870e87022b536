"""Browser: the application of ``--browse``, a list of papers with keys to read, keep and export them."""

import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList, Static
from textual.worker import get_current_worker

from search.errors import PapersError
from search.query.counts import format_count
from search.query.hit import Hit
from search.query.page import Page
from search.query.query import Query
from search.session import Session
from service import formats
from service.browse.address import open_address
from service.browse.choices import Choices
from service.browse.export import ReplacementCheck, file_name, write_export
from service.browse.keys import LIST_KEYS, help_text
from service.browse.rendering import Entry, draw_paper
from service.browse.screens import ChoiceScreen, LineScreen, PaperScreen, TextScreen
from service.browse.view import View
from service.formats.render import clean_title, page_notes, refinement_notes, sanitize_line, sanitize_lines
from service.state.lists import STARRED, Lists

_EXPECTED_ERRORS = (PapersError, OSError, sqlite3.Error)
"""Errors that are shown in a line; the list stays."""
_TERMINAL_CHECK_S = 2.0
"""Seconds between two looks at whether the terminal still exists."""
_TERMINAL_GONE = 128 + signal.SIGHUP
"""Exit status, as shells report it for a process that the signal has ended."""
_OFTEN_EXPORTED: formats.Format = "bibtex"
"""The format that is offered first."""


class Browser(App[None]):
    """The list.

    Args:
        view: what it shows first.
        session: answers further queries.
        lists: where stars and lists are kept.
        base: filters and options of further queries.
    """

    ENABLE_COMMAND_PALETTE = False
    CSS_PATH = "browse.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "move(1)", "Next"),
        Binding("k", "move(-1)", "Previous"),
        Binding("o", "open_address", "Open"),
        Binding("s", "similar", "Similar"),
        Binding("t", "star", "Star"),
        Binding("l", "add_to_list", "List"),
        Binding("x", "mark", "Mark"),
        Binding("y", "cite", "BibTeX"),
        Binding("e", "export", "Export"),
        Binding("slash", "query", "Query"),
        Binding("m", "more", "More"),
        Binding("escape,backspace", "previous_view", "Back"),
        Binding("question_mark", "keys", "Keys"),
        Binding("q", "quit", "Quit"),
        Binding("ctrl+c", "quit", "Quit", priority=True),
        Binding("ctrl+z", "suspend_process", "Suspend"),
    ]

    def __init__(self, view: View, session: Session, lists: Lists, base: Query) -> None:
        super().__init__(ansi_color=True)  # the colours of the terminal, none with NO_COLOR
        self.theme, self.animation_level = "ansi-dark", "none"
        self._session, self._lists, self._base = session, lists, base
        self._view = view
        self._earlier: list[tuple[View, int]] = []
        self._marks: dict[str, Hit] = {}
        self._starred = lists.ids(STARRED)

    def compose(self) -> ComposeResult:
        """Creates the heading, the counts, the list, the line of messages and the line of keys."""
        yield Static("", id="heading", markup=False)
        yield Static("", id="counts", markup=False)
        yield Choices(id="papers", compact=True)
        yield Static("", id="message", markup=False)
        yield Static(LIST_KEYS, id="keys", markup=False)

    def on_mount(self) -> None:
        """Shows the first view."""
        self._show(self._view)
        if not self.is_headless:
            self.set_interval(_TERMINAL_CHECK_S, self._end_without_terminal)

    def _end_without_terminal(self) -> None:
        """Ends the process if its terminal is gone and no signal said so; Textual would read from it for ever."""
        if not (sys.__stdin__ and sys.__stdin__.isatty()):
            os._exit(_TERMINAL_GONE)  # an exit of the application would write to the terminal

    @property
    def _papers(self) -> Choices:
        return self.screen_stack[0].query_one("#papers", Choices)

    @property
    def _position(self) -> int:
        """The selected paper, counted from 0."""
        return self._papers.highlighted or 0

    @property
    def _hit(self) -> Hit | None:
        """The selected paper."""
        return self._view.hits[self._position] if self._view.hits else None

    def _show(self, view: View, position: int = 0) -> None:
        """Shows a view from its start, with one paper selected."""
        self._close_paper()
        self._view = view
        self._papers.set_options(self._entry(number) for number in range(len(view.hits)))
        self._papers.highlighted = position if view.hits else None
        self._show_counts()
        self._report("; ".join((*page_notes(view.page), *refinement_notes(view.page))))

    def _close_paper(self) -> None:
        if isinstance(self.screen, PaperScreen):
            self.pop_screen()

    def _entry(self, number: int) -> Entry:
        hit = self._view.hits[number]
        return Entry(number + 1, hit, hit.paper.id in self._marks, self._has_star(hit))

    def _has_star(self, hit: Hit) -> bool:
        return not self._starred.isdisjoint(hit.paper.ids)

    def _show_counts(self) -> None:
        """Shows what the view is about, and how many papers are listed and marked."""
        page = self._view.page
        counts = self._view.counts + (f" · {len(self._marks):,} marked" if self._marks else "")
        close = "" if page.has_close_match else "no close match; nearest papers · "
        screen = self.screen_stack[0]
        screen.query_one("#heading", Static).update(sanitize_line(self._view.heading))
        screen.query_one("#counts", Static).update(close + counts)

    def _report(self, message: str) -> None:
        """Shows a line above the keys until the next one."""
        for screen in self.screen_stack:
            for line in screen.query("#message").results(Static):
                line.update(sanitize_lines(message))

    def _redraw(self, hit: Hit) -> None:
        """Draws a paper again after its mark, star or lists have changed."""
        for number, other in enumerate(self._view.hits):
            if other.paper.id == hit.paper.id:
                self._papers.replace_option_prompt_at_index(number, self._entry(number))
        self._show_counts()
        if isinstance(self.screen, PaperScreen):
            self.screen.redraw()

    @work(thread=True, exclusive=True)
    def _load(self, load: Callable[[], View], show: Callable[[View], None]) -> None:
        """Loads a view in a thread, since the first query takes seconds, and shows it unless another is wanted."""
        worker, start = get_current_worker(), self._view
        self.call_from_thread(self._report, "searching ...")
        try:
            view = load()
        except _EXPECTED_ERRORS as error:
            self.call_from_thread(self._report, str(error))
            return
        if not worker.is_cancelled:
            self.call_from_thread(self._finish, start, show, view)

    def _finish(self, start: View, show: Callable[[View], None], view: View) -> None:
        """Shows what was loaded, unless the user has gone elsewhere meanwhile."""
        if self._view is start:
            show(view)

    def _show_next(self, view: View) -> None:
        """Shows a view from which one gets back to the present one."""
        if not view.hits:
            self._report("; ".join(page_notes(view.page)))
            return
        self._earlier.append((self._view, self._position))
        self._show(view)
        self._report("; ".join((*page_notes(view.page), "Esc: back to the list before")))

    def _append(self, view: View) -> None:
        """Shows the view with one more page at its end."""
        known = len(self._view.hits)
        self._view = view
        self._papers.add_options(self._entry(number) for number in range(known, len(view.hits)))
        self._show_counts()
        self._report("")

    def on_option_list_option_selected(self) -> None:
        """Opens a paper."""
        if self._hit:
            self.push_screen(PaperScreen(self._draw_paper))

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Loads the next page when the last paper is reached."""
        if event.option_list is self._papers and event.option_index == len(self._view.hits) - 1:
            self._load_more()

    def _draw_paper(self) -> Text:
        hit = self._hit
        if hit is None:
            return Text()
        notes = self._lists.notes([hit.paper]).get(hit.paper.id, {})
        return draw_paper(hit, notes, is_marked=hit.paper.id in self._marks)

    def _load_more(self) -> None:
        if self._view.page.cursor:
            self._load(self._view.extend, self._append)

    def action_move(self, by: int) -> None:
        """Selects another paper, also while one is open."""
        position = min(max(self._position + by, 0), len(self._view.hits) - 1)
        self._papers.highlighted = position
        if isinstance(self.screen, PaperScreen):
            self.screen.redraw(is_other_paper=True)

    def action_more(self) -> None:
        """Loads the next page."""
        if self._view.page.cursor:
            self._load_more()
        else:
            shown_all = len(self._view.hits) >= self._view.page.total
            self._report("these are all papers" if shown_all else "to get more papers, start with a larger --limit")

    def action_previous_view(self) -> None:
        """Shows the view before."""
        if self._earlier:
            self._show(*self._earlier.pop())
        else:
            self._report("this is the first list; q quits")

    def action_keys(self) -> None:
        """Shows the keys."""
        self.push_screen(TextScreen("Keys", help_text()))

    def action_query(self) -> None:
        """Asks for another query; the filters of the command line stay."""
        self.push_screen(LineScreen("Search for:", self._view.text), self._search)

    def _search(self, text: str | None) -> None:
        if text is not None:
            load = partial(_ask, self._session, text, self._base)
            self._load(partial(View.open, load, text=text), self._show_next)

    def action_similar(self) -> None:
        """Lists papers similar to the selected one."""
        if self._hit:
            paper = self._hit.paper
            query = replace(self._base, like=(paper.id,), sort="relevance")
            load = partial(_ask, self._session, "", query)
            self._load(partial(View.open, load, example=clean_title(paper)), self._show_next)

    def action_mark(self) -> None:
        """Marks the selected paper, or removes its mark."""
        if hit := self._hit:
            if self._marks.pop(hit.paper.id, None) is None:
                self._marks[hit.paper.id] = hit
            self._redraw(hit)

    def action_star(self) -> None:
        """Adds the selected paper to the list of starred ones, or removes it."""
        if hit := self._hit:
            self._change_lists(partial(self._toggle_star, hit), (hit,))

    def _toggle_star(self, hit: Hit) -> str:
        if self._has_star(hit):
            self._lists.remove(STARRED, [hit.paper.id], self._session)
            return f"removed from the list {STARRED}"
        self._lists.add_papers(STARRED, [hit.paper])
        return f"added to the list {STARRED}"

    def action_add_to_list(self) -> None:
        """Adds the marked papers, or else the selected one, to a list."""
        if hits := self._chosen_hits():
            names = ", ".join(each.name for each in self._lists.summaries())
            title = f"Add {format_count(len(hits))} to the list" + (f" ({names}, or a new one):" if names else ":")
            self.push_screen(LineScreen(title), partial(self._add_to_list, hits))

    def _add_to_list(self, hits: tuple[Hit, ...], name: str | None) -> None:
        def add() -> str:
            added = self._lists.add_papers(name or "", [hit.paper for hit in hits])
            return f"{format_count(added)} added to the list {name}"

        if name is not None:
            self._change_lists(add, hits)

    def _chosen_hits(self) -> tuple[Hit, ...]:
        return tuple(self._marks.values()) or ((self._hit,) if self._hit else ())

    def _change_lists(self, change: Callable[[], str], hits: tuple[Hit, ...]) -> None:
        """Changes lists, draws the papers again and reports what was done or why not."""
        try:
            done = change()
            self._starred = self._lists.ids(STARRED)
        except _EXPECTED_ERRORS as error:
            done = str(error)
        for hit in hits:
            self._redraw(hit)
        self._report(done)

    def action_open_address(self) -> None:
        """Opens the address of the selected paper, or shows it where no browser can open."""
        if not self._hit:
            return
        address = self._hit.paper.link
        if not address:
            self._report("the paper has no address")
        elif open_address(address):
            self._report(f"opened {address}")
        else:
            self.copy_to_clipboard(address)
            self.push_screen(TextScreen("Address", address))

    def action_cite(self) -> None:
        """Shows the BibTeX entry of the selected paper, and sends it to the clipboard of the terminal."""
        if self._hit:
            entry = formats.render_paper("bibtex", self._hit.paper).decode()
            self.copy_to_clipboard(entry)
            self.push_screen(TextScreen("BibTeX", entry))

    def action_export(self) -> None:
        """Asks for a format and a file, and writes the marked papers, or else those of the view."""
        title = f"Export {format_count(len(self._export_hits()), 'marked paper' if self._marks else 'paper')} as"
        self.push_screen(ChoiceScreen(title, sorted(formats.FORMATS, key=_OFTEN_EXPORTED.__ne__)), self._ask_file)

    def _export_hits(self) -> tuple[Hit, ...]:
        return tuple(self._marks.values()) or self._view.hits

    def _ask_file(self, name: str | None) -> None:
        if name is not None:
            chosen = formats.parse_format(name)
            line = LineScreen("File:", file_name(chosen), ReplacementCheck())
            self.push_screen(line, partial(self._export, chosen))

    def _export(self, name: formats.Format, file: str | None) -> None:
        if file is None:
            return
        hits = self._export_hits()
        try:
            write_export(file, name, self._view.export(hits), f"browse\n{self._view.text}")
        except _EXPECTED_ERRORS as error:
            self._report(f"cannot write {file}: {error}")
        else:
            self._report(f"{format_count(len(hits))} written to {file}")


def _ask(session: Session, text: str, query: Query, cursor: str) -> Page:
    return session.ask(text, replace(query, cursor=cursor))
