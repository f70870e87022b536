"""Tables: columns are read by the meaning of their names, whatever program wrote them, as CSV or xlsx."""

import builtins
import io
import zipfile
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.sources.author_cells import find_separator, split_authors
from search.errors import SourceError
from search.papers.date import Date
from search.papers.paper import Paper
from source_samples import WriteSource, read, read_papers, read_with_warnings

EXPORTS = {
    "scopus": (
        "Authors,Author full names,Author(s) ID,Title,Year,Source title,Volume,Issue,Page start,Page end,Cited by,DOI,"
        "Link,Abstract,Author Keywords,PubMed ID,EID\n"
        '"Byron A.; Roe R.","Byron, Ada (57); Roe, Rick (58)","57; 58",Small caches,2018,Letters,3,2,1,9,7,10.5555/A,'
        'https://www.scopus.com/x?eid=1,We keep less.,cache; context,11,2-s2.0-1\n'
    ),
    "web of science": (
        "Publication Type,Authors,Author Full Names,Article Title,Source Title,Author Keywords,Abstract,"
        '"Times Cited, All Databases",Publication Date,Publication Year,Volume,Issue,Start Page,End Page,DOI,'
        'Pubmed Id\nJ,"Byron, A; Roe, R","Byron, Ada; Roe, Rick",Small caches,Letters,cache; context,We keep less.,7,'
        "MAR,2018,3,2,1,9,10.5555/A,11\n"
    ),
    "web of science, tab-delimited": (
        "\ufeffPT\tAU\tAF\tTI\tSO\tDE\tAB\tTC\tPD\tPY\tVL\tIS\tBP\tEP\tDI\tPM\tUT\n"
        "J\tByron, A; Roe, R\tByron, Ada; Roe, Rick\tSmall caches\tLetters\tcache; context\tWe keep less.\t7\tMAR"
        "\t2018\t3\t2\t1\t9\t10.5555/A\t11\tWOS:1\n"
    ),
    "ieee": (
        '"Document Title",Authors,"Publication Title","Publication Year",Volume,Issue,"Start Page","End Page",Abstract,'
        'DOI,"PDF Link","Author Keywords","Article Citation Count","Online Date"\n'
        '"Small caches","Ada Byron; Rick Roe",Letters,2018,3,2,1,9,"We keep less.","10.5555/A",'
        'https://ieeexplore.ieee.org/x,"cache;context",7,"5 Mar 2018"\n'
    ),
    "springer": (
        "Item Title,Publication Title,Book Series Title,Journal Volume,Journal Issue,Item DOI,Authors,Publication Year,"
        "URL\nSmall caches,Letters,,3,2,10.5555/A,Ada ByronRick Roe,2018,http://link.springer.com/article/10.5555/A\n"
    ),
    "lens": (
        "Lens ID,Title,Date Published,Publication Year,Source Title,Author/s,Abstract,Volume,Issue Number,Start Page,"
        "End Page,Keywords,PMID,DOI,PMCID,Citing Works Count\n"
        "000-1,Small caches,2018-03-05,2018,Letters,Ada Byron; Rick Roe,We keep less.,3,2,1,9,cache; context,11,"
        "10.5555/A,PMC12,7\n"
    ),
    "embase": (
        "Title,Author Names,Source,Abstract,keywords,Open URL Link\n"
        'Small caches,"Byron A., Roe R.","Letters (2018) 3:2 (1-9). Date of Publication: 5 Mar 2018",We keep less.,'
        '"cache, context",http://sfx.example.edu/x?sid=EMBASE&id=doi:10.5555%2FA&title=Letters\n'
    ),
    "pubmed": (
        "PMID,Title,Authors,Citation,First Author,Journal/Book,Publication Year,Create Date,PMCID,NIHMS ID,DOI\n"
        '11,Small caches,"Byron A, Roe R.","Letters. 2018","Byron A",Letters,2018,2018/03/06,PMC12,,10.5555/A\n'
    ),
    "openalex": (
        "id,abstract,authorships.author.display_name,cited_by_count,display_name,doi,ids.pmid,"
        "primary_location.source.display_name,publication_date,publication_year\n"
        "https://openalex.org/W1,We keep less.,Ada Byron|Rick Roe,7,Small caches,https://doi.org/10.5555/A,11,Letters,"
        "2018-03-05,2018\n"
    ),
    "zotero": (
        '"Key","Item Type","Publication Year","Author","Title","Publication Title","DOI","Url","Abstract Note","Date",'
        '"Pages","Issue","Volume","Manual Tags","Extra"\n'
        '"K1","journalArticle","2018","Byron, Ada; Roe, Rick","Small caches","Letters","10.5555/A","https://x.org/a",'
        '"We keep less.","2018-03-05","1-9","2","3","cache; context","PMID: 11\nCitation Key: x"\n'
    ),
    "mendeley": (
        "Title,Authors,Publication,Year,Volume,Issue,Pages,DOI,Abstract,Keywords,ArXiv ID,PMID\n"
        'Small caches,"Byron, Ada; Roe, Rick",Letters,2018,3,2,1-9,10.5555/A,We keep less.,"cache, context",'
        "2401.00001,11\n"
    ),
    "asreview": (
        "primary_title,notes_abstract,first_authors,publication_year,secondary_title,keywords,doi\n"
        "Small caches,We keep less.,\"['Byron, Ada', 'Roe, Rick']\",2018,Letters,\"['cache', 'context']\",10.5555/A\n"
    ),
    "publish or perish": (
        "Cites,Authors,Title,Year,Source,Publisher,ArticleURL,CitesURL,GSRank,DOI\n"
        '7,"A Byron, R Roe, ...",Small caches,2018,Letters,P,https://x.org/a,https://x.org/c,1,10.5555/A\n'
    ),
    "a german table": (
        "Titel;Autoren;Jahr;DOI;Zusammenfassung\nSmall caches;Ada Byron, Rick Roe;2018;10.5555/A;We keep less.\n"
    ),
    "an unknown table": (
        "Nr|Paper title|Author(s)|Year published|DOI link\n1|Small caches|Ada Byron, Rick Roe|2018.0|10.5555/A\n"
    ),
}  # fmt: skip
"""By program, its table of one paper."""


