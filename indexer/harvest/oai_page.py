"""OaiPage: what a harvest needs to know of one response of OAI-PMH 2.0.

https://www.openarchives.org/OAI/openarchivesprotocol.html; the records themselves are for ``indexer.sources.oai_pmh``.
"""

import html
import re
from dataclasses import dataclass

from lxml import etree

from indexer.harvest.errors import PassingError
from indexer.sources.xml import find_all, local_name

_END = re.compile(rb"</(?:[\w.-]+:)?OAI-PMH\s*>\s*(?:<!--.*?-->\s*)*\Z", re.DOTALL)
_TOKEN = re.compile(rb"<(?:[\w.-]+:)?resumptionToken\b([^<>]*)>\s*([^<>]*?)\s*</")
_LIST_SIZE = re.compile(rb"""completeListSize\s*=\s*["']([0-9]+)["']""")


@dataclass(frozen=True, slots=True)
class OaiPage:
    """One response.

    Attributes:
        records: The number of records or headers.
        token: The resumption token; empty on the last page.
        total: ``completeListSize``; None if the repository does not say it.
        response_date: When it was made, as in ``2026-02-13T14:02:47Z``.
        stamps: The datestamps in order; empty if the page is not well-formed, so that some may be missing.
        error: The code of an error, as in ``badResumptionToken``; empty without one.
        message: The text of the error.
    """

    records: int
    token: str
    total: int | None
    response_date: str
    stamps: tuple[str, ...]
    error: str
    message: str


def check_complete(body: bytes) -> None:
    """Checks that a response was not cut.

    Raises:
        PassingError: It does not end with the end of its root element.
    """
    if not _END.search(body[-65_536:]):
        raise PassingError("the page is incomplete: it does not end with </OAI-PMH>")


def parse_page(body: bytes) -> OaiPage:
    """Parses a complete response; records that are not well-formed are for the reader to report."""
    root, is_well_formed = _parse(body)
    headers = list(root.iter("{*}header"))
    stamps = tuple(_text(each) for header in headers for each in find_all(header, "datestamp"))
    error = next(iter(find_all(root, "error")), None)
    attributes, token = _find_token(body)
    size = _LIST_SIZE.search(attributes)
    return OaiPage(
        records=len(headers),
        token=token,
        total=int(size[1]) if size else None,
        response_date=next((_text(each) for each in find_all(root, "responseDate")), ""),
        stamps=stamps if is_well_formed else (),
        error="" if error is None else error.get("code") or "unknown error",
        message="" if error is None else _text(error),
    )


def parse_identity(body: bytes) -> tuple[str, str]:
    """Returns the granularity and the earliest datestamp of a response to Identify; empty texts if it lacks them."""
    root, _ = _parse(body)
    found = {local_name(each): _text(each) for each in root.iter(etree.Element)}
    return found.get("granularity", ""), found.get("earliestDatestamp", "")


def _parse(body: bytes) -> tuple[etree._Element, bool]:
    """Returns the root and whether the document is well-formed."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=True)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError:  # nothing in it is XML
        root = None
    if root is None or local_name(root) != "OAI-PMH":
        raise PassingError("the page is no response of OAI-PMH")
    return root, not parser.error_log


def _find_token(body: bytes) -> tuple[bytes, str]:
    """Returns the attributes and the text of the token; found without a parser, as a record before it may be broken."""
    found = _TOKEN.findall(body)
    return (found[-1][0], html.unescape(found[-1][1].decode("utf-8", "replace"))) if found else (b"", "")


def _text(element: etree._Element) -> str:
    return (element.text or "").strip()
