"""Identity: how two records are related. Records of the same paper share an ID or have the same content.

The relation is symmetric and compares records, never merged papers. ``indexer.grouping`` divides related records into
papers.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import replace
from enum import IntEnum

from search.language.stop_words import STOP_WORDS
from search.papers import names
from search.papers.evidence import is_generic, is_informative
from search.papers.fingerprint import abstract_keys, are_near_duplicates, containment, normalize_words, title_key
from search.papers.identifiers import SCHEMES, citation_key, id_key, text_key
from search.papers.name_matching import are_compatible
from search.papers.paper import Paper
from search.papers.retraction import RETRACTED_ID, find_retracted_ids, retraction_key

_MAX_YEARS_APART = 2
"""Years between a preprint and its journal version."""
_DECISIVE_SCHEMES = (*(name for name, scheme in SCHEMES.items() if scheme.is_unique and name != "doi"), "doi")
"""The schemes of which a paper has one ID, in the order in which they decide; the DOI last, since records often have
that of the whole book or proceedings, or one of two."""
_MIN_TITLE_OVERLAP = 0.5
"""Share of the distinct words of two titles that both have, from which they can be versions of one title."""
_MIN_PROPOSED_TITLE_OVERLAP = 0.3
"""Share of the distinct words of two titles that both have, from which a merge is proposed."""
_MIN_PROPOSED_CONTAINMENT = 0.6
"""Share of the shorter abstract's word 4-grams in the longer one, from which a merge is proposed."""
_BOOK_DOI = re.compile(r"doi:10\.\d{4,9}/[a-z]{0,8}(?:97[89][-0-9]{10,14}|\d{9}[\dx])")
"""A DOI whose suffix is an ISBN, which is that of a book and not of a chapter."""
_JOURNAL_FILLERS = frozenset(("and", "for", "in", "of", "on", "the"))
"""Words that abbreviations of journals leave out."""


class Relation(IntEnum):
    """How two records are related; of the relations that join records, the strongest first."""

    DECIDED_SAME = 0
    """The user decided that they describe the same paper."""
    SHARED_ID = 1
    """They have the same ID."""
    TITLE_AND_ABSTRACT = 2
    """Their titles are equal, their authors compatible and their abstracts near-duplicates."""
    TITLE = 3
    """Their titles are equal and their authors and dates compatible; one of them has no abstract to compare."""
    ABSTRACT = 4
    """Their abstracts are near-duplicates; one of them has no title."""
    UNRELATED = 5
    """Nothing shows that they describe the same paper, or their IDs contradict each other."""
    APART = 6
    """They describe different papers whatever their IDs: the user decided it, or they are parts of one book."""

    @property
    def joins(self) -> bool:
        """Whether the two records describe the same paper."""
        return self < Relation.UNRELATED


def ensure_id(record: Paper) -> Paper:
    """Returns the record with an ID: its own, or ``content_id``."""
    return record if record.ids else replace(record, ids=(content_id(record),))


def content_id(record: Paper) -> str:
    """Returns ``h:`` and 12 hex digits that hash the folded title and abstract.

    If the abstract does not identify the paper, authors and place of publication are hashed as well.
    """
    content = " ".join(normalize_words(record.title or "")) + "\n" + " ".join(normalize_words(record.abstract or ""))
    if not is_informative(record.abstract):
        year = record.published.year if record.published else ""
        place = (year, *(extra_text(record, name) for name in ("journal", "volume", "number", "issue", "pages")))
        authors = ";".join(names.parse(author).key for author in record.authors)
        content += f"\n{authors}\n{place}" if authors or any(place) else ""
    digest = hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
    return "h:" + digest


def names_of(record: Paper) -> frozenset[str]:
    """Returns the IDs by which decisions and removals name a record: its own, and its content ID."""
    return frozenset((*record.ids, content_id(record)))


def keys(record: Paper) -> frozenset[int]:
    """Returns the 64-bit keys that the store finds a record by; two records that are related share at least one.

    Records that the user decided to be the same may have none in common (``indexer.decisions``).
    """
    found = {id_key(paper_id) for paper_id in record.ids}
    found |= set(map(retraction_key, find_retracted_ids(record.extra)))
    if record.title:
        found.add(title_key(record.title))
    if record.abstract and is_informative(record.abstract):
        found |= abstract_keys(record.abstract)
    return frozenset(found)


