"""BibTeX libraries as BibTeX and biblatex read them: macros, inheritance, names, identifiers, dates, faults."""

import time
from collections.abc import Mapping
from pathlib import Path

import bibtexparser
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from indexer import sources
from indexer.sources.bibtex_names import parse_names
from indexer.sources.bibtex_syntax import Entry, parse_blocks
from indexer.sources.file import FileGroup, SourceFile
from indexer.sources.guard import FAILURE
from search.errors import SourceError
from search.papers.paper import Paper
from source_samples import AS_OF, WriteSource

Library = Mapping[str, Paper]
"""Papers by title."""


def read_library(*paths: Path) -> tuple[list[Paper | SourceError], list[str]]:
    """Reads the files of one command; returns the records and the warnings."""
    group = FileGroup(paths)
    files = [SourceFile(path, AS_OF, "", group) for path in paths]
    return [record for file in files for record in sources.read(file)], [
        text for file in files for text in file.warnings
    ]


def read_papers(*paths: Path) -> Library:
    found, _ = read_library(*paths)
    assert [each for each in found if isinstance(each, SourceError)] == []
    return {each.title or "": each for each in found if isinstance(each, Paper)}


def read_entry(write_source: WriteSource, fields: str, type_: str = "article") -> Paper:
    (paper,) = read_papers(write_source("a.bib", f"@{type_}{{key,\n title = {{T}},\n {fields}\n}}\n")).values()
    return paper


MACROS = """
@string{ants = "Journal of Ants"}
@STRING(doe = {Doe, Jane})
@string{both = doe # " and " # {Roe, Rick}}
@article{a, title = "Of " # {ants}, author = both, journal = ANTS # {, Series } # "B", year = 2019, month = mar}
@article{b, title = {Of bees}, author = "Poe, Edgar" # " and " # doe, journal = jacm, year = 2019, month = "3~" # apr}
@string{ants = "Ants Today"}
@article{c, title = {Of wasps}, author = doe, journal = ants, year = 2020, month = "7"}
"""


def test_macros_are_expanded_and_joined(write_source: WriteSource) -> None:
    papers = read_papers(write_source("a.bib", MACROS))
    assert {
        title: (paper.authors, paper.extra["journal"], str(paper.published)) for title, paper in papers.items()
    } == {
        "Of ants": (("Jane Doe", "Rick Roe"), "Journal of Ants, Series B", "2019-03"),
        "Of bees": (("Edgar Poe", "Jane Doe"), "Journal of the ACM", "2019-04-03"),
        "Of wasps": (("Jane Doe",), "Ants Today", "2020-07"),
    }


def test_macros_of_other_files_are_known_in_any_order(write_source: WriteSource) -> None:
    entries = write_source("a.bib", "@article{a, title = {A}, author = doe #and# {Poe, E.}, journal = bees}\n")
    names = write_source("b.bib", '@string{and = " and "}\n@string{doe = {Doe, J.}}\n')
    journals = write_source("c.bib", '@string{of = "Journal of "}\n@string{bees = of # "Bees"}\n')
    papers = read_papers(entries, names, journals)
    assert (papers["A"].authors, papers["A"].extra) == (("J. Doe", "E. Poe"), {"journal": "Journal of Bees"})
    assert read_papers(journals, entries, names) == papers


def test_an_undefined_macro_is_named_and_kept(write_source: WriteSource) -> None:
    path = write_source(
        "a.bib", '@string{x = y}\n@string{y = x}\n@misc{a,\n title = {A}, journal = prl # " B", note = x}\n'
    )
    (paper,), warnings = read_library(path)
    assert isinstance(paper, Paper)
    assert paper.extra == {"journal": "prl B"}
    assert [text.partition(": ")[2] for text in warnings] == [
        "a macro has no @string in the imported files; its name was read as the text: prl"
    ]


