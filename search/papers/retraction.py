"""Retraction: whether a record says that its paper was retracted or withdrawn, in one place for all formats.

Publishers mark titles ("RETRACTED: ..."), arXiv has a comment, PubMed the publication type "Retracted Publication"
(https://www.nlm.nih.gov/bsd/policy/errata.html), Crossref and OpenAlex fields of their own, which readers keep in
``extra``. A notice is not retracted itself; it marks the papers that it names.
"""

import re
from collections.abc import Mapping
from typing import Literal, get_args

from search.papers import identifiers
from search.papers.json import Json

Retraction = Literal["retracted", "withdrawn"]
"""Retracted by the journal, or withdrawn by the authors or the archive."""

RETRACTED_ID = "is:retracted"
"""The ID by whose key the store finds all papers that are retracted or withdrawn."""
WITHDRAWN_ID = "is:withdrawn"
"""Stands for those of them that are withdrawn; no key of the store does."""

_TITLE_MARK = re.compile(
    r"\W*(?P<first>retracted|withdrawn)(?:\s+(?:article|paper|chapter|manuscript|publication|preprint))?\s*"
    r"(?:[\])]|:|--|[\u2013\u2014])"
    r"|.*[\[(](?P<last>retracted|withdrawn)(?:\s+(?:article|paper|chapter))?(?:[.:;,]\s.*)?[\])]\W*\Z",
    re.IGNORECASE | re.DOTALL,
)
"""A mark of a title: ``RETRACTED ARTICLE: ...``, ``[Retracted] ...`` or ``... (Retracted article. See vol. 1)``."""
_WORK = r"(?:papers?|articles?|submissions?|manuscripts?|pre-?prints?|drafts?|entry|versions?|works?|study|report|note)"
_OWNER = r"(?:this|the|our|my|above|current|present|entire|original)"
_DONE = (
    r"(?:withdrawn|retracted)\b(?! (?:by|from)\b(?! (?:the |its |an? )?(?:authors?|us|me|arxiv|corresponding|first|"
    r"submitter|publisher|editors?|journal)\b))"
)
"""The participle, unless a paper was withdrawn from a conference."""
_STATEMENT = re.compile(
    rf"(?:\A|[.;:]\s+)\W*(?:arxiv admin note:\s*)?{_DONE}"
    rf"|\b{_OWNER} (?:\w+ ){{0,2}}?{_WORK}\b[^.;]{{0,60}}?\b(?:is|are|was|were|been|being|be) (?:\w+ ){{0,2}}?{_DONE}"
    rf"|\b{_WORK} withdrawn\b"
    rf"|\b(?:needs? to|must|should|will) be {_DONE}"
    rf"|\b(?:withdraw|withdrawing|retract|retracting) (?:and \w+ )?(?:{_OWNER}|it)\b"
    r"(?! (?:claim|theorem|lemma|statement|result|conjecture))"
    rf"|\b(?:withdrawal|retraction) of {_OWNER} (?:\w+ )?{_WORK}"
    r"|\b(?:request\w*|requires?|ask\w*) (?:for )?(?:the |this |a )?(?:withdrawal|retraction)\b"
    r"|\bplease (?:withdraw|retract)\b",
    re.IGNORECASE,
)
"""How comments of arXiv, and abstracts in place of which they stand, say that the paper is withdrawn."""
_FLAG_FIELDS = ("retracted", "is_retracted")
"""Further fields whose value is true for a retracted paper."""
_TYPE_FIELDS = ("type", "types", "publication_type", "publication_types", "publication type", "document type")
"""Further fields that have types of publication."""
_STATUS_FIELDS = frozenset((*_FLAG_FIELDS, *_TYPE_FIELDS))
_RETRACTED_TYPES = ("retracted publication", "retracted article", "retracted")
"""Types that a retracted paper has."""
_MAX_NOTICE_CHARACTERS = 300
"""Characters of an abstract above which it is one, and not a notice that the paper is withdrawn."""


def parse_retraction(text: str | None) -> Retraction | None:
    """Parses the value that exports of this program write; None for any other text."""
    return next((value for value in get_args(Retraction) if value == text), None)


def find_retraction(title: str, abstract: str, extra: Mapping[str, Json]) -> Retraction | None:
    """Returns whether a record says that the paper was retracted or withdrawn; else None.

    Args:
        title: Its title.
        abstract: Its abstract.
        extra: The further fields of its source.
    """
    if _mentions_retraction(title) and (match := _TITLE_MARK.match(title)):
        return "withdrawn" if (match["first"] or match["last"]).lower() == "withdrawn" else "retracted"
    if not _STATUS_FIELDS.isdisjoint(extra) and (
        any(_is_true(extra.get(name)) for name in _FLAG_FIELDS) or _has_retracted_type(extra)
    ):
        return "retracted"
    comment = extra.get("comment")
    texts = (comment if isinstance(comment, str) else "", abstract if len(abstract) <= _MAX_NOTICE_CHARACTERS else "")
    return "withdrawn" if any(_mentions_retraction(text) and _STATEMENT.search(text) for text in texts) else None


def find_retracted_ids(extra: Mapping[str, Json]) -> frozenset[str]:
    """Returns the canonical IDs of the papers that a notice retracts, which readers keep as ``retraction_of``."""
    values = extra.get("retraction_of")
    if not values:
        return frozenset()
    parsed = (identifiers.parse(str(each)) for each in (values if isinstance(values, list) else [values]) if each)
    return frozenset(each.id for each in parsed if each)


def retraction_key(paper_id: str) -> int:
    """Returns the key by which the store finds the notices that retract the paper with this canonical ID."""
    return identifiers.hash_key("retraction-of", paper_id)


def _mentions_retraction(text: str) -> bool:
    """Whether a text can have a mark or a statement; that is quick to tell."""
    folded = text.lower()
    return "retract" in folded or "withdr" in folded


def _is_true(value: Json) -> bool:
    return value is True or str(value).strip().lower() in ("true", "yes", "1", "y")


def _has_retracted_type(extra: Mapping[str, Json]) -> bool:
    values = (value for name in _TYPE_FIELDS if (value := extra.get(name)))
    listed = (each for value in values for each in (value if isinstance(value, list) else str(value).split(";")))
    return any(str(each).strip().lower() in _RETRACTED_TYPES for each in listed)
