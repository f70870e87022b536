"""Reading: what is asked as chips, each of which can be taken away, and what else the question may have meant."""

from collections.abc import Iterator
from dataclasses import dataclass

from search.errors import PaperNotFound
from search.language.paraphrase import said
from search.papers.categories import name_of
from search.papers.paper import Date
from search.query.author import author
from search.query.condition import Dated
from search.query.filter import Filter
from search.query.page import AuthorMatch, Page
from search.session import Session
from service.formats.render import shortened, title_of
from service.web.address import Address, author_address
from service.web.html import Link

_VARIANTS = 8
_MODES = {"semantic": "by meaning alone", "lexical": "by words alone"}
"""What a chip says of a mode that is not the usual one."""


@dataclass(frozen=True, slots=True)
class Chip:
    """A part of what is asked. ``without``: the question without it."""

    said: str
    without: str


@dataclass(frozen=True, slots=True)
class Named:
    """An author who was asked for.

    Attributes:
        variants: how often papers write the name in which way; each link leaves one out. others: how many more ways.
        meant: near names where nobody has this one; each link asks for it instead.
    """

    asked: str
    href: str
    variants: tuple[tuple[Link, int], ...]
    others: int
    meant: tuple[Link, ...]


def chips(asked: Address, filters: Filter, page: Page, session: Session) -> tuple[Chip, ...]:
    """The parts of the box, then every other parameter that narrows or moves the answer."""
    return (*_of_box(asked, page), *_of_filters(asked, filters), *_of_papers(asked, session), *_of_mode(asked))


def named(asked: Address, page: Page) -> tuple[Named, ...]:
    """The authors who were asked for, where there is something to choose."""
    found = (_named(asked, page, match) for match in page.authors)
    return tuple(each for each in found if each.meant or len(each.variants) > 1 or not each.variants)


def titled(session: Session, paper_id: str) -> str:
    """A paper's title in quotes, its id where nobody knows it."""
    try:
        return f"“{shortened(title_of(session.paper(paper_id)), words=9)}”"
    except PaperNotFound:
        return paper_id


def _of_box(asked: Address, page: Page) -> Iterator[Chip]:
    for part in page.parts:
        yield Chip(part.said, str(asked.setting("q", part.without)))


def _of_filters(asked: Address, filters: Filter) -> Iterator[Chip]:
    for name in asked.values("author"):
        yield Chip(said(author(name)), str(asked.removing("author", name)))
    for name in asked.values("not_author"):
        yield Chip(f"not {said(author(name))}", str(asked.removing("not_author", name)))
    for code in asked.values("category"):
        known = name_of(code)
        yield Chip(f"{code} {known}" if known else code, str(asked.removing("category", code)))
    yield from _of_dates(asked, ("from", "to"), (filters.published_from, filters.published_to))
    yield from _of_dates(asked, ("updated_from", "updated_to"), (filters.updated_from, filters.updated_to))


def _of_dates(asked: Address, names: tuple[str, str], days: tuple[Date | None, Date | None]) -> Iterator[Chip]:
    if any(days):
        bare = asked.removing(names[0]).removing(names[1])
        yield Chip(said(Dated(*days, "published" if names[0] == "from" else "updated")), str(bare))


def _of_papers(asked: Address, session: Session) -> Iterator[Chip]:
    for name in ("like", "unlike"):
        for paper_id in asked.values(name):
            yield Chip(f"{name} {titled(session, paper_id)}", str(asked.removing(name, paper_id)))


def _of_mode(asked: Address) -> Iterator[Chip]:
    if (mode := asked.first("mode")) in _MODES:
        yield Chip(_MODES[mode], str(asked.removing("mode")))


def _named(asked: Address, page: Page, match: AuthorMatch) -> Named:
    variants = tuple(
        (Link(count.value, str(asked.adding("not_author", count.value))), count.papers)
        for count in match.variants[:_VARIANTS]
    )
    others = match.others + len(match.variants[_VARIANTS:])
    meant = tuple(Link(name, _instead(asked, page, match.asked, name)) for name in match.meant)
    return Named(match.asked, author_address(match.asked), variants, others, meant)


def _instead(asked: Address, page: Page, wrong: str, name: str) -> str:
    """The question with another name in place of one that nobody has."""
    for value in asked.values("author"):
        if author(value).name == wrong:
            return str(asked.removing("author", value).adding("author", name))
    for part in page.parts:
        if wrong in part.said:
            return str(asked.setting("q", f'{part.without} au:"{name}"'.strip()))
    return author_address(name)
