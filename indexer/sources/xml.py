"""XML as the readers need it: streamed, with no entity expanded, no DTD loaded and nothing fetched."""

from collections.abc import Iterator

from lxml import etree

from indexer.sources.file import SourceFile


class MalformedXml(ValueError):
    """The document ends or breaks; ``line`` is where."""

    def __init__(self, error: etree.XMLSyntaxError) -> None:
        super().__init__(f"not well-formed XML: {error.msg}")
        self.line: int | None = error.lineno


def iter_elements(file: SourceFile, *names: str) -> Iterator[etree._Element]:
    """The elements of these local names, whole, as their end tags come; each is emptied after its turn.

    Raises:
        BrokenXml: the document is not well-formed; what came before was given.
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
    """The root of a whole document.

    Raises:
        BrokenXml: it is not well-formed.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(content.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as error:
        raise MalformedXml(error) from None


def inner_text(element: etree._Element | None) -> str:
    """All the text inside an element, markup dropped; nothing for None."""
    return "".join(str(part) for part in element.itertext(tag=etree.Element) if part) if element is not None else ""


def find_text(element: etree._Element, path: str) -> str:
    """The text of the first element at a path of local names."""
    return inner_text(element.find("/".join(f"{{*}}{name}" for name in path.split("/"))))


def find_all(element: etree._Element, path: str) -> list[etree._Element]:
    """All elements at a path of local names."""
    return list(element.findall("/".join(f"{{*}}{name}" for name in path.split("/"))))
