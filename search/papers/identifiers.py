"""Identifiers of papers: one canonical spelling of each, and the schemes they belong to.

Canonical IDs are lower case and carry a scheme: ``arxiv:2604.24432``, ``arxiv:hep-th/9901001``,
``doi:10.1145/3292500``, ``pmid:29768149``, ``acl:2022.acl-long.1``, ``h:0123456789ab``. The arXiv forms follow
arXiv's own page on identifiers (https://info.arxiv.org/help/arxiv_identifier.html).
"""

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import quote

from search.papers.normalization import compose

_NEW_ARXIV = r"\d{4}\.\d{4,5}"
_OLD_ARXIV = r"[a-z]+(?:-[a-z]+)?(?:\.[a-z]{2})?/\d{7}"
_ARXIV = re.compile(rf"(?:arxiv[:.\s]\s*)?({_NEW_ARXIV}|{_OLD_ARXIV})(?:v(\d{{1,9}}))?")
_ARXIV_URL = re.compile(
    rf"https?://(?:[a-z]+\.)?arxiv\.org/(?:abs|pdf|html|src|e-print)/({_NEW_ARXIV}|{_OLD_ARXIV})(?:v(\d{{1,9}}))?(?:\.pdf)?/?(?:[?#].*)?"
)
_DOI = re.compile(r"(?:doi[:\s]\s*|https?://(?:dx\.|www\.)?doi\.org/)?(10\.\d{4,9}/\S+)")
_ARXIV_DOI = re.compile(rf"10\.48550/arxiv\.({_NEW_ARXIV}|{_OLD_ARXIV})(?:v(\d{{1,9}}))?")
_PMID = re.compile(r"(?:pmid[:\s]\s*|https?://pubmed\.ncbi\.nlm\.nih\.gov/)(\d{1,9})/?")
_ACL = re.compile(r"(?:acl:|https?://(?:www\.)?aclanthology\.org/)([a-z0-9][a-z0-9._-]*?)(?:\.pdf)?/?")
_HASH = re.compile(r"h:[0-9a-f]{12}")

_URL_SAFE_CHARACTERS = "/:;()!$&'*+,=@~"
"""Characters of an ID that a URL path may contain unescaped; DOIs contain others as well."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """A kind of identifier.

    Attributes:
        label: the name that people know it by.
        url_template: URL of a paper, with ``{}`` in place of its ID; empty if the scheme has none.
    """

    label: str
    url_template: str = ""


SCHEMES = {
    "arxiv": Scheme("arXiv", "https://arxiv.org/abs/{}"),
    "doi": Scheme("DOI", "https://doi.org/{}"),
    "pmid": Scheme("PubMed", "https://pubmed.ncbi.nlm.nih.gov/{}/"),
    "acl": Scheme("ACL Anthology", "https://aclanthology.org/{}/"),
    "h": Scheme("Local ID"),
}
"""The schemes by prefix, in order of preference for the public ID."""
_PREFERENCES = {prefix: place for place, prefix in enumerate(SCHEMES)}


@dataclass(frozen=True, slots=True)
class Identifier:
    """A parsed identifier.

    Attributes:
        id: the canonical ID.
        version: the arXiv version that the text contains, if any.
    """

    id: str
    version: int | None = None


def parse(text: str) -> Identifier | None:
    """Parses an ID in any usual spelling: with or without scheme, as a URL, in any case, with an arXiv version.

    An arXiv DOI (``10.48550/arXiv.…``) is parsed as the arXiv ID. Returns None if the text is not an ID.
    """
    text = compose(text.strip().lower())
    if match := _ARXIV.fullmatch(text) or _ARXIV_URL.fullmatch(text):
        return _arxiv_identifier(match)
    if match := _DOI.fullmatch(text):
        doi = match.group(1).rstrip(".,;")
        arxiv = _ARXIV_DOI.fullmatch(doi)
        return _arxiv_identifier(arxiv) if arxiv else Identifier("doi:" + doi)
    if match := _PMID.fullmatch(text):
        return Identifier("pmid:" + str(int(match.group(1))))
    if match := _ACL.fullmatch(text):
        return Identifier("acl:" + match.group(1))
    return Identifier(text) if _HASH.fullmatch(text) else None


def split_scheme(paper_id: str) -> tuple[Scheme | None, str]:
    """The scheme of a canonical ID and the ID within it; None and the whole ID if the scheme is unknown."""
    prefix, _, rest = paper_id.partition(":")
    return (SCHEMES[prefix], rest) if prefix in SCHEMES else (None, paper_id)


def id_url(paper_id: str) -> str | None:
    """The URL at which a canonical ID resolves; None if its scheme has no resolver."""
    scheme, rest = split_scheme(paper_id)
    if not scheme or not scheme.url_template:
        return None
    return scheme.url_template.format(quote(rest, safe=_URL_SAFE_CHARACTERS, errors="replace"))


def preference_key(paper_id: str) -> tuple[int, str]:
    """Sort key that puts the ID that should be the public one first."""
    return _PREFERENCES[paper_id.split(":", 1)[0]], paper_id


def _arxiv_identifier(match: re.Match[str]) -> Identifier:
    number, version = match.group(1), match.group(2)
    if "/" in number:  # math.GT/0309136 and math/0309136 are the same paper
        archive, digits = number.split("/")
        number = f"{archive.split('.')[0]}/{digits}"
    return Identifier("arxiv:" + number, int(version) if version else None)


def hash_key(kind: str, text: str) -> int:
    """Hashes a text to a signed 64-bit key of one kind, by which the store finds rows."""
    digest = hashlib.blake2b(f"{kind}:{text}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def id_key(paper_id: str) -> int:
    """The key of an ID; case is ignored."""
    return hash_key("id", paper_id.lower())


def text_key(text: str) -> int:
    """The key of an embedded text."""
    return hash_key("text", text)