@pytest.mark.parametrize("program", EXPORTS)
def test_tables_of_every_program_give_the_same_paper(write_source: WriteSource, program: str) -> None:
    (paper,) = read_papers(write_source("table", EXPORTS[program]))
    assert paper.title == "Small caches"
    assert paper.published is not None
    assert paper.published.year == 2018
    assert "doi:10.5555/a" in paper.ids
    names = [name.replace(".", "").split() for name in paper.authors]
    assert all({"Byron", "Roe"} & set(name) and {"Ada", "A", "Rick", "R"} & set(name) for name in names)
    assert len(names) == 2
    assert (
        program in ("springer", "pubmed", "publish or perish", "an unknown table") or paper.abstract == "We keep less."
    )
    assert paper.extra.get("journal", "Letters") == "Letters"
    assert paper.extra.get("keywords", ["cache", "context"]) == ["cache", "context"]
    assert paper.extra.get("pages", "1-9") == "1-9"
    assert paper.citations in (None, 7)
    column = {
        "PMID": "pmid:11",
        "PMCID": "pmc:12",
        "Extra": "pmid:11",
        "ArXiv": "arxiv:2401.00001",
        "W1": "openalex:w1",
    }
    assert {paper_id for name, paper_id in column.items() if name in EXPORTS[program]} <= set(paper.ids)


def test_dates_have_the_month_and_day_that_the_year_agrees_with(write_source: WriteSource) -> None:
    rows = ("A,2018,5 Mar 2018", "B,2018,5 Mar 2019", "C,2018,MAR 5", "D,,March 2018", "E,2018,nan")
    table = "\n".join(("title,Publication Year,Online Date", *rows))
    papers = read_papers(write_source("a.csv", table))
    assert [paper.published for paper in papers] == [
        Date(2018, 3, 5), Date(2018), Date(2018, 3, 5), Date(2018, 3), Date(2018),
    ]  # fmt: skip