PROCEEDINGS = """
@inproceedings{one, title = {One}, author = {Doe, Jane}, pages = {1--9}, crossref = {bees2019}}
@inproceedings{two, title = {Two}, author = {Roe, Rick}, year = 2018, booktitle = {Own Book}, crossref = "Bees2019"}
@inproceedings{three, title = {Three}, author = {Poe, E.}, crossref = {old-key}}
@proceedings{bees2019, title = {Proceedings of Bees}, subtitle = {Third Meeting}, editor = {Coe, Carla},
  date = {2019-05}, doi = {10.1000/book}, url = {https://x.org/book}, abstract = {All papers.}, keywords = {all},
  ids = {old-key, older}}
"""


def test_children_inherit_from_a_later_parent(write_source: WriteSource) -> None:
    papers = read_papers(write_source("a.bib", PROCEEDINGS))
    journal = "Proceedings of Bees: Third Meeting"
    assert {title: (str(paper.published), paper.extra, paper.ids, paper.url) for title, paper in papers.items()} == {
        "One": ("2019-05", {"journal": journal, "pages": "1–9"}, (), None),
        "Two": ("2018", {"journal": "Own Book"}, (), None),
        "Three": ("2019-05", {"journal": journal}, (), None),
        "Proceedings of Bees: Third Meeting": (
            "2019-05",
            {"editors": ["Carla Coe"], "keywords": ["all"]},
            ("doi:10.1000/book",),
            "https://x.org/book",
        ),
    }
    assert papers["One"].abstract is None


def test_a_parent_may_be_in_another_file(write_source: WriteSource) -> None:
    *children, parent = PROCEEDINGS.strip().split("\n@")
    paths = write_source("a.bib", "\n@".join(children) + "\n"), write_source("b.bib", f"@{parent}\n")
    assert read_papers(*paths) == {
        title: Paper(**{**vars_of(paper), "sources": (f"bibtex:{'b' if 'Proceedings' in title else 'a'}.bib",)})
        for title, paper in read_papers(write_source("c.bib", PROCEEDINGS)).items()
    }


def vars_of(paper: Paper) -> dict[str, object]:
    return {name: getattr(paper, name) for name in Paper.__slots__}


@pytest.mark.parametrize(
    ("child", "parent", "journal"),
    [
        ("inbook", "@book{p, title = {Bees}, author = {Doe, Jane}}", "Bees"),
        ("incollection", "@book{p, title = {Bees}, booktitle = {Short Bees}, subtitle = {Long}}", "Short Bees"),
        ("inproceedings", "@mvproceedings{p, title = {Bees}}", "Bees"),
        ("article", "@periodical{p, title = {Bees}, subtitle = {Monthly}}", "Bees: Monthly"),
        ("article", "@article{p, title = {Bees}, journal = {J}}", "J"),
        ("misc", "@misc{p, title = {Bees}, journal = {J}}", "J"),
    ],
)
def test_the_title_of_a_parent_becomes_that_of_the_book_or_journal(
    write_source: WriteSource, child: str, parent: str, journal: str
) -> None:
    found = read_papers(write_source("a.bib", f"@{child}{{c, title = {{T}}, crossref = {{p}}}}\n{parent}\n"))
    assert found["T"].extra == {"journal": journal}
    assert found["T"].authors == (("Jane Doe",) if "author" in parent else ())


XDATA = """
@article{a, title = {A}, xdata = {shared, missing}, author = {Own, Ann and xdata=people-author-2
  and xdata=people-editor}}
@article{b, title = {B}, xdata = {loop}, author = {xdata=people-author-9}}
@xdata{shared, xdata = {journal:x}, date = {2020}, abstract = {An abstract.}}
@xdata{journal:x, journaltitle = {Xenon}}
@xdata{people, author = {Doe, Jane and Roe, Rick}, editor = {Poe, Edgar and Coe, Carla}}
@xdata{loop, xdata = {loop2}, journal = {L}}
@xdata{loop2, xdata = {loop}, year = 2001}
"""


def test_xdata_gives_fields_and_elements_of_lists(write_source: WriteSource) -> None:
    papers = read_papers(write_source("a.bib", XDATA))
    assert set(papers) == {"A", "B"}
    assert papers["A"].authors == ("Ann Own", "Rick Roe", "Edgar Poe", "Carla Coe")
    assert (papers["A"].extra, papers["A"].abstract) == ({"journal": "Xenon"}, "An abstract.")
    assert (papers["B"].extra, str(papers["B"].published)) == ({"journal": "L"}, "2001")


