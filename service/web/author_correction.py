"""Links that correct the name of an author in a query and keep everything else."""

import re
from collections.abc import Iterable, Sequence
from datetime import date

from search.language.parser import ParsedQuery, parse_query
from search.language.tokens import Token
from search.language.tree import leaves
from search.papers.normalization import strip_control_characters
from search.query.author import parse_author
from search.query.author_match import AuthorMatch
from search.query.condition import Author
from search.query.filter import Filter
from search.ranking.variants import included_authors
from search.session import Session
from service.web.urls import PageUrl

_FIELD_PREFIX = re.compile(r"=?([A-Za-z_]+:)")
_QUOTES_AND_WILDCARDS = re.compile(r'["“”*]')


class AuthorCorrector:
    """Replaces names of authors in the URL of a search.

    Args:
        url: the URL of the search.
        session: supplies the categories that the query is parsed with.
        filters: the filters from the parameters of the URL.
        matches: the page's authors: those of the parameters, followed by other ones of the query.
    """

    def __init__(self, url: PageUrl, session: Session, filters: Filter, matches: Sequence[AuthorMatch]) -> None:
        self._url = url
        self._query = strip_control_characters(url.get_first("q"))
        parsed = parse_query(self._query, today=date.today(), categories=session.snapshot.columns.categories.codes)
        authors = list(included_authors(parsed.condition)) if parsed.condition else []
        parameters = [(text, parse_author(text)) for text in filters.authors]
        listed = dict.fromkeys([*(author for _, author in parameters), *authors])  # equal authors are listed once
        match_of = dict(zip(listed, matches, strict=False))  # of many authors, a page lists only the first
        self._parameters = [(text, match_of.get(author)) for text, author in parameters]
        self._conditions = [(each, match_of.get(each[0])) for each in _with_tokens(authors, parsed)]

    def url_with(self, wrong: AuthorMatch, name: str) -> str:
        """Returns the URL of the same search with another name wherever the wrong one is required.

        Markers of position and exactness are kept, and so are conditions that exclude the wrong name.
        """
        url = self._url
        for text, match in self._parameters:
            if match == wrong:
                url = url.replace_value("author", text, _write_parameter(parse_author(text), name))
        found = [(author, token) for (author, token), match in self._conditions if match == wrong]
        query = self._query
        for author, token in sorted(found, key=lambda each: each[1].start, reverse=True):
            query = query[: token.start] + _write_condition(self._query, author, token, name) + query[token.end :]
        return str(url.replace_param("q", query) if found else url)


def _with_tokens(authors: Iterable[Author], parsed: ParsedQuery) -> list[tuple[Author, Token]]:
    """Returns each author with the token that it was read from."""
    tokens: dict[int | None, Token] = {leaf.start + 1: leaf.token for leaf in leaves(parsed.clauses)}
    return [(author, tokens[author.text_position]) for author in authors]


def _write_parameter(author: Author, name: str) -> str:
    """Returns the value of an ``author`` parameter; quotes would make the name exact there."""
    first, exact, last = _markers(author)
    return f"{first}{exact}{_clean(name)}{last}"


def _write_condition(query: str, author: Author, token: Token, name: str) -> str:
    """Returns the condition that replaces the text of a token."""
    first, exact, last = _markers(author)
    prefix = _FIELD_PREFIX.match(query, token.start, token.end)
    if prefix:
        first = "" if token.field == "first" else first
        return f'{prefix[1]}{first}{exact}"{_clean(name)}"{last}'
    if first or last:  # within a group of values a quoted name can have neither; underscores join its words
        return f"{first}{exact}{'_'.join(_clean(name).split())}{last}"
    return f'{exact}"{_clean(name)}"'


def _markers(author: Author) -> tuple[str, str, str]:
    return "^" * (author.position == "first"), "=" * author.exact, "$" * (author.position == "last")


def _clean(name: str) -> str:
    """Returns a name without characters that have a meaning in queries."""
    return _QUOTES_AND_WILDCARDS.sub("", name).strip("^=$ ")
