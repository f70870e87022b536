"""Identifiers and addresses in BibTeX entries: in fields of their own, and where people write them instead."""

import re
from collections.abc import Iterator, Mapping

from search.papers import identifiers
from search.papers.latex import latex_to_literal

_ID_FIELDS = {"pmid": "pmid", "pmcid": "pmc"}
"""Fields for an ID of one scheme, by name."""
_URL_FIELDS = ("url", "ee", "link", "bdsk-url-1")
_FREE_TEXTS = ("howpublished", "note", "journal", "journaltitle", "eid", "number", "volume")
"""Fields in which an identifier may stand, as in ``arXiv preprint arXiv:1706.03762`` and ``abs/1706.03762``."""
_ADDRESS = re.compile(r"https?://[^\s{}\"]+", re.IGNORECASE)
_ID = re.compile(
    r"""https?://[^\s{}"]+ | (?:www\.|export\.)?arxiv\.org/[^\s{}"]+ | (?:dx\.)?doi\.org/[^\s{}"]+
    | \b(?:arxiv\s?[:.]?\s?|abs/)(?P<arxiv>\d{4}\.\d{4,5}(?:v\d+)?|[a-z-]+(?:\.[a-z]{2})?/\d{7}(?:v\d+)?)
    | \bpmid\s?:?\s?\d{1,9} | \bpmc\d{4,9}\b | \b10\.\d{4,9}/[^\s{}"]+""",
    re.IGNORECASE | re.VERBOSE,
)
_OF_ANOTHER_PAPER = re.compile(
    r"""\b(?:comment|repl(?:y|ies)|response|rebuttal|errat|corrig|correct|addend|supplement|see|cf|extend|preliminary
    |earlier|previous|translat|review|based|data|code|software|companion|part|continu|sequel|slides|video|talk|poster
    |retract|replac|supersede|appendix|material)""",
    re.IGNORECASE | re.VERBOSE,
)
"""Words in a note that say that an identifier in it may belong to another work."""


def find_ids(fields: Mapping[str, str]) -> list[str]:
    """Finds the identifiers of an entry, in any spelling.

    An identifier in a note counts if it is the only one of its kind, and the note says nothing of another paper.

    Args:
        fields: The values of the entry's fields, as LaTeX.
    """
    texts = {name: latex_to_literal(text).strip() for name, text in fields.items() if name in _READ_FIELDS}
    found = [texts.get("doi", ""), *_eprint(texts), texts.get("arxivid", "")]
    found += [f"{scheme}:{texts[name]}" for name, scheme in _ID_FIELDS.items() if texts.get(name)]
    found += [texts[name] for name in _URL_FIELDS if identifiers.parse(texts.get(name, ""))]
    known = {_scheme(parsed.id) for text in found if (parsed := identifiers.parse(text))}
    for name in _FREE_TEXTS:
        for scheme, text in _ids_in_text(texts.get(name, "")).items():
            if scheme not in known:
                known.add(scheme)
                found.append(text)
    return [text for text in found if text]


def find_url(fields: Mapping[str, str]) -> str:
    """The address of a paper: that of a field for it, else the first one in ``howpublished`` or ``note``."""
    for name in _URL_FIELDS:
        if fields.get(name):
            return latex_to_literal(fields[name])
    for name in ("howpublished", "note"):
        text = latex_to_literal(fields.get(name, ""))
        if (address := _ADDRESS.search(text)) and not _OF_ANOTHER_PAPER.search(_ID.sub(" ", text)):
            return _trim(address[0])
    return ""


def _eprint(texts: Mapping[str, str]) -> Iterator[str]:
    """Yields the identifier in ``eprint``, whose kind is in ``archiveprefix`` or ``eprinttype``."""
    eprint = texts.get("eprint", "")
    archive = (texts.get("archiveprefix") or texts.get("eprinttype") or "").lower()
    if archive == "pubmed" and eprint:
        yield f"pmid:{eprint}"
    elif archive == "arxiv":
        yield eprint
    elif archive and identifiers.parse(f"{archive}/{eprint}"):  # hep-th and 9901001
        yield f"{archive}/{eprint}"
    elif not archive and identifiers.parse(eprint):
        yield eprint


def _ids_in_text(text: str) -> dict[str, str]:
    """The identifiers in a text by scheme, if it has one of the scheme and is about the paper itself."""
    if not text or _OF_ANOTHER_PAPER.search(_ID.sub(" ", text)):
        return {}
    ids = dict[str, dict[str, str]]()
    for match in _ID.finditer(text):
        spelled = match["arxiv"] or _trim(match[0])
        parsed = identifiers.parse(spelled) or identifiers.parse(f"https://{spelled}")
        if parsed:
            ids.setdefault(_scheme(parsed.id), {})[parsed.id] = spelled if identifiers.parse(spelled) else parsed.id
    return {scheme: next(iter(spellings.values())) for scheme, spellings in ids.items() if len(spellings) == 1}


def _trim(text: str) -> str:
    """The text without punctuation of the sentence around it."""
    text = text.rstrip(".,;:'\"")
    while text.endswith((")", "]")) and text.count("(") + text.count("[") < text.count(")") + text.count("]"):
        text = text[:-1].rstrip(".,;:'\"")
    return text


def _scheme(paper_id: str) -> str:
    return paper_id.partition(":")[0]


_READ_FIELDS = frozenset(
    ("doi", "eprint", "archiveprefix", "eprinttype", "arxivid", *_ID_FIELDS, *_URL_FIELDS, *_FREE_TEXTS)
)
