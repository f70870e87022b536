"""Reading: what is asked as chips, each of which can be taken away, and what else the question may have meant."""

from collections.abc import Iterator
from dataclasses import dataclass

from search.errors import PaperNotFound
from search.language.describe import describe_condition
from search.papers.categories import find_category_name
from search.papers.paper import Date
from search.papers.words import truncate_words
from search.query.author import parse_author
from search.query.condition import InDateRange
from search.query.filter import Filter
from search.query.page import AuthorMatch, Page
from search.session import Session
from service.formats.render import display_title
from service.web.html import Link
from service.web.urls import PageUrl, author_page_url

_MAX_VARIANTS = 8
_MODE_LABELS = {"semantic": "by meaning alone", "lexical": "by words alone"}
"""What a chip says of a mode that is not the usual one."""


@dataclass(frozen=True, slots=True)
class Chip:
    """A part of what is asked. ``without``: the question without it."""

    label: str
    remove_url: str


@dataclass(frozen=True, slots=True)
class AuthorNote:
    """An author who was asked for.

    Attributes:
        variants: how often papers write the name in which way; each link leaves one out. others: how many more ways.
        meant: near names where nobody has this one; each link asks for it instead.
    """

    name: str
    href: str
    variants: tuple[tuple[Link, int], ...]
    more_variants: int
    suggestions: tuple[Link, ...]


def build_chips(asked: PageUrl, filters: Filter, page: Page, session: Session) -> tuple[Chip, ...]:
    """The parts of the box, then every other parameter that narrows or moves the answer."""
    return (
        *_query_chips(asked, page),
        *_filter_chips(asked, filters),
        *_paper_chips(asked, session),
        *_mode_chips(asked),
    )


def build_author_notes(asked: PageUrl, page: Page) -> tuple[AuthorNote, ...]:
    """The authors who were asked for, where there is something to choose."""
    found = (_build_author_note(asked, page, match) for match in page.authors)
    return tuple(each for each in found if each.suggestions or len(each.variants) > 1 or not each.variants)


def quoted_title(session: Session, paper_id: str) -> str:
    """A paper's title in quotes, its id where nobody knows it."""
    try:
        return f"“{truncate_words(display_title(session.paper(paper_id)), max_words=9)}”"
    except PaperNotFound:
        return paper_id


def _query_chips(asked: PageUrl, page: Page) -> Iterator[Chip]:
    for part in page.parts:
        yield Chip(part.description, str(asked.replace_param("q", part.remaining_query)))


def _filter_chips(asked: PageUrl, filters: Filter) -> Iterator[Chip]:
    for name in asked.get_all("author"):
        yield Chip(describe_condition(parse_author(name)), str(asked.remove_param("author", name)))
    for name in asked.get_all("not_author"):
        yield Chip(f"not {describe_condition(parse_author(name))}", str(asked.remove_param("not_author", name)))
    for code in asked.get_all("category"):
        known = find_category_name(code)
        yield Chip(f"{code} {known}" if known else code, str(asked.remove_param("category", code)))
    yield from _date_chips(asked, ("from", "to"), (filters.published_from, filters.published_to))
    yield from _date_chips(asked, ("updated_from", "updated_to"), (filters.updated_from, filters.updated_to))


def _date_chips(asked: PageUrl, names: tuple[str, str], days: tuple[Date | None, Date | None]) -> Iterator[Chip]:
    if any(days):
        bare = asked.remove_param(names[0]).remove_param(names[1])
        yield Chip(describe_condition(InDateRange(*days, "published" if names[0] == "from" else "updated")), str(bare))


def _paper_chips(asked: PageUrl, session: Session) -> Iterator[Chip]:
    for name in ("like", "unlike"):
        for paper_id in asked.get_all(name):
            yield Chip(f"{name} {quoted_title(session, paper_id)}", str(asked.remove_param(name, paper_id)))


def _mode_chips(asked: PageUrl) -> Iterator[Chip]:
    if (mode := asked.get_first("mode")) in _MODE_LABELS:
        yield Chip(_MODE_LABELS[mode], str(asked.remove_param("mode")))


def _build_author_note(asked: PageUrl, page: Page, match: AuthorMatch) -> AuthorNote:
    variants = tuple(
        (Link(count.value, str(asked.include_param("not_author", count.value))), count.papers)
        for count in match.variants[:_MAX_VARIANTS]
    )
    others = match.more_variants + len(match.variants[_MAX_VARIANTS:])
    meant = tuple(Link(name, _url_with_author(asked, page, match.name, name)) for name in match.suggestions)
    return AuthorNote(match.name, author_page_url(match.name), variants, others, meant)


def _url_with_author(asked: PageUrl, page: Page, wrong: str, name: str) -> str:
    """The question with another name in place of one that nobody has."""
    for value in asked.get_all("author"):
        if parse_author(value).name == wrong:
            return str(asked.remove_param("author", value).include_param("author", name))
    for part in page.parts:
        if wrong in part.description:
            return str(asked.replace_param("q", f'{part.remaining_query} au:"{name}"'.strip()))
    return author_page_url(name)