def test_a_bad_cell_costs_the_cell(write_source: WriteSource) -> None:
    table = "title,year,doi,version,pmid\nA,soon,see below,x,NA\nB,2019,10.5555/b,2,12.0\n"
    (first, second), warnings = read_with_warnings(write_source("a.csv", table))
    assert isinstance(first, Paper)
    assert isinstance(second, Paper)
    assert (first.title, first.published, first.ids, first.extra) == ("A", None, (), {"source_id": "see below"})
    assert (second.published, second.ids, second.version) == (Date(2019), ("doi:10.5555/b", "pmid:12"), 2)
    (warning,) = warnings
    assert ":2: published: the text contains no year, so the date was left out: 'soon'" in warning


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ('"Doe J.",A,2019,10.5555/a,"Text","f1","f2",P,2-s2.0', {"publisher": "P", "eid": "2-s2.0"}),
        ('"Doe J.",A,2019,10.5555/a,"Text","f1","f2","f3",P,2-s2.0', {}),
        ('"Doe J.",A,2019,10.5555/a,"Text","f1",P,2-s2.0,,,', {"funding": "f1", "publisher": "P", "eid": "2-s2.0"}),
    ],
)
def test_a_row_with_more_cells_keeps_what_is_certain(
    write_source: WriteSource, row: str, expected: dict[str, str]
) -> None:
    table = f"Authors,Title,Year,DOI,Abstract,Funding,Publisher,EID\n{row}\n"
    (paper,) = read_papers(write_source("a.csv", table))
    assert (paper.title, paper.abstract, paper.published) == ("A", "Text", Date(2019))
    assert (paper.ids, paper.authors) == (("doi:10.5555/a",), ("Doe J.",))
    assert all(paper.extra.get(name) in (None, value) for name, value in expected.items())


def test_cells_before_and_after_the_surplus_are_told_by_their_form(write_source: WriteSource) -> None:
    table = "Title,Note,Year,DOI,URL\nA,one,two,2019,10.5555/a,https://x.org\n"
    (paper,), warnings = read_with_warnings(write_source("a.csv", table))
    assert isinstance(paper, Paper)
    assert (paper.title, paper.published, paper.ids, paper.url) == (
        "A",
        Date(2019),
        ("doi:10.5555/a",),
        "https://x.org",
    )
    assert any(":2: the row has more cells than the header" in warning for warning in warnings)


@pytest.mark.parametrize(
    "content",
    [
        "sep=;\nTitle;Year\nA, b;2019\n",
        '"sep=,"\nTitle,Year\n"A, b",2019\n',
        "Title\tYear\nA, b\t2019\n",
        "Title|Year\nA, b|2019\n",
        "Search of 5 May\nhttps://x.org\n\nTitle;Year;DOI\nA, b;2019;\n",
        '\ufeff"Title";"Year"\r\n"A, b";"2019"\r\n',
        'Title\tYear\tNote\nA, b\t2019\t"unclosed\n',
    ],
)
def test_the_separator_and_the_header_are_found(write_source: WriteSource, content: str) -> None:
    (paper,) = read_papers(write_source("a.csv", content))
    assert (paper.title, paper.published) == ("A, b", Date(2019))


def test_quotes_in_tab_separated_cells_do_not_join_rows(write_source: WriteSource) -> None:
    content = 'Title\tNote\tYear\nThe "A\t5" x\t2018\nB\t"two\nlines"\t2019\nC\t3\t2020\n'
    papers = read_papers(write_source("a.tsv", content))
    assert [(paper.title, str(paper.published)) for paper in papers] == [
        ('The "A', "2018"),
        ("B", "2019"),
        ("C", "2020"),
    ]


def test_columns_without_a_field_are_kept_and_reported(write_source: WriteSource) -> None:
    table = f"Title,Shelf,Cited References\nA,7,{'x' * 2_000}\n"
    (paper,), warnings = read_with_warnings(write_source("a.csv", table))
    assert isinstance(paper, Paper)
    assert paper.extra == {"shelf": "7"}
    (warning,) = warnings
    assert "columns that are no field of a paper were kept as extra fields" in warning
    assert warning.endswith(": shelf, cited references")


