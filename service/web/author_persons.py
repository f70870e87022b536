"""The people behind the name of an author page: links to each of them, and forms that correct who is who."""

from collections.abc import Sequence
from dataclasses import dataclass

from search.errors import PaperNotFound, StateUnavailable
from search.people.persons import Person, Persons
from search.query.counts import format_count
from service.formats.render import clean_title
from service.state.person_statements import PersonStatement
from service.web.urls import PageUrl
from service.web.viewer import Viewer

_MAX_VISIBLE = 12
"""People before the others are folded."""
_MAX_LISTED = 60
"""People that a page lists."""
_NAMED_COAUTHORS = 2


@dataclass(frozen=True, slots=True)
class PersonLink:
    """One of the people.

    Attributes:
        id: the paper that stands for the person.
        label: what the papers are about.
        coauthors: the main ones.
        count: the number of papers, in words.
        years: of the papers; empty without dates.
        href: the page with the papers of the person alone.
        is_current: it is the present page.
    """

    id: str
    label: str
    coauthors: str
    count: str
    years: str
    href: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Undo:
    """A statement of the viewer, which a form withdraws."""

    text: str
    paper: str
    other: str


@dataclass(frozen=True, slots=True)
class PersonsView:
    """The people behind a name.

    Attributes:
        visible: the people with the most papers.
        folded: the others.
        unlisted: number of people beyond these.
        current: the person whose papers the page shows; None if it shows those of all.
        others: the people whom the present one may be joined with.
        another_paper: a further paper of the present person; empty without one.
        all_url: the page with the papers of all of them.
        undo: what the viewer has stated about their papers.
    """

    visible: tuple[PersonLink, ...]
    folded: tuple[PersonLink, ...]
    unlisted: int
    current: PersonLink | None
    others: tuple[PersonLink, ...]
    another_paper: str
    all_url: str
    undo: tuple[Undo, ...]

    @property
    def count(self) -> int:
        """The number of people."""
        return len(self.visible) + len(self.folded) + self.unlisted


def build_persons_view(viewer: Viewer, url: PageUrl, persons: Persons) -> PersonsView | None:
    """Returns the people behind a name; None if there is one person and the viewer has stated nothing.

    Args:
        viewer: whose statements count.
        url: the URL of the page.
        persons: the people.
    """
    undo = tuple(_undo(viewer, persons))
    chosen = _find_current(viewer, url, persons)
    if len(persons) < 2 and not undo:
        return None
    links = tuple(_person_link(url, person, person is chosen) for person in list(persons)[:_MAX_LISTED])
    current = _person_link(url, chosen, is_current=True) if chosen else None
    return PersonsView(
        links[:_MAX_VISIBLE],
        links[_MAX_VISIBLE:],
        len(persons) - len(links),
        current,
        tuple(link for link in links if not link.is_current),
        _another_paper(viewer, chosen) if chosen else "",
        str(url.remove_param("person")),
        undo,
    )


def _find_current(viewer: Viewer, url: PageUrl, persons: Persons) -> Person | None:
    paper = url.get_first("person")
    row = viewer.session.snapshot.find_row(paper) if paper else None
    return None if row is None else persons.person_of(row)


def _person_link(url: PageUrl, person: Person, is_current: bool) -> PersonLink:
    label = person.label[:1].upper() + person.label[1:] or "Papers"
    href = str(url.replace_param("person", person.id))
    coauthors = ", ".join(person.coauthors[:_NAMED_COAUTHORS])
    return PersonLink(person.id, label, coauthors, format_count(person.papers), person.years, href, is_current)


def _another_paper(viewer: Viewer, person: Person) -> str:
    """Returns the ID of a paper of a person other than the one that stands for the person."""
    papers = viewer.session.snapshot.store.get(person.rows[:2].tolist())
    return next((paper.id for paper in papers if paper.id != person.id), "")


def _undo(viewer: Viewer, persons: Persons) -> Sequence[Undo]:
    """Returns the viewer's statements about papers of the name."""
    try:
        statements = viewer.person_statements.all()
    except StateUnavailable:
        return ()
    rows = {row for person in persons for row in person.rows.tolist()} if statements else set()
    find = viewer.session.snapshot.find_row
    return [
        Undo(_describe(viewer, each), each.paper, each.other)
        for each in statements
        if find(each.paper) in rows and find(each.other) in rows
    ]


def _describe(viewer: Viewer, statement: PersonStatement) -> str:
    paper, other = (_title(viewer, each) for each in (statement.paper, statement.other))
    if statement.relation == "same":
        return f"{paper} and {other} are by one person."
    return f"{paper} is not by the person who wrote {other}."


def _title(viewer: Viewer, paper_id: str) -> str:
    try:
        return f"“{clean_title(viewer.session.paper(paper_id))}”"
    except PaperNotFound:
        return paper_id
