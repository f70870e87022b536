"""Queries: ``papers search | similar | authors | people | show``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from search.errors import InvalidValue
from service.commands.ask_server import SERVER_OPTION, ask_server
from service.commands.browse import check_browse, start_browser
from service.commands.command import Command
from service.commands.exit_status import ExitStatus
from service.commands.lists import open_lists
from service.commands.options import (
    FORMAT_OPTION,
    INDEX_OPTION,
    JSON_OPTION,
    PROFILE_OPTION,
    SEARCHED_INDEX_OPTION,
    added_options,
    build_filtered_query,
    build_query,
    feed_options,
    filter_options,
    open_searcher,
    page_options,
    parse_format_option,
)

if TYPE_CHECKING:
    from search.query.page import Page
    from search.query.query import Query
    from search.session import Session
    from service.formats import Format, RenderOptions


@click.command(cls=Command)
@click.argument("query", default="")
@click.option("--verbatim", is_flag=True, help="Search for the text as typed, even if only its correction has a match.")
@page_options
@SERVER_OPTION
def search(
    query: str, directory: Path | str, explain: bool, browse: bool, profile: str, server: str, **options: Any
) -> None:
    """Search in plain words. Without a query, list the papers that match the filters, newest first.

    The query may contain filters and operators: au:zhou ti:cache cat:cs.CL year:2024-2026 "a phrase" -word OR
    ANDNOT ( ). An arXiv ID, DOI or URL shows that paper and similar papers. A query of more than 60 words is read as
    an abstract.

    If nothing is close to the text as typed, a likely correction is searched for instead, or the papers of the author
    whose name it is. Filters in prose, meanings of acronyms and related phrases are printed as further queries.

    \b
    papers search "KV cache compression"
    papers search 'au:zhou cat:cs.IR date:>=2026-01 "kv cache" -survey'
    papers search "reward models" --author "Guorui Zhou" --category cs --from 2026-01 --to 2026-06 -n 5
    papers search "long context" --like 2604.24432 --unlike 2412.14838
    papers search --category "Information Retrieval" --from 30d --facets
    papers search "speculative decoding" -n 100 --format bibtex > decoding.bib
    papers search "speculative decoding" --from 2025 --browse
    """
    output_format = parse_format_option(options["format_"], as_json=options["as_json"])
    if browse:
        check_browse({**options, "explain": explain})
    elif page := ask_server(server, directory, "search", query, options, explain=explain):
        print_page(page, output_format, feed_options(query, options), explain=explain)
        return
    wanted = build_query(options)
    session = open_searcher(directory).session()
    page = session.ask(query, wanted)
    if browse and page.hits:
        load = lambda cursor: session.ask(query, wanted, cursor=cursor)  # noqa: E731
        start_browser(session, load, page, wanted, open_lists(directory, profile), query)
    else:
        print_page(page, output_format, feed_options(query, options), explain=explain)


@click.command(cls=Command)
@click.argument("ids", nargs=-1)
@click.option("--file", "file", type=click.Path(path_type=Path), help="Text file with an abstract, or a bibliography.")
@page_options
@SERVER_OPTION
def similar(
    ids: tuple[str, ...],
    file: Path | None,
    directory: Path | str,
    explain: bool,
    browse: bool,
    profile: str,
    server: str,
    **options: Any,
) -> None:
    """Find papers similar to given papers or to an abstract.

    The papers must be in the index. The abstract is read from a file or, with - in place of an ID, from standard input.
    The same file may be a bibliography in any format that papers index reads: with one paper, similar ones are found;
    with several, papers near them all, as papers recommend finds them.

    \b
    papers similar arxiv:2604.24432
    papers similar 2604.24432 2412.14838 --unlike 2602.09843
    papers similar --file abstract.txt --from 2026
    papers similar --file thesis.bib
    papers similar 2604.24432 --browse
    pbpaste | papers similar -
    papers similar 2604.24432 -n 20 --format ris > similar.ris
    """
    examples = tuple(each for each in ids if each != "-")
    from_stdin = len(examples) < len(ids)
    if not (file or ids or options["like"]):
        raise click.UsageError("missing paper ID: give one or more IDs, --file FILE, or - for standard input")
    if file and from_stdin:
        raise click.UsageError("--file cannot be combined with - (standard input): leave out one of the two")
    output_format = parse_format_option(options["format_"], as_json=options["as_json"])
    parameters = {**options, "like": (*examples, *options["like"])}
    if browse:
        check_browse({**options, "explain": explain})
    elif not (file or from_stdin) and (
        page := ask_server(server, directory, "similar", "", parameters, explain=explain)
    ):
        print_page(page, output_format, feed_options("", options, *examples), explain=explain)
        return
    query = build_query(parameters)
    session = open_searcher(directory).session()
    content = _read_file(file) if file else sys.stdin.buffer.read() if from_stdin else None

    def load(cursor: str) -> "Page":
        wanted = query.with_options(cursor=cursor)
        if content is None:
            return session.search(wanted)
        return _find_similar_to_file(session, file or Path("-"), content, wanted, is_sorted=bool(options["sort"]))

    page = load(query.cursor)
    if browse and page.hits:
        start_browser(session, load, page, query, open_lists(directory, profile))
    else:
        feed_text = (content or b"").decode("utf-8", "replace")
        print_page(page, output_format, feed_options(feed_text, options, *examples), explain=explain)


@click.command(cls=Command)
@click.argument("name")
@INDEX_OPTION
@PROFILE_OPTION
@JSON_OPTION
def authors(name: str, directory: Path, profile: str, as_json: bool) -> None:
    """List the variants of an author's name, with the number of papers for each, and the people who share it.

    People are told apart by coauthors, subjects and spellings, and by the corrections that were made on the web page.
    A person is named by a paper: papers search 'au:"Yang Liu @ arxiv:2501.09265"'.

    \b
    papers authors zhou
    papers authors "Zhou, G."
    papers authors "Yang Liu"
    """
    from dataclasses import replace

    from indexer.state import StateDatabase
    from service.formats.render import authors_json, authors_text, dump_json
    from service.state.person_statements import PersonStatements
    from service.state.profiles import Profile

    statements = PersonStatements(StateDatabase.of_index(directory), Profile.of_name(profile))
    session = replace(open_searcher(directory).session(), corrections=statements.corrections())
    match, persons = session.authors(name), session.persons(name)
    click.echo(dump_json(authors_json(match, persons)) if as_json else authors_text(match, persons), nl=as_json)
    if not match.variants:
        suggestion = f"; did you mean {' or '.join(match.suggestions)}?" if match.suggestions else ""
        click.echo(f"papers: no author matches {name!r}{suggestion}", err=True)
        sys.exit(ExitStatus.NOT_FOUND)


@click.command(cls=Command)
@click.argument("query", default="")
@click.option("--verbatim", is_flag=True, help="Search for the text as typed, even if only its correction has a match.")
@filter_options
@added_options
@click.option("-n", "--limit", type=int, default=20, show_default=True, help="Maximum number of authors.")
@SEARCHED_INDEX_OPTION
@JSON_OPTION
def people(query: str, directory: Path | str, limit: int, as_json: bool, **options: Any) -> None:
    """Rank the authors of the papers that are relevant to a query: who works on it.

    Nearer and more recent papers weigh more, and a paper with many authors counts less for each. The query and the
    filters are those of papers search.

    \b
    papers people "KV cache compression"
    papers people "diffusion policies" --category cs.RO --from 2025 -n 10
    papers people 'ti:"reward model"' --json
    """
    from service.formats.render import dump_json, people_json, people_text

    wanted = build_filtered_query(options)
    found = open_searcher(directory).people(query, wanted, limit=limit)
    click.echo(dump_json(people_json(found)) if as_json else people_text(found), nl=as_json)
    if not found.authors:
        click.echo("papers: no relevant paper has an author; remove a filter or rephrase the query", err=True)
        sys.exit(ExitStatus.NOT_FOUND)


@click.command(cls=Command)
@click.argument("paper_id")
@SEARCHED_INDEX_OPTION
@JSON_OPTION
@FORMAT_OPTION
@click.option("--citations", is_flag=True, help="List the papers of the index that it cites, and those that cite it.")
def show(paper_id: str, directory: Path | str, as_json: bool, format_: str | None, citations: bool) -> None:
    """Show one paper, by any ID that it has or ever had.

    The text also lists the paper's earlier versions, if they had other authors, categories or titles, and papers that
    may be the same one; papers merge makes them one.

    \b
    papers show arxiv:2602.09843
    papers show https://doi.org/10.1145/3292500
    papers show 2602.09843 --format bibtex >> thesis.bib
    papers show 10.1145/3292500 --citations
    """
    from service import formats
    from service.formats.render import citations_json, citations_text, dump_json, paper_document_json, paper_text

    output_format = parse_format_option(format_, as_json=as_json)
    session = open_searcher(directory).session()
    if citations:
        if output_format not in (None, "json"):
            raise InvalidValue("format", str(format_), "--citations is printed as text, or as JSON with --json")
        found = session.citations(paper_id)
        click.echo(dump_json(citations_json(found)) if output_format else citations_text(found), nl=bool(output_format))
        return
    paper = session.paper(paper_id)
    if output_format is None:
        from indexer.related import find_earlier_versions, find_possible_duplicates

        earlier = find_earlier_versions(session.snapshot, paper)
        duplicates = find_possible_duplicates(session.snapshot, paper)
        click.echo(paper_text(paper, earlier, duplicates, session.citations(paper_id)), nl=False)
    elif output_format == "json":
        click.echo(dump_json(paper_document_json(paper)))
    else:
        click.echo(formats.render_paper(output_format, paper), nl=False)


def _read_file(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidValue("file", str(file), f"cannot read the file: {error.strerror}") from None


def _find_similar_to_file(session: "Session", file: Path, content: bytes, query: "Query", *, is_sorted: bool) -> "Page":
    """Finds papers similar to the papers of a bibliography, or to any other text.

    Args:
        session: answers from the index.
        file: the name of the file.
        content: the bytes of the file.
        query: the other conditions.
        is_sorted: whether the user chose the order.
    """
    from dataclasses import replace

    from indexer.library import find_library, read_bibliography
    from search.papers.paper import Paper
    from search.query.library import Library

    records = read_bibliography(file.name, content)
    if not records:
        return session.search(replace(query, text=content.decode("utf-8", "replace"), is_abstract=True))
    library = find_library(session.snapshot, records)
    if sum(isinstance(record, Paper) for record in records) == 1:
        text = library.records[0].text if library.records else ""
        like = (*library.ids, *query.like)
        return session.search(replace(query, text=text, is_abstract=bool(text), like=like))
    click.echo(
        f"papers: {file} is a bibliography; these papers are near those in it, as with papers recommend", err=True
    )
    library = Library((*library.ids, *query.like), library.records, library.left_out)
    return session.recommend(library, replace(query, like=(), sort=query.sort if is_sorted else "relevance"))


def print_page(page: "Page", output_format: "Format | None", options: "RenderOptions", *, explain: bool) -> None:
    """Prints the page to standard output, notes and the explanation to standard error; exits 4 without hits.

    Args:
        page: the hits.
        output_format: None for text.
        options: how to write it in that format (``feed_options``).
        explain: whether to print the search strategy and timings.
    """
    from service.formats.render import dump_json, explanation_text, page_json, page_notes, page_text, refinement_notes

    if output_format == "json":
        click.echo(dump_json(page_json(page)))
    elif output_format:
        from service import formats

        click.echo(formats.render_page(output_format, page, options), nl=False)
    elif page.total and sys.stdout.isatty():
        from rich.console import Console

        from service.commands.terminal import print_cards

        print_cards(page, Console())
    elif page.total:
        click.echo(page_text(page), nl=False)
    if explain:
        click.echo(explanation_text(page), err=True)
    for note in (*page_notes(page), *(refinement_notes(page) if output_format is None else ())):
        click.echo(f"papers: {note}", err=True)
    if not page.total:
        sys.exit(ExitStatus.NOT_FOUND)