def paper_keys(paper: Paper, record_keys: frozenset[int]) -> frozenset[int]:
    """Returns all keys of the row of a paper.

    Args:
        paper: The paper.
        record_keys: The ``keys`` of its records.
    """
    own = {text_key(paper.text), *map(id_key, paper.ids), *map(citation_key, paper.references)}
    return record_keys | own | ({id_key(RETRACTED_ID)} if paper.retraction else set())


def is_same_paper(one: Paper, other: Paper) -> bool:
    """Whether two records describe the same paper."""
    return compare(one, other).joins


def compare(one: Paper, other: Paper) -> Relation:
    """Returns how two records are related.

    The first scheme of which a paper has one ID and both have one decides. Then another shared ID decides. Without one,
    titles, authors and abstracts are compared.
    """
    same_ids = compare_ids(one.ids, other.ids)
    if same_ids is not None:
        if same_ids and _are_parts_of_a_book(one, other):
            return Relation.APART
        return Relation.SHARED_ID if same_ids else Relation.UNRELATED
    return Relation.SHARED_ID if _have_same_content(one, other) else _compare_content(one, other)


def is_possible_duplicate(one: Paper, other: Paper) -> bool:
    """Whether two records that are not related may still describe the same paper, as versions with changed texts.

    Authors and dates are compatible, and titles are equal or titles and abstracts similar. Of the pairs of arXiv
    papers for which this holds, about half are versions of one work (``benchmarks/results/identity.json``): too few to
    merge them, enough to propose it.
    """
    if not (one.title and other.title and one.authors and other.authors):
        return False
    if not (are_authors_compatible(one, other) and _are_dates_compatible(one, other)):
        return False
    if title_key(one.title) == title_key(other.title):
        return not is_generic(one.title)
    if not (is_informative(one.abstract) and is_informative(other.abstract)):
        return False
    overlap = _overlap(normalize_words(one.title), normalize_words(other.title))
    contained = containment(one.abstract or "", other.abstract or "")
    return overlap >= _MIN_PROPOSED_TITLE_OVERLAP and contained >= _MIN_PROPOSED_CONTAINMENT


def compare_ids(one: Iterable[str], other: Iterable[str]) -> bool | None:
    """Whether IDs are those of one paper; None if they do not decide. Content IDs do not count."""
    a, b = _group_by_scheme(one), _group_by_scheme(other)
    for scheme in _DECISIVE_SCHEMES:
        if scheme in a and scheme in b:
            return not a[scheme].isdisjoint(b[scheme])
    return True if any(not ids.isdisjoint(b.get(scheme, ())) for scheme, ids in a.items()) else None


def share_unique_id(one: Paper, other: Paper) -> bool:
    """Whether two records have the same ID of a scheme of which a paper has only one; a DOI may be that of a book."""
    shared = {each.split(":", 1)[0] for each in set(one.ids) & set(other.ids)}
    return any(scheme in shared for scheme in _DECISIVE_SCHEMES if scheme != "doi")


def are_authors_compatible(one: Paper, other: Paper) -> bool:
    """Whether two author lists can be of the same paper.

    At most one in ten names of the shorter list may be missing in the longer one (collaborations change between
    versions). An empty list is compatible with any other.
    """
    if not (one.authors and other.authors):
        return True
    shorter, longer = sorted((one, other), key=lambda record: len(record.authors))
    longer_names = [names.parse(author) for author in longer.authors]
    shorter_names = [names.parse(author) for author in shorter.authors]
    missing = sum(not any(are_compatible(name, other) for other in longer_names) for name in shorter_names)
    return missing * 10 <= len(shorter_names)


def extra_text(record: Paper, name: str) -> str:
    """Returns a further field of the source as text; empty if absent."""
    value = record.extra.get(name)
    return str(value) if isinstance(value, str | int) else ""


