"""Names in exports: BibTeX, RIS and CSL-JSON have the family name, given names and suffix where programs read them."""

import json

import bibtexparser
import pytest
import rispy
from bibtexparser.middlewares import SeparateCoAuthors, SplitNameParts

from exports import make_page, read_export
from search.papers.paper import Paper
from service import formats
from service.formats import Format
from service.formats.citation import citation_keys

NAMES = {
    "Doe J.A.": ("J. A.", "Doe", ""),
    "Doe JA": ("J. A.", "Doe", ""),
    "Doe J.": ("J.", "Doe", ""),
    "J. A. Doe": ("J. A.", "Doe", ""),
    "J.A. Doe": ("J. A.", "Doe", ""),
    "Jane A. Doe": ("Jane A.", "Doe", ""),
    "Doe, Jane": ("Jane", "Doe", ""),
    "Sartre J.-P.": ("J.-P.", "Sartre", ""),
    "van der Berg A.B.": ("A. B.", "van der Berg", ""),
    "García Márquez G.J.": ("G. J.", "García Márquez", ""),
    "Müller-Lüdenscheidt K": ("K.", "Müller-Lüdenscheidt", ""),
    "Ludwig van Beethoven": ("Ludwig", "van Beethoven", ""),
    "Wei LI": ("Wei", "LI", ""),
    "Martin L. King Jr.": ("Martin L.", "King", "Jr."),
    "King, Jr., Martin": ("Martin", "King", "Jr."),
    "King, Martin L., III": ("Martin L.", "King", "III"),
    "Davis R.W. III": ("R. W.", "Davis", "III"),
    "The ATLAS Collaboration": ("", "The ATLAS Collaboration", ""),
    "Bee Genome Working Group": ("", "Bee Genome Working Group", ""),
    "OneRec Team": ("", "OneRec Team", ""),
    "DeepSeek-AI": ("", "DeepSeek-AI", ""),
    "Xi Ai": ("Xi", "Ai", ""),
    "Smith & Sons": ("", "Smith & Sons", ""),
    "Simon and Schuster": ("", "Simon and Schuster", ""),
    "Plato": ("", "Plato", ""),
    "李明": ("", "李明", ""),
}
"""By name: the given names, the family name or the whole name, and the suffix."""


def make_paper(*authors: str) -> Paper:
    return Paper(ids=("arxiv:2401.00001",), title="Bees", abstract="Hives.", authors=authors)


@pytest.mark.parametrize("name", NAMES)
def test_bibtex_has_the_parts_of_a_name(name: str) -> None:
    given, family, suffix = NAMES[name]
    content = formats.render_paper("bibtex", make_paper(name)).decode()
    (entry,) = bibtexparser.parse_string(content, append_middleware=[SeparateCoAuthors(), SplitNameParts()]).entries
    (person,) = entry["author"]
    assert " ".join(person.first) == given
    assert " ".join([*person.von, *person.last]).strip("{}").replace("\\&", "&") == family
    assert " ".join(person.jr) == suffix


@pytest.mark.parametrize("name", NAMES)
def test_ris_and_csl_json_have_the_parts_of_a_name(name: str) -> None:
    given, family, suffix = NAMES[name]
    (reference,) = rispy.loads(formats.render_paper("ris", make_paper(name)).decode())
    assert reference["authors"] == [", ".join(part for part in (family, given, suffix) if part)]
    (item,) = json.loads(formats.render_paper("csl-json", make_paper(name)))
    parts = {"family": family, "given": given, "suffix": suffix} if given else {"literal": family}
    assert item["author"] == [{part: text for part, text in parts.items() if text}]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("format_", ["bibtex", "ris", "csl-json"])
def test_an_import_reads_given_names_first(name: str, format_: Format) -> None:
    given, family, suffix = NAMES[name]
    _, (paper,) = read_export(formats.render_paper(format_, make_paper(name, "Ada Byron")))
    assert paper.authors == (" ".join(part for part in (given, family, suffix) if part), "Ada Byron")


def test_citation_keys_start_with_the_family_name() -> None:
    for name in ("Doe J.A.", "Doe JA", "J. A. Doe", "Doe, Jane", "Jane Doe Jr."):
        assert citation_keys([make_paper(name)])[0].startswith("doebees-")


@pytest.mark.parametrize("format_", ["bibtex", "ris", "csl-json", "csv", "ndjson"])
def test_namesakes_in_one_list_are_kept(format_: Format) -> None:
    paper = make_paper("Wei Wang", "Li Na", "Wei Wang")
    assert read_export(formats.render_page(format_, make_page([paper])))[1][0].authors == paper.authors
