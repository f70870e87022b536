"""Links in the texts of a paper: to its code, its data and other web pages."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from search.papers.character_references import decode_references
from search.papers.json import Json
from search.papers.paper import Paper

_SCHEMELESS_HOSTS = (
    "github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "huggingface.co", "zenodo.org", "osf.io", "doi.org",
)  # fmt: skip
"""Hosts whose addresses authors write without ``https://``."""
_CODE_HOSTS = frozenset(
    ("github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "sr.ht", "anonymous.4open.science")
)
_DATA_HOSTS = frozenset(
    ("zenodo.org", "figshare.com", "osf.io", "datadryad.org", "dataverse.harvard.edu", "kaggle.com")
)
_DATA_PATH = re.compile(r"(?i)/datasets/.*|/10\.(?:5281/zenodo|6084/m9\.figshare|5061/dryad|7910/dvn|17605/osf).*")
"""Paths of data sets at Hugging Face, and of the DOIs of data repositories."""
_URL = re.compile(
    rf"""(?:https?://|(?<![\w.@/-])(?:www\.)?(?={"|".join(map(re.escape, _SCHEMELESS_HOSTS))})|
    (?<![\w.@/-])(?=[\w-]+\.(?:github|gitlab)\.io\b))[^\s<>"{{}}|\\^`]+""",
    re.VERBOSE | re.IGNORECASE,
)
_ESCAPE = re.compile(r"\\([_%&#~])")
"""A character of an address as LaTeX escapes it."""
_BRACKETS = {")": "(", "]": "["}
_PUNCTUATION = ".,;:!?'\"*’”"
_KINDS = ("Code", "Data", "Web page")
_MAX_LINKS = 10
"""Links of one paper."""
_TEXT_FIELDS = ("comment", "note", "code", "code_url", "data_url")
"""Fields of ``Paper.extra`` in which addresses are looked for."""


@dataclass(frozen=True, slots=True)
class TextLink:
    """A link in a text.

    Attributes:
        kind: one of ``_KINDS``.
        label: host and path.
        href: the address, which is ``http`` or ``https``.
    """

    kind: str
    label: str
    href: str


def find_links(paper: Paper) -> list[TextLink]:
    """Returns the links in the abstract and the comment of a paper, code first, then data; each page once.

    Only ``http`` and ``https`` addresses with a host count. Punctuation of the sentence is cut off.
    """
    texts = [paper.abstract or "", *(each for name in _TEXT_FIELDS for each in _texts(paper.extra.get(name)))]
    found: dict[str, TextLink] = {}
    for link in (link for text in texts for link in _links_in(text)):
        found.setdefault(link.label.lower(), link)
    return sorted(found.values(), key=lambda link: _KINDS.index(link.kind))[:_MAX_LINKS]


def _texts(value: Json) -> Iterator[str]:
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, str):
            yield each


def _links_in(text: str) -> Iterator[TextLink]:
    for match in _URL.finditer(_ESCAPE.sub(r"\1", decode_references(text))):
        address = _cut_punctuation(match[0])
        url = address if address.lower().startswith("http") else f"https://{address}"
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").removeprefix("www.")
        except ValueError:  # such as an IPv6 address without its closing bracket
            continue
        if "." not in host or parts.username is not None:
            continue
        path = parts.path.rstrip("/")
        if host in _SCHEMELESS_HOSTS and not path:
            continue  # "code is on github.com"
        yield TextLink(_kind_of(host, path), host + path + (f"?{parts.query}" if parts.query else ""), url)


def _cut_punctuation(url: str) -> str:
    """Returns the address without the punctuation, and the closing brackets, of the sentence that it is in."""
    while url and (url[-1] in _PUNCTUATION or url.count(url[-1]) > url.count(_BRACKETS.get(url[-1], url[-1]))):
        url = url[:-1]
    return url


def _kind_of(host: str, path: str) -> str:
    if host in _CODE_HOSTS or host.startswith("gitlab."):
        return "Code"
    if host in _DATA_HOSTS or (host in ("huggingface.co", "doi.org") and _DATA_PATH.fullmatch(path)):
        return "Data"
    return "Web page"
