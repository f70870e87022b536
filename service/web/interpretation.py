"""How a query was understood: a removable chip for each of its parts, and notes on the authors that it names."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from search.errors import PaperNotFound
from search.language.describe import describe_condition, describe_theme
from search.papers.categories import find_category_name
from search.papers.kinds import KIND_LABELS, parse_kind
from search.papers.words import truncate_words
from search.query.author import parse_author
from search.query.author_match import AuthorMatch
from search.query.condition import AddedBetween, InDateRange
from search.query.filter import Filter
from search.query.page import Page, QueryPart
from search.session import Session
from service.formats.render import clean_title
from service.web.author_correction import AuthorCorrector
from service.web.html import MODE_LABELS, Link
from service.web.urls import PageUrl, author_page_url

_MAX_VARIANTS = 8
_ABOUT = re.compile(r"about '(.*)'", re.DOTALL)
"""Matches the description of the text that papers are ranked by."""
_PHRASE = re.compile(r'".*"', re.DOTALL)
"""Matches the description of a required phrase."""


@dataclass(frozen=True, slots=True)
class Chip:
    """A part of the query.

    Attributes:
        label: the part in words.
        remove_url: the URL of the query without it.
    """

    label: str
    remove_url: str


@dataclass(frozen=True, slots=True)
class AuthorNote:
    """A note on an author that the query names.

    Attributes:
        name: as the query writes it.
        href: the page of the author.
        variants: the spellings that match, each with a link that excludes it and its number of papers.
        more_variants: the number of further spellings.
        suggestions: similar names, if nobody has this one; each link searches for that name instead.
    """

    name: str
    href: str
    variants: tuple[tuple[Link, int], ...]
    more_variants: int
    suggestions: tuple[Link, ...]


def build_chips(url: PageUrl, filters: Filter, page: Page, session: Session) -> tuple[Chip, ...]:
    """Returns chips for the parts of the query text, followed by those for the other parameters."""
    return (*_query_chips(url, page.parts), *build_parameter_chips(url, filters, session))


def build_view_chips(url: PageUrl, filters: Filter, text: str, session: Session) -> tuple[Chip, ...]:
    """Returns the chips of the results page for another view of its answer.

    Args:
        url: the URL of the view.
        filters: the parameters that filter.
        text: the text of the search box that is answered.
        session: the index that answers.
    """
    return (*_query_chips(url, session.parts(text)), *build_parameter_chips(url, filters, session))


def build_parameter_chips(url: PageUrl, filters: Filter, session: Session) -> tuple[Chip, ...]:
    """Returns chips for the parameters other than the query text."""
    return (*_filter_chips(url, filters), *_paper_chips(url, session), *_mode_chips(url))


def build_author_notes(url: PageUrl, filters: Filter, page: Page, session: Session) -> tuple[AuthorNote, ...]:
    """Returns a note for each author with several spellings or with none; a repeated name has one note."""
    noted = [match for match in dict.fromkeys(page.authors) if len(match.variants) != 1]
    if not any(match.suggestions for match in noted):
        return tuple(_build_author_note(url, match) for match in noted)
    corrector = AuthorCorrector(url, session, filters, page.authors)
    return tuple(_build_author_note(url, match, _suggestion_links(corrector, match)) for match in noted)


def quoted_title(session: Session, paper_id: str) -> str:
    """Returns a paper's title in quotes, or the ID if no paper has it."""
    try:
        return f"“{truncate_words(clean_title(session.paper(paper_id)), max_words=9)}”"
    except PaperNotFound:
        return paper_id


def _query_chips(url: PageUrl, parts: Iterable[QueryPart]) -> Iterator[Chip]:
    for part in parts:
        yield Chip(_part_label(part.description), str(url.replace_param("q", part.remaining_query)))


def _part_label(description: str) -> str:
    """Returns a part of the query as a chip shows it: the words that papers are ranked by stand alone, in quotes."""
    if words := _ABOUT.fullmatch(description):
        return f"“{words[1]}”"
    return f"contains {description}" if _PHRASE.fullmatch(description) else description


def _filter_chips(url: PageUrl, filters: Filter) -> Iterator[Chip]:
    for name in url.get_all("author"):
        yield Chip(describe_condition(parse_author(name)), str(url.remove_param("author", name)))
    for name in url.get_all("not_author"):
        yield Chip(f"not {describe_condition(parse_author(name))}", str(url.remove_param("not_author", name)))
    for code in url.get_all("category"):
        name = find_category_name(code) or ""
        yield Chip(f"{code} {name}".strip(), str(url.remove_param("category", code)))
    for kind in url.get_all("kind"):
        yield Chip(KIND_LABELS[parse_kind(kind)], str(url.remove_param("kind", kind)))
    if label := url.get_first("theme"):
        yield Chip(describe_theme(label), str(url.remove_param("theme")))
    for prefix, condition in (
        ("", InDateRange(filters.published_from, filters.published_to)),
        ("updated_", InDateRange(filters.updated_from, filters.updated_to, "updated")),
        ("added_", AddedBetween(filters.added_from, filters.added_to)),
    ):
        if condition.start or condition.end:
            remaining = url.remove_param(f"{prefix}from").remove_param(f"{prefix}to")
            yield Chip(describe_condition(condition), str(remaining))


def _paper_chips(url: PageUrl, session: Session) -> Iterator[Chip]:
    for name in ("like", "unlike"):
        for paper_id in url.get_all(name):
            yield Chip(f"{name} {quoted_title(session, paper_id)}", str(url.remove_param(name, paper_id)))


def _mode_chips(url: PageUrl) -> Iterator[Chip]:
    label = MODE_LABELS.get(url.get_first("mode"))
    if label:
        yield Chip(f"by {label}", str(url.remove_param("mode")))


def _build_author_note(url: PageUrl, match: AuthorMatch, suggestions: tuple[Link, ...] = ()) -> AuthorNote:
    variants = tuple(
        (Link(count.value, str(url.include_param("not_author", count.value))), count.papers)
        for count in match.variants[:_MAX_VARIANTS]
    )
    more_variants = match.more_variants + len(match.variants[_MAX_VARIANTS:])
    return AuthorNote(match.name, author_page_url(match.name), variants, more_variants, suggestions)


def _suggestion_links(corrector: AuthorCorrector, match: AuthorMatch) -> tuple[Link, ...]:
    return tuple(Link(name, corrector.url_with(match, name)) for name in match.suggestions)
