"""Paper: the type that sources produce, the index stores and searches return."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from search.papers import identifiers
from search.papers.date import Date
from search.papers.fields import INDEX_FIELDS, PaperField, encode_text, encode_texts, json_fields
from search.papers.json import Json

_MAX_BYLINE_AUTHORS = 6
"""Number of authors in a byline."""


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper, or one source's record of a paper: both have the same fields.

    The annotations are the one definition of these fields. ``to_dict`` and ``to_json``, the schema of the API, the
    columns of CSV and the importers derive from them (``search.papers.fields``); only a reader that fills a new field
    and a bibliographic format that has a place for it must be changed as well.
    """

    ids: Annotated[tuple[str, ...], "Canonical IDs, the public one first; empty only before an ID is assigned"] = ()
    title: Annotated[str | None, "Title as plain text, white space collapsed"] = None
    abstract: Annotated[str | None, "Abstract as plain text, white space collapsed"] = None
    authors: Annotated[tuple[str, ...], "Full names in order, as the source spells them; namesakes repeat"] = ()
    authors_partial: Annotated[bool, 'Whether the source truncates the list of authors ("et al.")'] = False
    published: Annotated[Date | None, "Date of first publication: a year, a month or a day"] = None
    updated: Annotated[Date | None, "Date of the last change that the source reports"] = None
    added: Annotated[datetime | None, "Time at which the paper became part of this index, in UTC"] = field(
        default=None, compare=False
    )
    categories: Annotated[tuple[str, ...], "Category codes such as cs.CL, the primary one first"] = ()
    url: Annotated[str | None, "Where to read the paper: the source's URL, else the URL of its public ID"] = None
    version: Annotated[int | None, "Version of the arXiv paper that the text is from"] = None
    retraction: Annotated[str | None, "retracted or withdrawn, if the paper was; else absent"] = None
    citations: Annotated[
        int | None, "How often the paper is cited, by the largest count of a source; absent without one"
    ] = None
    references: Annotated[
        tuple[str, ...], "Canonical IDs of the papers that it cites, as far as a source has them"
    ] = ()
    extra: Annotated[Mapping[str, Json], "Further fields of the source by name, such as comment or journal"] = field(
        default_factory=dict
    )
    sources: Annotated[tuple[str, ...], "Where the record comes from, as format:file name, sorted"] = ()

    @property
    def id(self) -> str:
        """The public ID."""
        return self.ids[0]

    @property
    def text(self) -> str:
        """The text to embed: title + ". " + abstract, or whichever of them is present."""
        return ". ".join(part for part in (self.title, self.abstract) if part)

    @property
    def link(self) -> str | None:
        """The URL from the source, which may be any text, else the URL of the public ID."""
        return self.url or (identifiers.id_url(self.id) if self.ids else None)

    @property
    def byline(self) -> str:
        """The first authors, and the number of further ones."""
        more = len(self.authors) - _MAX_BYLINE_AUTHORS
        rest = f" and {more:,} more" if more > 0 else ""
        return ", ".join(self.authors[:_MAX_BYLINE_AUTHORS]) + rest + (" et al." if self.authors_partial else "")

    @property
    def title_html(self) -> str:
        """The title, escaped, as a link to the paper."""
        from search.papers.debris import clean_text
        from search.papers.html import link_html

        return link_html(clean_text(self.title or (self.id if self.ids else "(untitled)")), self.link or "")

    def _repr_html_(self) -> str:
        """The paper as a notebook shows it."""
        from search.papers.debris import clean_text
        from search.papers.html import article_html

        retraction = (self.retraction or "").upper()
        facts = (retraction, self.id if self.ids else "", str(self.published or ""), " ".join(self.categories))
        line = " · ".join(fact for fact in (*facts, self.byline) if fact)
        return article_html(self.title_html, line, clean_text(self.abstract or ""))

    def to_dict(self) -> dict[str, Json]:
        """Returns every field as JSON, null or empty if absent; ``url`` is ``link``."""
        fields: dict[str, Json] = {name: encode(getattr(self, name)) for name, encode in _OUTPUT_ENCODERS}
        fields["url"] = encode_text(self.link)
        return {"id": encode_text(self.ids[0]) if self.ids else None, **fields}

    def to_json(self) -> dict[str, Json]:
        """Returns the JSON object that the index stores: no absent fields, and ``ids`` without the public ID.

        ``from_json`` reads it back unchanged. ``added`` is not part of it, since it does not describe the paper.
        """
        values: dict[str, Json] = {"id": encode_text(self.ids[0])} if self.ids else {}
        if len(self.ids) > 1:
            values["ids"] = encode_texts(self.ids[1:])
        for name, encode in _STORED_AFTER_IDS:
            value = getattr(self, name)
            if value or (value == 0 and value is not False):  # a count of 0 is known
                values[name] = encode(value)
        return values

    @classmethod
    def from_json(cls, fields: Mapping[str, Json], added: int = 0) -> Self:
        """Reads the output of ``to_json``; use ``indexer.sources`` for other input.

        Args:
            fields: the output.
            added: the time at which the paper was added, in seconds since 1970 (UTC); 0 if it is not known.
        """
        values: dict[str, Any] = {name: _DECODERS[name](value) for name, value in fields.items() if name in _DECODERS}
        values["ids"] = (str(fields["id"]), *values.get("ids", ())) if "id" in fields else ()
        extra = values.get("extra")
        if extra and isinstance(extra.get("citations"), int):  # an earlier version wrote it there
            values["citations"], values["extra"] = _take_citations(extra)
        if added:
            values["added"] = datetime.fromtimestamp(added, UTC)
        return cls(**values)


def _take_citations(extra: Mapping[str, Json]) -> tuple[Json, Mapping[str, Json]]:
    """Returns the citation count of further fields, and the others."""
    return extra["citations"], {name: value for name, value in extra.items() if name != "citations"}


_PUBLIC_ID = PaperField("id", "Canonical ID: the first of ids", str, str, str, ("arxiv:2604.24432",))
_OWN_FIELDS = json_fields(Paper)
_STORED_FIELDS = tuple(each for each in _OWN_FIELDS if each.name not in INDEX_FIELDS)
_STORED_AFTER_IDS = tuple((each.name, each.encode) for each in _STORED_FIELDS if each.name != "ids")
_DECODERS = {each.name: each.decode for each in _STORED_FIELDS}


def _output_fields() -> tuple[PaperField, ...]:
    """The public ID, then the fields in order, but the abstract after all short ones: it would hide them in a table."""
    names = [each.name for each in _OWN_FIELDS if each.name != "abstract"]
    names.insert(names.index("url") + 1, "abstract")
    by_name = {each.name: each for each in _OWN_FIELDS}
    return (_PUBLIC_ID, *(by_name[name] for name in names))


JSON_FIELDS = _output_fields()
"""The fields of ``Paper.to_dict``, in order."""
_OUTPUT_ENCODERS = tuple((each.name, each.encode) for each in JSON_FIELDS if each is not _PUBLIC_ID)
