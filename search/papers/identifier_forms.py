"""The spellings of identifiers: with and without scheme, and as the URLs of the sites that show papers.

The arXiv forms follow arXiv's own page on identifiers (https://info.arxiv.org/help/arxiv_identifier.html), the DOI
forms the DOI Handbook (https://www.doi.org/doi-handbook/HTML/), those of PubMed and PMC NLM's page on PMIDs and PMCIDs
(https://pmc.ncbi.nlm.nih.gov/tools/id-converter-api/), the others the APIs of OpenAlex and Semantic Scholar.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote

from search.papers.character_references import decode_references

Found = tuple[str, int | None]
"""A canonical ID, and the arXiv version in its spelling."""

_NEW_ARXIV = r"\d{4}\.\d{4,5}"
_OLD_ARXIV = r"[a-z]+(?:-[a-z]+)?(?:\.[a-z]{2})?/\d{7}"
_ARXIV_ID = rf"(?P<arxiv>{_NEW_ARXIV}|{_OLD_ARXIV})(?:v(?P<version>\d{{1,9}}))?"
_DOI_ID = r"(?P<doi>10\.\d{4,9}(?:\.\d+)*/\S+)"
_S2_ID = r"(?P<s2>[0-9a-f]{40})"

_PLAIN = re.compile(
    rf"""(?:corr[\s,]+)?(?:arxiv[\s-]+(?:e-?|pre-?)prints?[\s:,]+)?(?:arxiv[:.\s]\s*|oai:arxiv\.org:)?(?:abs/)?{_ARXIV_ID}
        (?:\s*\[[a-z.-]+\](?:\s+\d{{1,2}}\s[a-z]{{3}}\s\d{{4}})?)?  # the stamp on the first page: [cs.CL] 6 Dec 2017
    | (?:(?:urn:|info:)?doi[:=/\s]?\s*)?{_DOI_ID}(?:\s+\[doi\])?
    | (?:info:)?pmid[:/\s]?\s*(?P<pmid>\d{{1,9}})
    | (?:pmc(?:id)?:\s*(?:pmc)?|pmc(?=\d{{4}}))(?P<pmc>\d{{1,9}})(?:\.\d+)?
    | acl:(?P<acl>[a-z0-9][a-z0-9._-]*?)(?:\.pdf)?/?
    | (?:openalex:\s*|(?=w\d{{8}}))(?P<openalex>w\d{{1,12}})
    | (?:s2:)?corpus\s?id[:\s]\s*(?P<corpusid>\d{{1,12}})
    | s2:(?:{_S2_ID}|(?P<corpusid_2>\d{{1,12}}))
    | (?P<h>h:[0-9a-f]{{12}})""",
    re.VERBOSE,
)
"""IDs outside of URLs."""
_FREQUENT = re.compile(rf"(?:arxiv:|https?://arxiv\.org/abs/)({_NEW_ARXIV})(?:v(\d{{1,9}}))?", re.ASCII)
"""The most frequent IDs and URLs, which the other patterns match as well, but ten times slower."""
_LABELLED = re.compile(r"^(?:doi|arxiv|pmid|pmc|pmcid|acl|openalex|s2|url|uri)\s*[:=]\s*(?=https?:)")
"""A scheme before a URL."""
_URL = re.compile(r"(?:https?:?//)*(?P<host>[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,})(?::\d+)?/+(?P<path>.*)")
_TARGET = re.compile(r"[?&]q?url=(.+)")
"""The address of the page to which a library's proxy leads."""
_OPENURL_DOI = re.compile(r"[?&](?:(?:rft_)?id=(?:info(?::|%3a))?doi(?:[:/]|%3a|%2f)|doi=)(10[^&]+)")
"""The DOI in the query of an OpenURL (ANSI/NISO Z39.88), and in Scopus's addresses."""
_QUERY = re.compile(r"\?(?:[\w.-]*=|$).*|\?[a-z]+$|#[a-z][\w=:.~/-]*$")
"""What follows the path of a URL. Elsewhere, a DOI may contain these characters."""
_ARXIV_DOI = re.compile(rf"10\.48550/arxiv\.{_ARXIV_ID}")
_PAGE_OF_DOI = re.compile(
    r"(?:/(?:full|fulltext|full-text|abstract|abs|pdf|epdf|meta|html|references|summary)(?:/.*)?|"
    r"(?:v\d{1,2})?\.(?:full|abstract)(?:[-.](?:text|pdf))*|\.pdf|(?<=\d{6})v\d{1,2})$"
)
"""The end of a publisher's URL that names a part or version of the paper, not the paper."""
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"), "-")
_TYPOGRAPHIC = {**_DASHES, **dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))}
"""Characters that word processors put in place of hyphens or between letters."""
_WRAPPERS = {"<": ">", "(": ")", "[": "]", "{": "}", '"': '"', "'": "'", "“": "”", "‘": "’"}
_NUMBERED = {"pmid": "pmid", "pmc": "pmc", "corpusid": "corpusid", "corpusid_2": "corpusid"}
"""By group of a pattern, the schemes whose IDs are numbers."""
_OPENING = {closing: opening for opening, closing in _WRAPPERS.items() if closing in ")]}>"}
_MAX_CHARACTERS = 2_048
"""Longer texts are not IDs; the DOI Handbook advises against DOIs of more than 2,048."""
_MAX_PASSES = 4
"""Times that an ID may have been escaped."""


