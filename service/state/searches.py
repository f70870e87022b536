"""SavedSearch: the text and the options of a search, as they were typed, so that dates such as 30d stay relative."""

import shlex
from dataclasses import dataclass, fields
from typing import Any, Self

from search.errors import InvalidValue
from search.papers.json import Json
from search.query.filter import Filter
from search.query.query import MAX_EXAMPLES, Mode, Query

_PARAMETERS = {"text": "q", "start": "from", "end": "to", "authors": "author", "not_authors": "not_author"}
_PARAMETERS |= {"categories": "category", "kinds": "kind"}
"""Names that the HTTP API, and the JSON form, have for fields; the others have the same."""


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A search to repeat; the fields are those of the command line and of the HTTP API.

    Attributes:
        text: what the search box contains.
        authors: each must be an author.
        not_authors: exact names that no author may have.
        categories: at least one must be a category.
        kinds: each must be a kind of the paper.
        start: published on or after; None for any date.
        end: published on or before.
        updated_from: updated on or after.
        updated_to: updated on or before.
        like: IDs of papers that others should be similar to.
        unlike: IDs of papers that others should not be similar to.
        list: name of a list whose papers others should be similar to; empty for none.
        mode: how to rank.
    """

    text: str = ""
    authors: tuple[str, ...] = ()
    not_authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    start: str | None = None
    end: str | None = None
    updated_from: str | None = None
    updated_to: str | None = None
    like: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()
    list: str = ""
    mode: Mode = "hybrid"

    def to_query(self, more_like: tuple[str, ...] = ()) -> Query:
        """Returns the query without its text, for ``Session.ask``; relative dates count from today.

        Args:
            more_like: IDs of papers besides ``like``, such as those of the list.

        Raises:
            InvalidValue: a value is invalid, or a relative date has become so; see ``Filter.parse`` and ``Query``.
        """
        dates = {"from": self.start, "to": self.end, "updated_from": self.updated_from, "updated_to": self.updated_to}
        like = tuple(dict.fromkeys((*self.like, *more_like)))[:MAX_EXAMPLES]
        narrow = Filter.parse(self.authors, self.not_authors, self.categories, dates, kinds=self.kinds)
        return Query(filter=narrow, mode=self.mode, like=like, unlike=self.unlike, verbatim=True)

    def to_json(self) -> dict[str, Json]:
        """Returns the fields that are set, by the names of the parameters of the HTTP API."""
        values = {_PARAMETERS.get(each.name, each.name): getattr(self, each.name) for each in fields(self)}
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
        return {name: value for name, value in values.items() if value and (name, value) != ("mode", "hybrid")}

    @classmethod
    def from_json(cls, content: Any) -> Self:
        """Reads the output of ``to_json``.

        Raises:
            InvalidValue: it is not a JSON object of known fields with values of their types.
        """
        if not isinstance(content, dict):
            raise InvalidValue("search", content, "use an object with the parameters of a search")
        names = {_PARAMETERS.get(each.name, each.name): each.name for each in fields(cls)}
        values: dict[str, Any] = {}
        for name, value in content.items():
            if name not in names:
                raise InvalidValue("search", name, f"unknown parameter; the parameters are {', '.join(names)}")
            takes_several = isinstance(_DEFAULTS[names[name]], tuple)
            texts = value if isinstance(value, list) else [value]
            if isinstance(value, list) != takes_several or not all(isinstance(each, str) for each in texts):
                raise InvalidValue(name, value, "use a list of texts" if takes_several else "use a text")
            values[names[name]] = tuple(texts) if takes_several else value
        return cls(**values)

    def describe(self) -> str:
        """Returns the search in one line, as options of the command line follow a query."""
        options = ((name, value) for name, value in self.to_json().items() if name != "q")
        shown = [
            f"--{name.replace('_', '-')} {shlex.quote(str(each))}"
            for name, value in options
            for each in (value if isinstance(value, list) else [value])
        ]
        return " ".join([*([self.text] if self.text else []), *shown]) or "all papers"


_DEFAULTS = {each.name: each.default for each in fields(SavedSearch)}