NAMES = {
    # BibTeX
    "Doe, Jane and Roe, Rick": ["Jane Doe", "Rick Roe"],
    "Jane Doe AND Rick  Roe\n and\tEdgar Poe": ["Jane Doe", "Rick Roe", "Edgar Poe"],
    "van der Berg, Jan and Ludwig van Beethoven": ["Jan van der Berg", "Ludwig van Beethoven"],
    "King, Jr., Martin and King, Martin, Jr. and Martin King, Jr.": ["Martin King Jr."] * 3,
    "{Simon and Schuster} and {NASA}": ["Simon and Schuster", "NASA"],
    "{{Bee Health Board, Unit 3}}": ["Bee Health Board, Unit 3"],
    r"Erd{\H o}s, P{\'a}l and G{\"o}del, K.": ["Pál Erdős", "K. Gödel"],
    r"D.~E. Knuth and {van Dongen}, M.": ["D. E. Knuth", "M. van Dongen"],
    "Collaboration, Planck": ["Planck Collaboration"],
    "Anderson and Andy Andrews": ["Anderson", "Andy Andrews"],
    # others
    "Doe, Jane and others": ["Jane Doe", "..."],
    "Doe, Jane and et al.": ["Jane Doe", "..."],
    "Doe, J. et al": ["J. Doe", "..."],
    "J. Doe, R. Roe, et al.": ["J. Doe", "R. Roe", "..."],
    r"Doe, J. and \textit{et al.}": ["J. Doe", "..."],
    "others": ["..."],
    # and that is too much
    "Doe, Jane and Roe, Rick and": ["Jane Doe", "Rick Roe"],
    "and Doe, Jane and and Roe, Rick": ["Jane Doe", "Rick Roe"],
    # biblatex
    "given=Hans, family=Harman and given=Simon, prefix=de, family=Beumont": ["Hans Harman", "Simon de Beumont"],
    'family={Roe}, given={Rick}, suffix=Jr, given-i=R and "given={J, P.}", family=Poe': ["Rick Roe Jr", "J, P. Poe"],
    "given=Jean, prefix={de la}, useprefix=true, family=Rue and Doe, Jane": ["Jean de la Rue", "Jane Doe"],
    # lists with commas, semicolons and ampersands
    "Doe, J., Roe, R., Poe, E.": ["J. Doe", "R. Roe", "E. Poe"],
    "J. Doe, R. Roe and E. Poe": ["J. Doe", "R. Roe", "E. Poe"],
    "J. Doe, R. Roe, and E. Poe": ["J. Doe", "R. Roe", "E. Poe"],
    "Jane Doe, Rick Roe, Edgar A. Poe": ["Jane Doe", "Rick Roe", "Edgar A. Poe"],
    "Doe, Jane, Roe, Rick": ["Jane Doe", "Rick Roe"],
    "Smith, John A., Doe, Jane B., Roe, R.": ["John A. Smith", "Jane B. Doe", "R. Roe"],
    "王, 小明 and 田中, 太郎": ["小明 王", "太郎 田中"],
    "Doe, J. A., Jr., Roe, R.": ["J. A. Doe Jr.", "R. Roe"],
    "Doe, Jane; Roe, Rick; Poe, Edgar": ["Jane Doe", "Rick Roe", "Edgar Poe"],
    r"Doe, J. \& Roe, R.": ["J. Doe", "R. Roe"],
    "Doe, J., Roe, R. & Poe, E.": ["J. Doe", "R. Roe", "E. Poe"],
    "李明, 王芳": ["李明", "王芳"],
    "李明, 王芳, 太郎": ["李明", "王芳", "太郎"],
    "田中, 太郎": ["太郎 田中"],
    "長谷川, 健太郎": ["健太郎 長谷川"],
    "{田中}, {太郎}": ["太郎 田中"],
    "田中太郎, 鈴木花子": ["田中太郎", "鈴木花子"],
    "田中 太郎, 鈴木 花子": ["田中 太郎", "鈴木 花子"],
    "김, 철수": ["철수 김"],
    "김철수, 이영희": ["김철수", "이영희"],
    "タイラー, ジョン": ["ジョン タイラー"],
    "Smith, J.": ["J. Smith"],
    "Smith, Jones": ["Jones Smith"],
    "Smith, Jones, Brown": ["Smith", "Jones", "Brown"],
    "Smith, PhD, Jane": ["Jane Smith PhD"],
    "García Márquez, Gabriel José": ["Gabriel José García Márquez"],
    "Doe, Jane,": ["Jane Doe"],
    "": [],
}  # fmt: skip


