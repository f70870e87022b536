"""Malformed files, derived from valid ones by changes of bytes and by pieces of each format's grammar."""

import bz2
import gzip
import lzma
from random import Random

import zstandard

from more_source_samples import (
    ADS,
    ARXIV_RSS,
    CROSSREF,
    DBLP,
    ENDNOTE_XML,
    MODS,
    OAI_ARXIV_RAW,
    OPENALEX,
    REFER,
    WEB_OF_SCIENCE,
    ZOTERO_JSON,
    ZOTERO_RDF,
)
from source_samples import ACL, ATOM, BIBTEX, CSL, CSV, NBIB, PAGE, PUBMED, RIS, S2, SNAPSHOT

JSON_LINE = (
    '{"id": "2401.00001", "title": "Small caches", "abstract": "We keep less.", "authors": ["Ada Byron"], "n": 7}\n'
)
SAMPLES = {
    "arxiv-atom": ATOM,
    "arxiv-snapshot": SNAPSHOT,
    "bibtex": BIBTEX,
    "ris": RIS,
    "pubmed": PUBMED,
    "nbib": NBIB,
    "semantic-scholar": S2,
    "acl": ACL,
    "csl-json": CSL,
    "csv": CSV,
    "author-page": PAGE,
    "jsonl": JSON_LINE * 3,
    "json-table": '{"Title": "Small caches", "Author": "Byron, Ada", "Year": 2024, "Shelf": [7]}\n' * 2,
    "openalex": OPENALEX,
    "crossref": CROSSREF,
    "ads": ADS,
    "oai-pmh": OAI_ARXIV_RAW,
    "arxiv-rss": ARXIV_RSS,
    "dblp": DBLP.replace("ISO-8859-1", "UTF-8"),
    "endnote-xml": ENDNOTE_XML,
    "refer": REFER,
    "web-of-science": WEB_OF_SCIENCE,
    "mods": MODS,
    "zotero-rdf": ZOTERO_RDF,
    "zotero-json": ZOTERO_JSON,
}
"""A valid file of each format."""

_XML_PIECES = (
    "<![CDATA[", "]]>", "<!--", "-->", "<?", "?>", "&foo;", "&eacute;", "&a;", "&#0;", "&#x110000;", "&amp", "<",
    ">", "</",
    '<!DOCTYPE r [<!ENTITY a "b">]>', '<!DOCTYPE r [<!ENTITY a "&b;&b;"><!ENTITY b "&a;&a;">]>', '<!ENTITY a "<b>">',
    "<x>",
    '<!ENTITY s SYSTEM "file:///etc/hostname">', '<?xml version="1.0" encoding="utf-16"?>', "<title/>", "</entry>",
    "<entry>",
    '<?xml version="1.0" encoding="latin-1"?>', '<?xml encoding="punycode"?>', "xmlns=''", "<paper>", "</paper>",
    "</meta>",
)  # fmt: skip
_JSON_PIECES = (
    "{", "}", "[", "]", '"', ",", ":", "null", "true", "-1", "1e999", "NaN", "123456789012345678901234567890",
    "0.1e-400",
    '"\\ud800"', '"\\u0000"', "\\", '"extra": {"a": [1]},', '"version": 9999999999999999999999,',
    '{"body": "<feed/>"}', "[" * 400,
    '{"a":' * 300, '"data": [', '"title": 5,', '"authors": {},', '"issued": {"date-parts": [[99999, -1]]},',
    '"id": 1e300,',
)  # fmt: skip
_BIBTEX_PIECES = (
    "@article{", "@misc(", "@string{", "@comment{", "@", "{", "}", '"', "=", ",", "#", "\\", "$", "\\'{e}", "{\\",
    "\\textit{",
    "title = {", "author = {A and and B}", "year = {20240}", "date = {/}", "%", "~", "--", "\n@", "{" * 300,
    "\\begin{x}", "\\verb",
)  # fmt: skip
_TAGGED_PIECES = (
    "TY  - JOUR\n", "ER  - \n", "TI  - ", "AU  - ", "UR  - ;;", "PY  - ////", "N1  - extra: {", "N1  - ids: ",
    "SP  - ", "XX  - ",
    "PMID- ", "PMID- 1\n", "FAU - ,", "AID - 10.1/x [doi]\n", "      ", "DP  - ", "LR  - 20230231\n", "TI", "  - ",
)  # fmt: skip
_TEXT_PIECES = (
    '"', '""', ";", ",", "\t", "title", "abstract", "Abstract: ", "\n\n", "97.1IRJun 4\n", "CVFeb 30, 2023\n",
    "et al. · pku\n",
    "9" * 5_000, "arXiv:2401.00001v99999999999999999999", "10.1000/x", "\r", "\r\n", "\n", "\0", "\x85", "\u2028",
    "\ufeff", "\x1b[31m",
    "é", "e\u0301", "深", "\U0001f600", "a" * 3_000, " " * 3_000, "\n" * 3_000, "https://arxiv.org/abs/", "'=",
    "0000-00-00", "-",
)  # fmt: skip
_BYTE_PIECES = (
    b"\xff",
    b"\xfe\xff",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xe9",
    b"\x81",
)
PIECES = (
    *(piece.encode() for piece in (*_XML_PIECES, *_JSON_PIECES, *_BIBTEX_PIECES, *_TAGGED_PIECES, *_TEXT_PIECES)),
    *_BYTE_PIECES,
)
"""Parts of files at which readers branch."""
LONG_PIECE_BYTES = 50_000
"""Length of repeated pieces; enough to notice quadratic time."""
_COMPRESSIONS = (gzip.compress, lzma.compress, bz2.compress, zstandard.compress)


def mutate(content: bytes, random: Random) -> bytes:
    """Returns the content after one to eight random changes; one in sixteen is compressed, and then changed again."""
    changed = bytearray(content)
    for _ in range(random.randint(1, 8)):
        _change(changed, random)
    if random.randrange(16):
        return bytes(changed)
    changed = bytearray(random.choice(_COMPRESSIONS)(bytes(changed)))
    if random.randrange(4):
        _flip(changed, random)
    return bytes(changed)


def _change(content: bytearray, random: Random) -> None:
    start = random.randint(0, len(content))
    end = min(len(content), start + random.choice((0, 1, 2, 10, 100)))
    kind = random.randrange(7)
    if kind <= 2:
        piece = random.choice(PIECES)
        content[start:start] = piece * random.choice((1, 1, 1, 1, 1, 2, 2, 50, 50, 1 + LONG_PIECE_BYTES // len(piece)))
    elif kind == 3:
        _flip(content, random)
    elif kind == 4:
        del content[start : random.choice((end, end, len(content)))]
    elif kind == 5:
        content[start:start] = content[start:end] * random.choice((1, 2, 30))
    else:
        content[start:end] = random.randbytes(end - start)


def _flip(content: bytearray, random: Random) -> None:
    if content:
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)