def _group_by_scheme(ids: Iterable[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for paper_id in ids:
        scheme = paper_id.split(":", 1)[0]
        if scheme != "h":
            found.setdefault(scheme, set()).add(paper_id)
    return found


def _have_same_content(one: Paper, other: Paper) -> bool:
    """Whether two records have the same content ID; earlier versions computed it from fewer fields."""
    if not set(one.ids).isdisjoint(other.ids):
        return True
    only_content_ids = all(paper_id.startswith("h:") for paper_id in (*one.ids, *other.ids))
    return only_content_ids and one.title == other.title and content_id(one) == content_id(other)


def _compare_content(one: Paper, other: Paper) -> Relation:
    """Compares titles, authors and abstracts. An abstract that does not identify a paper counts as absent."""
    if not are_authors_compatible(one, other):
        return Relation.UNRELATED
    both_abstracts = is_informative(one.abstract) and is_informative(other.abstract)
    if not (one.title and other.title):
        return Relation.ABSTRACT if both_abstracts and _share_abstract(one, other) else Relation.UNRELATED
    if title_key(one.title) != title_key(other.title):
        return Relation.UNRELATED
    if both_abstracts:
        same = are_near_duplicates(one.abstract or "", other.abstract or "")
        return Relation.TITLE_AND_ABSTRACT if same else Relation.UNRELATED
    return Relation.TITLE if _is_title_sufficient(one, other) else Relation.UNRELATED


def _share_abstract(one: Paper, other: Paper) -> bool:
    """Whether two abstracts share a sentence, by which the store finds them, and are near-duplicates."""
    a, b = one.abstract or "", other.abstract or ""
    return not abstract_keys(a).isdisjoint(abstract_keys(b)) and are_near_duplicates(a, b)


def _is_title_sufficient(one: Paper, other: Paper) -> bool:
    """Whether two records with equal titles and compatible authors are the same paper without equal abstracts.

    A generic title (``search.papers.evidence``) needs the same journal and year.
    """
    if not (one.authors and other.authors) or _are_in_different_issues(one, other):
        return False
    if not is_generic(one.title or ""):
        return _are_dates_compatible(one, other)
    same_year = one.published and other.published and one.published.year == other.published.year
    return bool(same_year) and _share_journal(one, other)


def _are_dates_compatible(one: Paper, other: Paper) -> bool:
    """Whether two records can be of one paper by their years; an unknown date is compatible with any other."""
    if not (one.published and other.published):
        return True
    return abs(one.published.year - other.published.year) <= _MAX_YEARS_APART


def _are_in_different_issues(one: Paper, other: Paper) -> bool:
    """Whether the records name different volumes, issues or first pages."""
    return any(
        (a := place(one)) and (b := place(other)) and a != b
        for place in (_first_page, lambda record: extra_text(record, "volume").strip(), _issue_number)
    )


def _first_page(record: Paper) -> str:
    pages = normalize_words(extra_text(record, "pages"))
    return pages[0] if pages else ""


def _issue_number(record: Paper) -> str:
    return (extra_text(record, "number") or extra_text(record, "issue")).strip()


def _share_journal(one: Paper, other: Paper) -> bool:
    """Whether both records name the same journal; each word may be abbreviated."""
    a, b = (
        [word for word in normalize_words(extra_text(record, "journal")) if word not in _JOURNAL_FILLERS]
        for record in (one, other)
    )
    pairs = zip(a, b, strict=False)
    return bool(a) and len(a) == len(b) and all(x.startswith(y) or y.startswith(x) for x, y in pairs)


def _are_parts_of_a_book(one: Paper, other: Paper) -> bool:
    """Whether two records that share only a DOI are different parts of a book, or a part and the book.

    Their titles differ, and so do their pages or authors, or the DOI has an ISBN, or one is in the other, or both are
    in the same book and not known to be on the same pages.
    """
    shared = set(one.ids) & set(other.ids)
    if not (one.title and other.title and all(each.startswith("doi:") for each in shared)):
        return False
    pages = _first_page(one), _first_page(other)
    known_pages = all(pages)
    if _are_titles_similar(one.title, other.title):
        return known_pages and pages[0] != pages[1] and is_generic(one.title)
    if known_pages:
        return pages[0] != pages[1]
    return (
        any(map(_BOOK_DOI.fullmatch, shared))
        or not are_authors_compatible(one, other)
        or _share_journal(one, other)
        or any(_are_titles_similar(a.title or "", extra_text(b, "journal")) for a, b in ((one, other), (other, one)))
    )


def _are_titles_similar(one: str, other: str) -> bool:
    """Whether a title can be a version of another: they share most words, or one is the beginning of the other."""
    a, b = ([word for word in normalize_words(title) if word not in STOP_WORDS] for title in (one, other))
    shorter, longer = sorted((a, b), key=len)
    return bool(shorter) and (longer[: len(shorter)] == shorter or _overlap(a, b) >= _MIN_TITLE_OVERLAP)


def _overlap(one: Iterable[str], other: Iterable[str]) -> float:
    """Returns the share of the distinct words of two texts that both have."""
    a, b = set(one), set(other)
    return len(a & b) / max(len(a | b), 1)
