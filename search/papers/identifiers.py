"""Identifiers of papers: one canonical spelling each, however a source or a person writes them.

Canonical ids are lower case and carry a scheme: ``arxiv:2604.24432``, ``arxiv:hep-th/9901001``,
``doi:10.1145/3292500``, ``pmid:29768149``, ``acl:2022.acl-long.1``, ``h:0123456789ab``. The arXiv forms follow
arXiv's own page on identifiers (https://info.arxiv.org/help/arxiv_identifier.html).
"""

import hashlib
import re
from dataclasses import dataclass

_NEW_ARXIV = r"\d{4}\.\d{4,5}"
_OLD_ARXIV = r"[a-z]+(?:-[a-z]+)?(?:\.[a-z]{2})?/\d{7}"
_ARXIV = re.compile(rf"(?:arxiv[:.\s]\s*)?({_NEW_ARXIV}|{_OLD_ARXIV})(?:v(\d+))?")
_ARXIV_URL = re.compile(
    rf"https?://(?:[a-z]+\.)?arxiv\.org/(?:abs|pdf|html|src|e-print)/({_NEW_ARXIV}|{_OLD_ARXIV})(?:v(\d+))?(?:\.pdf)?/?(?:[?#].*)?"
)
_DOI = re.compile(r"(?:doi[:\s]\s*|https?://(?:dx\.|www\.)?doi\.org/)?(10\.\d{4,9}/\S+)")
_ARXIV_DOI = re.compile(rf"10\.48550/arxiv\.({_NEW_ARXIV}|{_OLD_ARXIV})(?:v(\d+))?")
_PMID = re.compile(r"(?:pmid[:\s]\s*|https?://pubmed\.ncbi\.nlm\.nih\.gov/)(\d{1,9})/?")
_ACL = re.compile(r"(?:acl:|https?://(?:www\.)?aclanthology\.org/)([a-z0-9][a-z0-9._-]*?)(?:\.pdf)?/?")
_HASH = re.compile(r"h:[0-9a-f]{12}")

SCHEMES = ("arxiv", "doi", "pmid", "acl", "h")
"""The schemes, the one that names a paper best first."""


@dataclass(frozen=True, slots=True)
class Identifier:
    """A canonical id and, for arXiv, the version the text named (None where it named none)."""

    id: str
    version: int | None = None


def parse(text: str) -> Identifier | None:
    """Reads an id in any usual spelling: with or without scheme, as a URL, in any case, with an arXiv version.

    An arXiv DOI (``10.48550/arXiv.…``) is the arXiv id it stands for. Returns None where the text is no id.
    """
    text = text.strip().lower()
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


def preference_key(paper_id: str) -> tuple[int, str]:
    """Sorts canonical ids: the one that is to be the public id comes first."""
    return SCHEMES.index(paper_id.split(":", 1)[0]), paper_id


def _arxiv_identifier(match: re.Match[str]) -> Identifier:
    number, version = match.group(1), match.group(2)
    if "/" in number:  # math.GT/0309136 and math/0309136 are one paper
        archive, digits = number.split("/")
        number = f"{archive.split('.')[0]}/{digits}"
    return Identifier("arxiv:" + number, int(version) if version else None)


def hash_key(kind: str, text: str) -> int:
    """A signed 64-bit key of a text, of one kind: what the store finds rows by."""
    digest = hashlib.blake2b(f"{kind}:{text}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def id_key(paper_id: str) -> int:
    """The key under which a paper is found by an id, in any case of letters."""
    return hash_key("id", paper_id.lower())


def text_key(text: str) -> int:
    """The key under which a row is found by the very text that was embedded."""
    return hash_key("text", text)
