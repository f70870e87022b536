"""Identifiers of papers: one canonical spelling of each, and the schemes they belong to.

Canonical IDs are lower case and carry a scheme: ``arxiv:2604.24432``, ``arxiv:hep-th/9901001``,
``doi:10.1145/3292500``, ``pmid:29768149``, ``pmc:5334499``, ``acl:2022.acl-long.1``, ``openalex:w2741809807``,
``corpusid:215416146``, ``s2:649def34f8be52c8b66281af98ae884c09aef38b``, ``h:0123456789ab``. ``parse`` reads other
spellings; ``search.papers.identifier_forms`` has their patterns.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

from search.papers import identifier_forms
from search.papers.normalization import compose

_URL_SAFE_CHARACTERS = "/:;()!$&'*+,=@~"
"""Characters of an ID that a URL path may contain unescaped; DOIs contain others as well."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """A kind of identifier.

    Attributes:
        label: the name that people know it by.
        url_template: URL of a paper, with ``{}`` in place of its ID; empty if the scheme has none.
        is_unique: whether a paper has one ID of this scheme, so that papers with different ones are different. The
            databases that assign the other schemes often have several records of one paper.
    """

    label: str
    url_template: str = ""
    is_unique: bool = True


SCHEMES = {
    "arxiv": Scheme("arXiv", "https://arxiv.org/abs/{}"),
    "doi": Scheme("DOI", "https://doi.org/{}"),
    "pmid": Scheme("PubMed", "https://pubmed.ncbi.nlm.nih.gov/{}/"),
    "acl": Scheme("ACL Anthology", "https://aclanthology.org/{}/"),
    "pmc": Scheme("PubMed Central", "https://pmc.ncbi.nlm.nih.gov/articles/PMC{}/"),
    "openalex": Scheme("OpenAlex", "https://openalex.org/{}", is_unique=False),
    "corpusid": Scheme("Semantic Scholar corpus ID", "https://api.semanticscholar.org/CorpusID:{}", is_unique=False),
    "s2": Scheme("Semantic Scholar", "https://www.semanticscholar.org/paper/{}", is_unique=False),
    "h": Scheme("Local ID", is_unique=False),
}
"""The schemes by prefix, in order of preference for the public ID."""
_OLD_ACL_ID = re.compile(r"acl:[a-z]\d\d-\d+")
"""An ID of the ACL Anthology before 2020, which its URLs have with a capital letter."""
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

    URLs may lack ``https://``, be percent-encoded and lead through the proxy of a library. An arXiv DOI
    (``10.48550/arXiv.…``) is parsed as the arXiv ID. Returns None if the text is not an ID.
    """
    found = identifier_forms.match_id(compose(text))
    return Identifier(*found) if found else None


def split_scheme(paper_id: str) -> tuple[Scheme | None, str]:
    """The scheme of a canonical ID and the ID within it; None and the whole ID if the scheme is unknown."""
    prefix, _, rest = paper_id.partition(":")
    return (SCHEMES[prefix], rest) if prefix in SCHEMES else (None, paper_id)


def id_url(paper_id: str) -> str | None:
    """The URL at which a canonical ID resolves; None if its scheme has no resolver."""
    scheme, rest = split_scheme(paper_id)
    if not scheme or not scheme.url_template:
        return None
    if _OLD_ACL_ID.fullmatch(paper_id):
        rest = rest.upper()
    return scheme.url_template.format(quote(rest, safe=_URL_SAFE_CHARACTERS, errors="replace"))


def preference_key(paper_id: str) -> tuple[int, str]:
    """Sort key that puts the ID that should be the public one first."""
    return _PREFERENCES[paper_id.split(":", 1)[0]], paper_id


def hash_key(kind: str, text: str) -> int:
    """Hashes a text to a signed 64-bit key of one kind, by which the store finds rows."""
    digest = hashlib.blake2b(f"{kind}:{text}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


@lru_cache(65_536)
def id_key(paper_id: str) -> int:
    """The key of an ID; case is ignored."""
    return hash_key("id", paper_id.lower())


def citation_key(paper_id: str) -> int:
    """The key of the papers that cite an ID."""
    return hash_key("cites", paper_id)


def text_key(text: str) -> int:
    """The key of an embedded text."""
    return hash_key("text", text)
