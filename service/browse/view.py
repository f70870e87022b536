"""View: a list of papers that grows page by page."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from search.query.counts import format_count
from search.query.hit import Hit
from search.query.page import Page

LoadPage = Callable[[str], Page]
"""Returns the page that follows a cursor; the first page for an empty one."""


@dataclass(frozen=True, slots=True)
class View:
    """The papers that an answer has shown so far, and how to get more of them.

    Attributes:
        load: returns the page that follows a cursor.
        page: the last page.
        hits: those of all pages.
        text: what is in the search box for this view.
        example: the title of the paper that all others are similar to; empty for other views.
    """

    load: LoadPage
    page: Page
    hits: tuple[Hit, ...]
    text: str = ""
    example: str = ""

    @classmethod
    def open(cls, load: LoadPage, *, text: str = "", example: str = "") -> "View":
        """Loads the first page.

        Raises:
            PapersError: see ``load``.
        """
        page = load("")
        return cls(load, page, page.hits, text, example)

    def extend(self) -> "View":
        """Returns the view with one page more; itself if this one is the last."""
        if not self.page.cursor:
            return self
        page = self.load(self.page.cursor)
        return replace(self, page=page, hits=(*self.hits, *page.hits))

    @property
    def heading(self) -> str:
        """What the papers have in common."""
        return self.page.interpretation + (f": {self.example}" if self.example else "")

    @property
    def counts(self) -> str:
        """How many papers are listed, of how many."""
        total = format_count(self.page.total, estimated=self.page.total_estimated)
        return f"{len(self.hits):,} of {total}"

    def export(self, hits: tuple[Hit, ...]) -> Page:
        """Returns a page of the given hits, which the export formats render."""
        return replace(self.page, hits=hits, total=len(hits), total_estimated=False, cursor=None)