def test_a_missing_title_column_is_reported(write_source: WriteSource) -> None:
    (paper,), warnings = read_with_warnings(write_source("a.csv", "Abstract,Year\nText,2019\n"))
    assert isinstance(paper, Paper)
    assert paper.abstract == "Text"
    assert any("no column has titles: columns: abstract, year" in warning for warning in warnings)
    for format_ in ("", "csv"):
        (error,) = read(write_source("b.csv", "Foo,Bar,Baz\n1,2,3\n"), format_)
        assert isinstance(error, SourceError)
        assert "titles or abstracts" in error.reason
        assert "Foo, Bar, Baz" in error.reason


@pytest.mark.parametrize(
    "text",
    ["A title; and some prose\nmore of it\n", "% by me, in 2019\n@misc{a, title = {A}, year = 2019}\n",
     "skipped a.json: neither title nor abstract; a paper needs one\n"],
)  # fmt: skip
def test_other_texts_are_no_tables(write_source: WriteSource, text: str) -> None:
    assert all(isinstance(each, SourceError) or "csv" not in each.sources[0] for each in read(write_source("a", text)))


NAME_LISTS = {
    "Byron A., Roe R., Poe E.": ["Byron A.", "Roe R.", "Poe E."],
    "Byron A, Roe R.": ["Byron A", "Roe R."],
    "A Byron, R Roe, E Poe": ["A Byron", "R Roe", "E Poe"],
    "Ada Byron and Rick Roe": ["Ada Byron", "Rick Roe"],
    "Ada Byron, Rick Roe and Eva Poe": ["Ada Byron", "Rick Roe", "Eva Poe"],
    "Byron, Ada and Roe, Rick": ["Ada Byron", "Rick Roe"],
    "Byron, A., Roe, R., & Poe, E.": ["A. Byron", "R. Roe", "E. Poe"],
    "Byron, Ada": ["Ada Byron"],
    "van Beethoven, Ludwig": ["Ludwig van Beethoven"],
    "King, Jr., Martin": ["Martin King Jr."],
    "García Márquez, Gabriel José": ["Gabriel José García Márquez"],
    "Vargas Llosa, Mario": ["Mario Vargas Llosa"],
    "de la Cruz Pérez, María-José": ["María-José de la Cruz Pérez"],
    "Roe Poe, Juan P.": ["Juan P. Roe Poe"],
    "Gabriel García, José Pérez": ["Gabriel García", "José Pérez"],
    "Mary Byron, John Thomas": ["Mary Byron", "John Thomas"],
    "Ada Byron, Rick Roe": ["Ada Byron", "Rick Roe"],
    "García Márquez, Gabriel José and Roe Poe, Mary Jane": ["Gabriel José García Márquez", "Mary Jane Roe Poe"],
    "Smith, J.": ["J. Smith"],
    "Smith, Jones": ["Jones Smith"],
    "Smith, Jones, Brown": ["Smith", "Jones", "Brown"],
    "田中, 太郎": ["太郎 田中"],
    "田中太郎, 鈴木花子": ["田中太郎", "鈴木花子"],
    "王小明, 李华": ["王小明", "李华"],
    "김철수, 이영희": ["김철수", "이영희"],
    "김, 철수": ["철수 김"],
    "Byron, Ada; Roe, Rick": ["Ada Byron", "Rick Roe"],
    "Byron, Ada (57); Roe, Rick (58)": ["Ada Byron", "Rick Roe"],
    "M&uuml;ller, J&ouml;rg; Roe, Rick": ["Jörg Müller", "Rick Roe"],
    "Ada Byron|Rick Roe": ["Ada Byron", "Rick Roe"],
    "Ada Byron\nRick Roe": ["Ada Byron", "Rick Roe"],
    "Ada ByronProf. Dr. Rick McRoeEva Poe": ["Ada Byron", "Rick McRoe", "Eva Poe"],
    "['Byron, Ada', \"O'Roe, Rick\"]": ["Ada Byron", "Rick O'Roe"],
    '["Byron, Ada", "Roe, Rick"]': ["Ada Byron", "Rick Roe"],
    "[No author name available]": [],
    "Ronald McDonald": ["Ronald McDonald"],
    "The ATLAS Collaboration": ["The ATLAS Collaboration"],
    "": [],
}