class _Site(NamedTuple):
    """A site whose URLs contain IDs.

    Attributes:
        host: Pattern of the host. A proxy replaces its full stops by hyphens and appends its own name.
        path: Pattern of the path, with a group named like the scheme.
    """

    host: re.Pattern[str]
    path: re.Pattern[str]


def _site(hosts: str, path: str) -> _Site:
    names = "|".join(re.escape(host).replace(r"\.", "[.-]") for host in hosts.split())
    return _Site(re.compile(rf"(?:[\w.-]*[.-])?(?:{names})(?:\.[\w.-]+)?"), re.compile(path))


_SITES = (
    _site("doi.org", rf"(?:doi:|info:doi/)?{_DOI_ID}"),
    _site(
        "arxiv.org alphaxiv.org ar5iv.org huggingface.co hf.co scirate.com semanticscholar.org",
        rf"(?:(?:abs|pdf|html|src|e-print|ps|format|tex|overview|resources|papers|arxiv)/|arxiv:){_ARXIV_ID}(?:\.pdf)?(?:/.*)?",
    ),
    _site("pubmed.ncbi.nlm.nih.gov", r"(?:pubmed/)?(?P<pmid>\d{1,9})(?:/.*)?"),
    _site("ncbi.nlm.nih.gov", r"(?:m/)?pubmed/(?P<pmid>\d{1,9})(?:/.*)?"),
    _site(
        "ncbi.nlm.nih.gov europepmc.org",
        r"(?:pmc/)?(?:m/)?(?:articles?|abstract)/(?:pmc/)?pmc(?P<pmc>\d{1,9})(?:[./].*)?",
    ),
    _site("europepmc.org", r"(?:articles?|abstract)/med/(?P<pmid>\d{1,9})(?:/.*)?"),
    _site("aclanthology.org", r"(?P<acl>[a-z0-9][a-z0-9._-]*?)(?:\.pdf|\.bib)?/?"),
    _site("aclweb.org", r"anthology/(?:papers/[a-z]/[a-z]\d\d/)?(?P<acl>[a-z0-9][a-z0-9._-]*?)(?:\.pdf)?/?"),
    _site("openalex.org", r"(?:works/)?(?P<openalex>w\d{1,12})/?"),
    _site("semanticscholar.org", rf"(?:graph/v\d/|v\d/)?(?:paper|reader)/(?:[^/]+/)?{_S2_ID}(?:/.*)?"),
    _site("semanticscholar.org", r"(?:graph/v\d/|v\d/)?(?:paper/)?corpusid:(?P<corpusid>\d{1,12})(?:/.*)?"),
)  # fmt: skip
_PUBLISHER_PATH = re.compile(
    rf"(?:[^?#]*/)?(?:doi|articles?|chapter|book|content|works)/"
    rf"(?:(?:abs|full|pdf|epdf|pdfplus|pdfdirect|reader|epub|book|early|html)/)*{_DOI_ID}"
)
"""The path of a paper at a publisher that shows its DOI."""


