"""dblp: the whole ``dblp.xml``, or the records of a person (https://dblp.org/faq/16154937.html, "dblp: some lessons
learned", https://doi.org/10.14778/1687553.1687577)."""

import re
from collections.abc import Iterator
from functools import partial

from lxml import etree

from indexer.sources.dates import date_from_parts
from indexer.sources.file import SourceFile
from indexer.sources.record import Draft, select_non_empty
from indexer.sources.xml import find_all, find_text, inner_text, read_elements, root_name
from search.errors import SourceError
from search.papers.json import Json
from search.papers.paper import Paper

_RECORDS = (
    "article", "inproceedings", "proceedings", "book", "incollection", "phdthesis", "mastersthesis", "data"
)  # fmt: skip
"""Elements that are publications; the others, ``www`` and ``person``, are home pages."""
_HOMONYM_NUMBER = re.compile(r" \d{4}$")
"""A number that dblp appends to names that several persons have."""


def sniff(head: str) -> bool:
    """Whether the file is of dblp."""
    return root_name(head) in ("dblp", "dblpperson")


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the publications in order, without home pages."""
    return read_elements(file, partial(_parse_paper, source=file.source), *_RECORDS)


def _parse_paper(record: etree._Element, source: str) -> Paper:
    links = [inner_text(each).strip() for each in find_all(record, "ee")]
    editors: list[Json] = [_clean_name(each) for each in find_all(record, "editor")]
    extra: dict[str, Json] = {
        "journal": find_text(record, "journal") or find_text(record, "booktitle"),
        "volume": find_text(record, "volume"),
        "issue": find_text(record, "number"),
        "pages": find_text(record, "pages"),
        "publisher": find_text(record, "publisher") or find_text(record, "school"),
        "editors": editors,
    }
    return Draft(
        source,
        ids=[*links, f"dblp:{record.get('key')}"],
        title=find_text(record, "title").strip().removesuffix("."),
        authors=[_clean_name(each) for each in find_all(record, "author")],
        published=date_from_parts(find_text(record, "year"), find_text(record, "month")),
        url=next(iter(links), None),
        retraction="withdrawn" if "withdrawn" in str(record.get("publtype")) else None,
        extra=select_non_empty(extra, extra),
    ).to_paper()


def _clean_name(element: etree._Element) -> str:
    return _HOMONYM_NUMBER.sub("", inner_text(element).strip())