@pytest.mark.parametrize("text", NAMES)
def test_lists_of_names(text: str) -> None:
    names, is_partial = parse_names(text)
    assert [*names, *(["..."] if is_partial else [])] == NAMES[text]


@given(st.lists(st.sampled_from([*"aB,;&{}=\\. ~", " and ", " et al.", "family=", "Jr."]), max_size=20).map("".join))
def test_any_list_of_names_is_read(text: str) -> None:
    names, _ = parse_names(text)
    assert all(isinstance(name, str) for name in names)


def test_repeated_authors_collaborations_and_editors(write_source: WriteSource) -> None:
    paper = read_entry(
        write_source, "author = {Wang, Wei and Wang, Wei}, collaboration = {BEE, Hive Team}, editor = {Doe, J.}"
    )
    assert paper.authors == ("Wei Wang", "Wei Wang", "BEE Collaboration", "Hive Team")
    assert "editors" not in paper.extra
    paper = read_entry(write_source, "editor = {Doe, J. and Roe, R.}", "collection")
    assert (paper.authors, paper.extra) == ((), {"editors": ["J. Doe", "R. Roe"]})


@pytest.mark.parametrize(
    ("fields", "title", "journal"),
    [
        ("title = {Wasps}, subtitle = {A life}", "Wasps: A life", None),
        ("title = {Why wasps?}, subtitle = {A life}", "Why wasps? A life", None),
        ("title = {Wasps: A Life}, subtitle = {A life}", "Wasps: A Life", None),
        ("title = {A}, journaltitle = {Ants}, journalsubtitle = {Bees}", "A", "Ants: Bees"),
        ("booktitle = {A book}, booksubtitle = {Part 1}", "A book: Part 1", None),
        ("title = {Proceedings of Ants}, booktitle = {Proc. Ants}", "Proceedings of Ants", None),
        ("title = {Of\n  ants}, journal = {J. of\n  Ants}", "Of ants", "J. of Ants"),
        ("title = {Q \\& A &amp; more \\&amp;}", "Q & A & more &", None),
    ],
)
def test_titles(write_source: WriteSource, fields: str, title: str, journal: str | None) -> None:
    (paper,) = read_papers(write_source("a.bib", f"@book{{a, {fields}}}\n")).values()
    assert (paper.title, paper.extra.get("journal")) == (title, journal)


@pytest.mark.parametrize(
    ("fields", "published"),
    [
        ("year = {2001}, date = {1-2 April, 2001}", "2001-04"),
        ("date = {May 22--24, 2003}", "2003-05"),
        ("year = 2001, date = {soon}", "2001"),
        ("date = {2004~}", "2004"),
        ("date = {{2011-02}}", "2011-02"),
        ("date = {2019-05-03/2019-05-07}", "2019-05-03"),
        ("date = {2019}, year = 2019, month = may", "2019-05"),
        ("date = {2019-21}", "2019"),
        ("date = {19XX}", "None"),
        ("year = {c. 1905}", "1905"),
        ("year = 1999 # {a}", "1999"),
        ("year = {2004--2005}", "2004"),
        ("year = {in press}", "None"),
        ("year = 2001, month = {June/July}", "2001-06"),
        ("year = 2001, month = jun # {~} # 15", "2001-06-15"),
        ("year = 2001, month = 13", "2001"),
        ("year = {\\textbf{2007}}, month = {{jan}}", "2007-01"),
    ],
)
def test_dates(write_source: WriteSource, fields: str, published: str) -> None:
    assert str(read_entry(write_source, fields).published) == published