@pytest.mark.parametrize("cell", NAME_LISTS)
def test_lists_of_authors_are_split_as_their_shape_says(cell: str) -> None:
    assert split_authors(cell, find_separator([cell])) == (NAME_LISTS[cell], False)


@pytest.mark.parametrize("rest", ["et al.", "...", "…", "and others"])
def test_truncated_lists_of_authors_are_partial(rest: str) -> None:
    assert split_authors(f"A Byron, R Roe, {rest}", ",") == (["A Byron", "R Roe"], True)


def test_the_column_tells_what_a_cell_does_not() -> None:
    cells = ["García Márquez, Gabriel José", "Byron, Ada; Roe, Rick"]
    assert split_authors(cells[0], find_separator(cells)) == (["Gabriel José García Márquez"], False)
    cells = ["Nguyen Van, Minh Duc", "Roe, Rick"]
    assert split_authors(cells[0], find_separator(cells)) == (["Minh Duc Nguyen Van"], False)
    cells = ["Ada Byron, Rick Roe", "田中太郎, 鈴木花子"]
    assert split_authors(cells[0], find_separator(cells)) == (["Ada Byron", "Rick Roe"], False)
    cells = ["Gabriel Roe, José Antonio", "Ada Byron, Rick Roe, Eva Poe"]
    assert split_authors(cells[0], find_separator(cells)) == (["Gabriel Roe", "José Antonio"], False)


@given(st.text("Aa b,;|.&'[]\"\n", max_size=30), st.text("Aa b,;|.&'[]\"\n", max_size=30))
def test_any_cells_are_split(cell: str, other: str) -> None:
    names, _ = split_authors(cell, find_separator([cell, other]))
    assert all(names)


def write_workbook(path: Path, *sheets: list[list[object]]) -> Path:
    from openpyxl import Workbook

    workbook = Workbook()
    workbook.remove(workbook.active)
    for number, rows in enumerate(sheets):
        sheet = workbook.create_sheet(f"Sheet {number}")
        for row in rows:
            sheet.append(row)
    workbook.save(path)
    return path


def test_workbooks_are_tables(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["Search of May"], [],
        ["Article Title", "Author Full Names", "Publication Year", "Online Date", "DOI", "Times Cited", "Shelf"],
        ["CO<sub>2</sub> caches", "Byron, Ada; Roe, Rick", 2018.0, datetime(2018, 3, 5), "10.5555/A", 7, "x"],
        [None, None, None],
        ["Line_x000D_two", None, "in press", None, None, None, None, "surplus"],
    ]  # fmt: skip
    (first, second), warnings = read_with_warnings(write_workbook(tmp_path / "a.xlsx", rows, [["Notes", "x"], [1, 2]]))
    assert isinstance(first, Paper)
    assert isinstance(second, Paper)
    assert (first.title, first.authors) == ("CO2 caches", ("Ada Byron", "Rick Roe"))
    assert (first.published, first.ids, first.extra) == (Date(2018, 3, 5), ("doi:10.5555/a",), {"shelf": "x"})
    assert first.citations == 7
    assert first.sources == ("xlsx:a.xlsx",)
    assert (second.title, second.published) == ("Line two", None)
    text = "\n".join(warnings)
    assert ":6: published: the text contains no year" in text
    assert "the columns of the sheet 'Sheet 1' are Notes, x" in text


def test_a_workbook_without_titles_is_refused(tmp_path: Path) -> None:
    (error,) = read(write_workbook(tmp_path / "a.xlsx", [["Foo", "Bar"], [1, 2]]))
    assert isinstance(error, SourceError)
    assert "the columns of the sheet 'Sheet 0' are Foo, Bar" in error.reason


