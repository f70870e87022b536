"""Malformed XML and JSON cost the record that has them: the records before and after it are read."""

import json
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer import sources
from indexer.sources import xml
from indexer.sources.file import SourceFile
from search.errors import SourceError
from search.papers.paper import Paper
from source_samples import AS_OF, WriteSource, read

HEAD = '<?xml version="1.0"?>\n<feed xmlns="http://www.w3.org/2005/Atom" xmlns:a="http://arxiv.org/schemas/atom">\n'
XML_FAULTS = {
    "a less-than sign": "a < b",
    "an ampersand and a number sign": "A &# B",
    "an end tag too many": "A</title>",
    "another end tag": "A</name>",
    "no end tag": "A <sub>2",
    "an attribute without quotation marks": "A <sub n=1>2</sub>",
    "a quotation mark that is not closed": 'A <sub n="1>2</sub>',
    "an attribute twice": 'A <sub n="1" n="2">2</sub>',
    "a control character": "A \x0b B",
    "an unknown prefix and a tag": "A <x:sub>2</y:sub>",
    "a section that is not closed": "A <![CDATA[ B",
    "a comment that is not closed": "A <!-- B",
    "an instruction that is not closed": "A <?php B",
    "a character that XML does not allow": "A &#0; B",
    "the end of the feed": "A</title></entry></feed>",
    "the start of another record": "A</title><entry>",
}


def entry(number: int, title: str = "") -> str:
    return (
        f"<entry>\n<id>http://arxiv.org/abs/2401.{number:05}v1</id>\n<title>{title or f'Paper {number}'}</title>\n"
        f"<summary>Text <![CDATA[<b>]]> {number}.</summary><!-- a comment --></entry>\n"
    )


@pytest.mark.parametrize("place", [0, 1, 3])
@pytest.mark.parametrize("fault", XML_FAULTS)
def test_malformed_xml_costs_one_record(write_source: WriteSource, fault: str, place: int) -> None:
    entries = [entry(number) for number in range(4)]
    entries[place] = entry(place, XML_FAULTS[fault])
    others = [f"Paper {number}" for number in range(4) if number != place]
    for content in (HEAD + "".join(entries) + "</feed>", HEAD + "".join(entries)):
        for text in (content, json.dumps({"body": content})):
            found = read(write_source("feed.xml", text))
            titles = [str(each.title) for each in found if isinstance(each, Paper)]
            assert [title for title in titles if title.startswith("Paper")] == others
            errors = [each for each in found if isinstance(each, SourceError)]
            assert 1 <= len(errors) <= 4
            assert all("not well-formed XML" in error.reason for error in errors)
            assert all((error.line is None) == (text is not content) for error in errors)


def test_ampersands_that_start_no_reference_are_text(write_source: WriteSource) -> None:
    title = "A & B, R&D; AT&T & C&#38;D &c. &"
    path = write_source("feed.xml", HEAD + entry(0, title) + entry(1) + "</feed>")
    first, second = read(path)
    assert isinstance(first, Paper)
    assert isinstance(second, Paper)
    assert (first.title, second.title) == ("A & B, R&D; AT&T & C&D &c. &", "Paper 1")
    file = SourceFile(path, AS_OF)
    assert len(list(sources.read(file))) == 2
    assert (
        f"{path}:5: ampersands that do not start a reference were kept as text (first &; 5 in the file)"
        in file.warnings
    )


@given(
    pieces=st.lists(st.sampled_from(["&", "&amp;", "&#38;", "&eacute;", "a", " ", ";", "#", "\n"]), max_size=12),
    size=st.integers(65_400, 65_540),
)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ampersands_are_the_same_at_the_end_of_a_chunk(write_source: WriteSource, pieces: list[str], size: int) -> None:
    titles = []
    for spaces in (0, size - len(HEAD)):
        content = HEAD + " " * spaces + entry(0, f"A{''.join(pieces)}") + "</feed>"
        titles.append([getattr(each, "title", "") for each in read(write_source("feed.xml", content))])
    assert titles[0] == titles[1]


def test_a_file_without_readable_head_is_one_error(write_source: WriteSource) -> None:
    (error,) = read(write_source("feed.xml", HEAD.replace("xmlns:a=", "xmlns:a") + entry(1) + entry(2) + "</feed>"))
    assert "not well-formed XML" in str(error)
    assert "the rest is not read" in str(error)


def test_documents_after_one_another_are_read(write_source: WriteSource) -> None:
    found = read(write_source("feeds.xml", "".join(HEAD + entry(number) + "</feed>\n" for number in range(3))))
    assert [each.title for each in found if isinstance(each, Paper)] == [f"Paper {number}" for number in range(3)]
    assert sum(isinstance(each, SourceError) for each in found) == 2  # where a document starts in another


def test_text_between_records_costs_none(write_source: WriteSource) -> None:
    found = read(
        write_source("feed.xml", HEAD + entry(0) + "<b>a < b</b>\n" + entry(1) + "&amp; <>" + entry(2) + "</feed>")
    )
    assert [each.title for each in found if isinstance(each, Paper)] == [f"Paper {number}" for number in range(3)]
    assert [each.line for each in found if isinstance(each, SourceError)] == [7, 12]


def test_lines_of_records_and_errors_behind_an_error_are_those_of_the_file(write_source: WriteSource) -> None:
    content = (
        HEAD + "".join(entry(n, {1: "a < b", 4: "c < d"}.get(n, "")) for n in range(6)) + entry(6) + "<entry/></feed>"
    )
    lines = content.splitlines()
    errors = [each for each in read(write_source("feed.xml", content)) if isinstance(each, SourceError)]
    assert [lines[(error.line or 0) - 1] for error in errors] == [
        "<title>a < b</title>", "<title>c < d</title>", "<entry/></feed>"
    ]  # fmt: skip