@pytest.mark.parametrize(
    ("fields", "ids"),
    [
        ("doi = {10.1000/A\\_1}", ["doi:10.1000/a_1"]),
        ("doi = {https://doi.org/10.1000/1}, url = {http://dx.doi.org/10.1000/1}", ["doi:10.1000/1"]),
        ("eprint = {2401.00001}, eprinttype = {arXiv}", ["arxiv:2401.00001"]),
        ("eprint = {hep-th/9901001}", ["arxiv:hep-th/9901001"]),
        ("eprint = {9901001}, archiveprefix = {hep-th}", ["arxiv:hep-th/9901001"]),
        ("eprint = {12345}, eprinttype = {pubmed}", ["pmid:12345"]),
        ("eprint = {10.2307/1}, eprinttype = {jstor}", []),
        ("arxivid = {2401.00001v2}, pmid = {77}, pmcid = {PMC1234}", ["arxiv:2401.00001", "pmid:77", "pmc:1234"]),
        ("url = {https://arxiv.org/pdf/2401.00001v2}", ["arxiv:2401.00001"]),
        ("howpublished = {\\url{https://arxiv.org/abs/2401.00001}}", ["arxiv:2401.00001"]),
        ("journal = {arXiv preprint arXiv:2401.00001}", ["arxiv:2401.00001"]),
        ("journal = {CoRR}, volume = {abs/2401.00001}", ["arxiv:2401.00001"]),
        ("eid = {arXiv:2401.00001}, number = {arXiv:2401.00001}", ["arxiv:2401.00001"]),
        ("note = {Accepted at BEES. arXiv:2401.00001 [cs.CL], doi:10.1000/x.}", ["arxiv:2401.00001", "doi:10.1000/x"]),
        ("note = {(PMID: 77)}", ["pmid:77"]),
        ("doi = {10.1000/own}, note = {doi:10.1000/other}", ["doi:10.1000/own"]),
        ("note = {Comment on arXiv:2401.00001}", []),
        ("note = {Erratum: https://doi.org/10.1000/x}", []),
        ("note = {arXiv:2401.00001 and arXiv:2401.00002}", []),
        ("note = {Code at https://doi.org/10.5281/zenodo.1}", []),
        ("doi = {10.1000/1:2&lt;3::AID&gt;4}", ["doi:10.1000/1:2<3::aid>4"]),
    ],
)
def test_identifiers(write_source: WriteSource, fields: str, ids: list[str]) -> None:
    assert list(read_entry(write_source, fields).ids) == ids


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ("url = {https://x.org/a\\_b\\%20c}", "https://x.org/a_b%20c"),
        ("url = {\\url{http://x.org/~doe/}}", "http://x.org/~doe/"),
        ("howpublished = {Online: \\url{http://x.org/a}.}", "http://x.org/a"),
        ("note = {Last access \\href{http://x.org/b--c}{here}}", None),
        ("ee = {http://x.org/b}", "http://x.org/b"),
    ],
)
def test_addresses(write_source: WriteSource, fields: str, url: str | None) -> None:
    assert read_entry(write_source, fields).url == url