def test_a_damaged_workbook_is_an_error(tmp_path: Path) -> None:
    content = write_workbook(tmp_path / "a.xlsx", [["Title", "Year"], ["A", 2019]]).read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as whole, zipfile.ZipFile(tmp_path / "b.xlsx", "w") as broken:
        for name in whole.namelist():
            broken.writestr(name, whole.read(name)[:200] if "sheet1" in name else whole.read(name))
    for path in (tmp_path / "b.xlsx", tmp_path / "c.xlsx"):
        if path.name == "c.xlsx":
            path.write_bytes(content[: len(content) // 2])
        (error,) = read(path, "xlsx")
        assert isinstance(error, SourceError)
        assert "xlsx" in error.reason


def test_a_workbook_that_expands_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"<x/>")
        with archive.open("xl/sharedStrings.xml", "w") as part:
            for _ in range(70):
                part.write(b" " * 2**20)
    (error,) = read(path)
    assert isinstance(error, SourceError)
    assert "decompresses to more than" in error.reason


def test_without_openpyxl_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_workbook(tmp_path / "a.xlsx", [["Title", "Year"], ["A", 2019]])
    original = builtins.__import__

    def refuse(name: str, *args: object, **options: object) -> object:
        if name.startswith("openpyxl"):
            raise ImportError(name)
        return original(name, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", refuse)
    (error,) = read(path)
    assert isinstance(error, SourceError)
    assert "papers-search[xlsx]" in error.reason


CELLS = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["2019", "Title", '"', ";", "10.5555/a", "NA"]
)


@given(st.lists(st.lists(CELLS, min_size=1, max_size=5), max_size=4), st.sampled_from(",;\t|"))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_rows_are_read_or_yield_errors(write_source: WriteSource, rows: list[list[str]], delimiter: str) -> None:
    lines = "\n".join(delimiter.join(row) for row in [["Title", "Year", "DOI"], *rows])
    for each in read(write_source("a.csv", lines), "csv"):
        assert isinstance(each, SourceError) or each.title


@pytest.mark.parametrize(
    "header",
    [
        "Title,Writer(s),Publication Year,Source Title,Cited By Count",
        "title,writers,publication_year,source_title,cited_by_count",
        "TITLE,WRITER,PUBLICATION YEAR,SOURCE_TITLE,CITED BY COUNT",
        "title,contributors,publicationYear,sourceTitle,citedByCount",
        "Titles,Author/s,PublicationYear,Source titles,CitedByCount",
        "Title(s),Creator(s),publication-year,sourcetitle,cited by counts",
    ],
)
def test_names_of_columns_match_in_any_case_and_number(write_source: WriteSource, header: str) -> None:
    (paper,) = read_papers(
        write_source("table.csv", f'{header}\nSmall caches,"Byron, Ada; Roe, Rick",2018,Letters,7\n')
    )
    assert (paper.title, paper.authors, paper.published) == ("Small caches", ("Ada Byron", "Rick Roe"), Date(2018))
    assert (paper.extra, paper.citations) == ({"journal": "Letters"}, 7)


def test_names_of_columns_that_are_no_fields(write_source: WriteSource) -> None:
    content = "Title,First Author,Citation,paperId\nSmall caches,Byron A,Letters. 2018;3:1,12345\n"
    (paper,) = read_papers(write_source("table.csv", content))
    assert paper.authors == ()
    assert paper.extra["first author"] == "Byron A"
    assert paper.extra["citation"] == "Letters. 2018;3:1"
    assert paper.ids == ()
    (paper,) = read_papers(write_source("table.csv", f"title,paperId\nSmall caches,{'0a' * 20}\n"))
    assert paper.ids == (f"s2:{'0a' * 20}",)


PLACEHOLDERS = (
    "[No author id available]", "[No abstract available]", "[No source information available]", "N/A", "n/a", "#N/A",
    "nan", "NaN", "null", "NULL", "None", "none", "-", "--", "–", "[Not Available].", "NA", "?", "...", "<NA>",
)  # fmt: skip


@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_a_placeholder_is_no_value_in_any_column(write_source: WriteSource, text: str) -> None:
    header = "Title,Authors,Author(s) ID,Abstract,Year,DOI,Link,Source title,Volume,Pages,Keywords,Cited by,Shelf"
    cells = f',"{text}"' * header.count(",")
    (paper,) = read_papers(write_source("table.csv", f"{header}\nSmall caches{cells}\n"))
    assert paper == Paper(title="Small caches", sources=("csv:table.csv",))
    (error,) = read(write_source("table.csv", f'title,doi\n"{text}",10.5555/a\n'))
    assert isinstance(error, SourceError)
    assert "neither title nor abstract" in error.reason


@pytest.mark.parametrize(
    "content",
    [
        "title = {{A}}, author = {{{0}}}, journal = {{{0}}}, doi = {{{0}}}, abstract = {{{0}}}, url = {{{0}}}",
        "TI  - A\nAU  - {0}\nA1  - {0}\nT2  - {0}\nDO  - {0}\nAB  - {0}\nUR  - {0}\nPY  - {0}\nSP  - {0}\nEP  - {0}",
        '"title": "A", "authors": ["{0}"], "doi": "{0}", "abstract": "{0}", "url": "{0}", "extra": {{"x": "{0}"}}',
    ],
)
@pytest.mark.parametrize("text", ["nan", "[No author name available]", "N/A", "--", "null"])
def test_a_placeholder_is_no_value_in_any_format(write_source: WriteSource, content: str, text: str) -> None:
    fields = content.format(text)
    ends = {"t": ("@article{a, ", "}\n"), "T": ("TY  - JOUR\n", "\nER  -\n"), '"': ("{", "}\n")}[content[0]]
    (paper,) = read_papers(write_source("file", fields.join(ends)))
    assert paper == Paper(title="A", sources=paper.sources)


@pytest.mark.parametrize("text", ["Nullity", "No evidence of an effect", "[No effect of smoking]", "Nan Li", "A-", "N"])
def test_similar_texts_are_values(write_source: WriteSource, text: str) -> None:
    (paper,) = read_papers(write_source("table.csv", f'Title,Authors,Shelf\n"{text}","{text}","{text}"\n'))
    assert (paper.title, paper.authors, paper.extra) == (text, (text,), {"shelf": text})


@pytest.mark.parametrize(
    ("reference", "published", "extra"),
    [
        (
            "Letters (2018) 3:2 (1-9). Date of Publication: 5 Mar 2018",
            Date(2018, 3, 5),
            {"journal": "Letters", "volume": "3", "issue": "2", "pages": "1-9"},
        ),
        (
            "Letters of Computing (2018) 54 (83-86). Date of Publication: March 5, 2018",
            Date(2018, 3, 5),
            {"journal": "Letters of Computing", "volume": "54", "pages": "83-86"},
        ),
        (
            "Letters (London, England) (2018) 3:SUPPL. 1 (S1-S9). Date of Publication: 2018",
            Date(2018),
            {"journal": "Letters (London, England)", "volume": "3", "issue": "SUPPL. 1", "pages": "S1-S9"},
        ),
        ("Letters (2018)", Date(2018), {"journal": "Letters"}),
        ("Letters", None, {"journal": "Letters"}),
        ("a (2018) " * 100, Date(2018), None),
    ],
)
def test_references_of_embase(
    write_source: WriteSource, reference: str, published: Date | None, extra: dict[str, str] | None
) -> None:
    (paper,) = read_papers(write_source("table.csv", f'Title,Author Names,Source\nA,"Roe R.","{reference}"\n'))
    assert paper.published == published
    assert extra is None or paper.extra == extra


def test_keywords_may_have_commas_in_parentheses(write_source: WriteSource) -> None:
    (paper,) = read_papers(write_source("table.csv", 'Title,Keywords\nA,"cache (small, fast), context"\n'))
    assert paper.extra["keywords"] == ["cache (small, fast)", "context"]


def test_less_frequent_columns(write_source: WriteSource) -> None:
    header = "title\tnumber\tvolume\tsecondary_authors\tArt. No.\tPage start"
    (paper, _) = read_papers(
        write_source("table.tsv", f"{header}\nA\t2\t3\t['Poe, Eva']\te12\t\nB\t2\t3\tPoe, Eva\te12\t7\n")
    )
    assert paper.extra == {"issue": "2", "volume": "3", "editors": ["Eva Poe"], "pages": "e12"}
    (paper,) = read_papers(write_source("table.csv", "number,title,authors\n1,A,Ada Byron\n"))
    assert paper.extra == {"number": "1"}