def test_the_volume_of_a_paper_is_known_behind_an_error(write_source: WriteSource) -> None:
    def paper(number: int, title: str) -> str:
        return f'<paper id="{number}"><title>{title}</title></paper>\n'

    def volume(name: str, papers: str) -> str:
        meta = f"<meta><booktitle>{name.title()}</booktitle><year>2022</year></meta>"
        return f'<volume id="{name}">{meta}\n{papers}</volume>\n'

    content = (
        '<collection id="2022.acl">\n'
        + volume("long", paper(1, "A") + paper(2, "B < C") + paper(3, "D") + paper(4, "E < F"))
        + volume("short", paper(1, "G") + paper(2, "H < I") + paper(3, "J"))
        + "</collection>"
    )
    found = [each for each in read(write_source("acl.xml", content)) if isinstance(each, Paper)]
    assert [(each.title, each.ids, each.extra["journal"]) for each in found] == [
        ("A", ("acl:2022.acl-long.1",), "Long"),
        ("D", ("acl:2022.acl-long.3",), "Long"),
        ("G", ("acl:2022.acl-short.1",), "Short"),
        ("J", ("acl:2022.acl-short.3",), "Short"),
    ]


def test_many_errors_take_linear_time(write_source: WriteSource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml, "_MAX_REREAD_CHARACTERS", 2**20)
    found = read(write_source("feed.xml", HEAD + "<entry><!-- " * 20_000))
    assert len(found) < 100
    assert "the rest is not read" in str(found[-1])


def item(number: int) -> str:
    return json.dumps(
        {
            "type": "article", "title": f"Paper {number}", "note": 'a "b", c: {d} [e]', "DOI": f"10.1000/{number}",
            "author": [{"family": "Byron", "given": "Ada"}, {"literal": "The Group"}],
            "issued": {"date-parts": [[2024, number + 1]]}, "abstract": "Text.",
        },
    )  # fmt: skip


JSON_FAULTS = {
    "a comma that is missing": ('", "note"', '" "note"'),
    "a colon that is missing": ('"DOI": ', '"DOI" '),
    "a quotation mark that is missing at the start": ('"Paper', "Paper"),
    "a quotation mark that is missing at the end": ('", "note"', ', "note"'),
    "a quotation mark that is not escaped": ('\\"b\\"', '"b"'),
    "a line break in a string": ("Text.", "Te\nxt."),
    "an escape that JSON does not have": ("Text.", "Te\\ext."),
    "half a surrogate pair": ("Text.", "\\ud83d"),
    "a bracket that is missing": ('"The Group"}]', '"The Group"}'),
    "a bracket too many": ('"The Group"}]', '"The Group"}]]'),
    "a brace that is missing": ('"The Group"}', '"The Group"'),
    "a brace too many": ('"The Group"}', '"The Group"}}'),
    "the last brace is missing": ('"abstract": "Text."}', '"abstract": "Text."'),
    "a comma too many": ('"Text."', '"Text.",'),
    "not a number": ("2024", "NaN"),
    "quotation marks of Python": ('"Text."', "'Text.'"),
    "a comment": ('"DOI"', '/* the "DOI" */ "DOI"'),
}


@pytest.mark.parametrize("separator", [", ", ",\n", "\n,\n "])
@pytest.mark.parametrize("place", [0, 1, 3])
@pytest.mark.parametrize("fault", JSON_FAULTS)
def test_a_malformed_item_of_a_list_costs_itself(
    write_source: WriteSource, fault: str, place: int, separator: str
) -> None:
    items = [item(number) for number in range(4)]
    old, new = JSON_FAULTS[fault]
    assert old in items[place]
    items[place] = items[place].replace(old, new)
    text = separator.join(items)
    for content in (f"[{text}]", f"[{text}", f'{{"status": "ok", "references": [{text}], "more": {{}}}}'):
        found = read(write_source("items.json", content), "csl-json")
        titles = [each.title for each in found if isinstance(each, Paper)]
        assert titles == [f"Paper {number}" for number in range(4) if number != place]
        errors = [each for each in found if isinstance(each, SourceError)]
        assert errors[0].line == content.count("\n", 0, content.index(items[place])) + 1
        assert 1 <= len(errors) <= 2 + (fault == "a brace too many")


@given(
    place=st.integers(0, 4),
    random=st.randoms(use_true_random=False),
    pieces=st.lists(st.sampled_from(["", '"', "\\", ",", ":", "x", "1", " ", "\n", "'"]), min_size=1, max_size=3),
)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_characters_in_an_item_cost_at_most_its_neighbours(
    write_source: WriteSource, place: int, random: Random, pieces: list[str]
) -> None:
    """A character in place of another; with brackets, the file may have another structure."""
    changed = list(item(place))
    for piece in pieces:
        position = random.randrange(1, len(changed) - 1)
        if changed[position] not in "{}[]":
            changed[position] = piece
    items = ["".join(changed) if number == place else item(number) for number in range(5)]
    found = read(write_source("items.json", "[" + ", ".join(items) + "]"), "csl-json")
    titles = {each.title for each in found if isinstance(each, Paper)}
    near = {f"Paper {number}" for number in range(5) if abs(number - place) > 1}
    assert near <= titles