FAULTS = {
    "a repeated field": ("@misc{a, title = {A}, note = {1}, Note = {2}}", "a field was repeated in an entry"),
    "a comma too many": ("@misc{a,, title = {A},, note = {1},}", "a comma without a field before it"),
    "a comma too few": ("@misc{a, title = {A} note = {1}}", "a comma between two fields was missing"),
    "a comment": ("@misc{a, % with key, and = comma\n title = {A}, % more, {\n note = {1} % end\n}", ""),
    "no key": ("@misc{title = {A}, note = {1}}", ""),
    "no comma after the key": ("@misc{a\n title = {A}}", ""),
    "no value": ("@misc{a, note = , title = {A}}", ""),
    "quotation marks": ('@misc{a, title = "A", note = "say "what" now", year = 2001}', ""),
    "quotation marks in braces": ('@misc{a, title = "A", note = "a {"}b{"} c"}', ""),
    "an escaped brace": ("@misc{a, title = {A}, note = {a \\{ b}, year = 2001}", ""),
    "a backslash at the end": ("@misc{a, title = {A}, file = {C:\\docs\\}, note = {x\\\\}}", ""),
    "parentheses": ("@misc(a, title = {A}, note = {(x)}, year = 2001)", ""),
    "spaces": ("@misc { a , title={A} , publication year = 2001 }", ""),
    "text without braces": ("@misc{a, title = A, note = some more text, year = 3 May 2001}", "a macro has no @string"),
    "another case": ("@MISC{A, TITLE = {A}}", ""),
    "text around it": ("Some text @ home. @misc{a, title = {A}} more", ""),
    "other blocks": ("@comment{jabref: {x}}\n@preamble{ {\\newcommand{\\x}{y}} # {z} }\n@misc{a, title = {A}}", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_faults_do_not_cost_the_entry(write_source: WriteSource, name: str) -> None:
    content, warning = FAULTS[name]
    found, warnings = read_library(write_source("a.bib", f"{content}\n@misc{{b, title = {{B}}}}\n"))
    assert [each.title for each in found if isinstance(each, Paper)] == ["A", "B"], found
    assert len(warnings) == bool(warning)
    assert warning in "".join(warnings)


def test_the_first_of_repeated_fields_is_read(write_source: WriteSource) -> None:
    assert read_entry(write_source, "doi = {10.1000/1}, doi = {10.1000/2}").ids == ("doi:10.1000/1",)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("@misc{b, title = {B {b}, year = 2001}\n", "a brace is never closed, perhaps in the field 'title'"),
        ("@misc{b, year = 2001, note = {a\n", "the field 'note': a brace is never closed"),
        ('@misc{b, title = "B, year = {2001}}\n', "the field 'title': a quotation mark is never closed"),
        ("@misc{b, title {B}}\n", "a field must start with 'name =', but there is 'title {B}}'"),
        ("@misc{b, title = {B} {b}}\n", "a field must start with 'name =', but there is '{b}}'"),
        ("@misc{b, title = #}\n", "the field 'title': a value must start with a brace"),
        ("@misc{b, year = 2001}\n", "b: neither title nor abstract"),
    ],
)
def test_a_skipped_entry_says_why(write_source: WriteSource, content: str, reason: str) -> None:
    path = write_source("a.bib", f"@misc{{a, title = {{A}}}}\n\n{content}@misc{{c, title = {{C}}}}\n")
    first, error, last = read_library(path)[0]
    assert isinstance(error, SourceError)
    assert (error.line, reason in error.reason) == (3, True), error.reason
    assert [each.title for each in (first, last) if isinstance(each, Paper)] == ["A", "C"]


def test_entries_on_one_line_survive_a_malformed_one(write_source: WriteSource) -> None:
    path = write_source("a.bib", "@misc{a, title = {A}} @misc{b, x} @misc{c, title = {C}} @misc{d, title = {D {}\n")
    found, _ = read_library(path)
    assert [each.title if isinstance(each, Paper) else each.line for each in found] == ["A", 1, "C", 1]


def test_a_file_of_macros_alone_is_bibtex(write_source: WriteSource) -> None:
    assert read_library(write_source("a.bib", '% names\n@string{doe = "Doe, Jane"}\n')) == ([], [])


ENTRY_TEXTS = st.recursive(
    st.text("ab,=\"'#% \n@()", max_size=6),
    lambda inner: st.lists(inner, max_size=3).map(lambda texts: f"{{{''.join(texts)}}}"),
)


@given(st.dictionaries(st.sampled_from(["title", "note", "x-1", "author+an"]), ENTRY_TEXTS, max_size=4))
@example({"title": "a\n@b{c, d}"})
def test_fields_are_read_as_bibtexparser_reads_them(fields: dict[str, str]) -> None:
    text = "@misc{key,\n" + "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items()) + "}\n"
    (entry,) = parse_blocks(text, 1)
    assert isinstance(entry, Entry)
    assert {name: value[0].text for name, value in entry.fields.items()} == fields
    library = bibtexparser.parse_string(text)
    if not library.failed_blocks:  # it takes a block start in a value for a new entry
        (other,) = library.entries
        assert {name: field.value for name, field in other.fields_dict.items()} == fields