def match_id(text: str) -> Found | None:
    """The canonical ID of a text that is an ID and nothing else; see ``identifiers.parse``."""
    if len(text) > _MAX_CHARACTERS:
        return None
    text = text.strip().lower()
    if frequent := _FREQUENT.fullmatch(text):
        return f"arxiv:{frequent[1]}", int(frequent[2]) if frequent[2] else None
    text = _clean(text)
    return _match_plain(text) or _match_url(_LABELLED.sub("", text))


def _clean(text: str) -> str:
    """The text without escapes, typographic characters, and brackets or quotes around it."""
    if not text.isascii():
        text = text.translate(_TYPOGRAPHIC)
    for _ in range(_MAX_PASSES):
        plain = decode_references(text)
        if "%" in plain and "://" not in plain:
            plain = _unquote(plain)
        plain = plain.strip()
        if len(plain) > 2 and _WRAPPERS.get(plain[0]) == plain[-1]:
            plain = plain[1:-1].strip()
        if plain == text:
            break
        text = plain
    return text


def _unquote(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text


def _match_plain(text: str) -> Found | None:
    match = _PLAIN.fullmatch(text)
    return _build(match) if match else None


def _match_url(text: str) -> Found | None:
    match = _URL.fullmatch(text)
    if not match:
        return None
    host, path = match["host"], match["path"]
    if target := _OPENURL_DOI.search(path) or _TARGET.search(path):
        return match_id(_unquote(target[1]))
    path = _clean(_QUERY.sub("", path))
    if path.startswith(("http:", "https:", "doi:")):  # https://doi.org/https://doi.org/…
        return match_id(path)
    for site in _SITES:
        if site.host.fullmatch(host) and (found := site.path.fullmatch(path)):
            return _build(found)
    if found := _PUBLISHER_PATH.fullmatch(path):
        return _build_doi(_PAGE_OF_DOI.sub("", found["doi"]))
    return None


def _build(match: re.Match[str]) -> Found | None:
    """The ID of the group that matched."""
    groups = match.groupdict()
    version = groups.pop("version", None)
    scheme, value = next((scheme, value) for scheme, value in groups.items() if value)
    if scheme == "arxiv":
        return _build_arxiv(value, version)
    if scheme == "doi":
        return _build_doi(value)
    if scheme in _NUMBERED:
        return f"{_NUMBERED[scheme]}:{int(value)}", None
    return (value if scheme == "h" else f"{scheme}:{value}"), None


def _build_arxiv(number: str, version: str | None) -> Found:
    if "/" in number:  # math.GT/0309136 and math/0309136 are the same paper
        archive, digits = number.split("/")
        number = f"{archive.split('.')[0]}/{digits}"
    return f"arxiv:{number}", int(version) if version else None


def _build_doi(doi: str) -> Found | None:
    """The ID of a DOI, without the punctuation and brackets of the sentence that it was in."""
    shorter = ""
    while shorter != doi:
        shorter, doi = doi, doi.rstrip(".,;\"'”’")
        if doi[-1:] in _OPENING and doi.count(doi[-1]) > doi.count(_OPENING[doi[-1]]):
            doi = doi[:-1]
    if doi.endswith("/") and doi.count("/") == 1:
        return None
    arxiv = _ARXIV_DOI.fullmatch(doi)
    return _build_arxiv(arxiv["arxiv"], arxiv["version"]) if arxiv else (f"doi:{doi}", None)
