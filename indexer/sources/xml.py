"""XML parsing for the readers: streamed, without entity expansion, DTDs and network access."""

from collections.abc import Iterator

from lxml import etree

from indexer.sources.file import SourceFile


class MalformedXml(ValueError):
    """The document is not well-formed.

    Attributes:
        line: Number of the line with the error, from 1; None if unknown.
    """

    def __init__(self, error: etree.XMLSyntaxError) -> None:
        super().__init__(f"not well-formed XML: {error.msg}")
        self.line: int | None = error.lineno


def iter_elements(file: SourceFile, *names: str) -> Iterator[etree._Element]:
    """Yields the complete elements with one of these local names, and clears each one afterwards.

    Raises:
        MalformedXml: The document is not well-formed; the elements before the error have been yielded.
    """
    tags = [f"{{*}}{name}" for name in names]
    with file.open() as stream:
        events = etree.iterparse(
            stream, events=("end",), tag=tags, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
        )
        try:
            for _, element in events:
                yield element
                element.clear(keep_tail=True)
        except etree.XMLSyntaxError as error:
            raise MalformedXml(error) from None


def parse_document(content: str) -> etree._Element:
    """Parses a document and returns its root.

    Raises:
        MalformedXml: The document is not well-formed.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(content.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as error:
        raise MalformedXml(error) from None


def inner_text(element: etree._Element | None) -> str:
    """The text of an element without markup; empty for None."""
    return "".join(str(part) for part in element.itertext(tag=etree.Element) if part) if element is not None else ""


def find_text(element: etree._Element, path: str) -> str:
    """The text of the first element at a path of local names; empty if there is none."""
    return inner_text(element.find("/".join(f"{{*}}{name}" for name in path.split("/"))))


def find_all(element: etree._Element, path: str) -> list[etree._Element]:
    """Returns all elements at a path of local names."""
    return list(element.findall("/".join(f"{{*}}{name}" for name in path.split("/"))))