PIECES = st.sampled_from(
    [
        *'@{}(),="#%\\ \nab1',
        "\n@misc{c, ",
        "@string{x1 = ",
        "title = ",
        "crossref = {c}",
        "xdata = {b, c}",
        "xdata=c-title",
    ]
)


@given(st.lists(PIECES, max_size=40).map("".join))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_read(tmp_path: Path, text: str) -> None:
    for block in parse_blocks(text, 1):
        assert 1 <= block.line <= 1 + text.count("\n")
    path = tmp_path / "a.bib"
    path.write_text(f"@misc{{a, title = {{A}}, author = x1}}\n{text}\n@misc{{b, title = {{B}}, crossref = {{a}}}}\n")
    found, _ = read_library(path)
    assert not any(FAILURE in str(each) for each in found if isinstance(each, SourceError))
    assert [each.title for each in (found[0], found[-1]) if isinstance(each, Paper)] == ["A", "B"]


@pytest.mark.parametrize(
    "content",
    [
        "@a{k,x={" * 50_000,
        "@a{k, x={\\} y " * 20_000,
        "@a{k," + " " * 400_000,
        "@a{" + " " * 400_000 + "{",
        '@a{k, x="' + '" ' * 200_000,
        "@a{k," + "%\n" * 200_000,
        "@a{k, title={A}, author={" + " and " * 80_000 + "}}",
        "@a{k, title={A}, author={" + "a, " * 100_000 + "}}",
        "@a{k, title={A}, note={" + "arXiv:" * 60_000 + "}}",
        "@comment{" * 50_000 + "}",
        "@comment{\n@a{k, title={A}}\n" * 10_000,
        "@comment(\n@a{k, title={A}}\n)\n" * 10_000,
        "".join(f"@string{{m{n} = m{n - 1} # m{n - 1}}}\n" for n in range(1, 60)) + "@a{k, title=m59}",
        "".join(f"@xdata{{x{n}, xdata={{{','.join(f'x{m}' for m in range(30))}}}}}\n" for n in range(30))
        + "@a{k, title={A}, xdata={x0}}",
    ],
    ids=range(14),
)
def test_hostile_files_take_linear_time(write_source: WriteSource, content: str) -> None:
    path = write_source("a.bib", content)
    started = time.process_time()
    read_library(path)
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "comment",
    [
        "@comment{\n@article{a, title={Left out}}\n}",
        "@comment{ @article{a, title={Left out}} }",
        "@Comment {\n@article{a,\n title={Left out}\n}\n@misc{b, title={Left out}}\n}",
        "@COMMENT(\n@article{a, title={Left out}}\n)",
        "@comment{jabref-meta: databaseType:biblatex;}\n@comment{\n@string{x = {y}}\n\n@book{a, title = {Left out}}}",
        "@comment{email me at me@example.org}",
        "@comment is a word",
        "@comment",
    ],
)
def test_comments_are_those_of_biber(write_source: WriteSource, comment: str) -> None:
    before, after = "@misc{x, title = {Before}}", "@misc{y,\n title = {After}, crossref = {a}}"
    papers, _ = read_library(write_source("a.bib", f"{before}\n{comment}\n{after}\n"))
    assert [paper.title for paper in papers if isinstance(paper, Paper)] == ["Before", "After"]


@pytest.mark.parametrize("comment", ["@comment{", "@comment{ { }", "@comment(a"])
def test_a_comment_that_is_not_closed_is_a_word(write_source: WriteSource, comment: str) -> None:
    content = (
        f"@misc{{x, title = {{Before}}}}\n{comment}\n@misc{{y,\n title = {{After}}}}\n@misc{{z, title = {{Last}}}}\n"
    )
    papers, _ = read_library(write_source("a.bib", content))
    assert [paper.title for paper in papers if isinstance(paper, Paper)] == ["Before", "After", "Last"]


def test_volume_issue_and_publisher(write_source: WriteSource) -> None:
    paper = read_entry(write_source, "title = {A}, journal = {L}, volume = 3, number = {2}, publisher = {P \\& Q}")
    assert paper.extra == {"journal": "L", "volume": "3", "issue": "2", "publisher": "P & Q"}
    paper = read_entry(write_source, "title = {A}, number = {TR-12}", "techreport")
    assert paper.extra == {}
