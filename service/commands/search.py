"""The commands that ask: ``papers search | similar | authors | show``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from search.errors import InvalidValue
from service.commands.options import (
    FORMAT_OPTION,
    INDEX_OPTION,
    JSON_OPTION,
    build_query,
    make_feed_key,
    open_searcher,
    page_options,
    parse_format_option,
)

if TYPE_CHECKING:
    from search.query.page import Page
    from service.formats import Format

FOUND, NOTHING_FOUND = 0, 4


@click.command()
@click.argument("text", default="")
@page_options
def search(text: str, directory: Path, explain: bool, **given: Any) -> None:
    """Search in plain words; without words, list what passes the filters, newest first.

    The words may hold conditions: au:zhou ti:cache cat:cs.CL year:2024-2026 "a phrase" -word OR ANDNOT ( ).
    An arXiv id, DOI or URL shows that paper and what is near it; more than 60 words are read as an abstract.

    \b
    papers search "KV cache compression"
    papers search 'au:zhou cat:cs.IR date:>=2026-01 "kv cache" -survey'
    papers search "reward models" --author "Guorui Zhou" --category cs --from 2026-01 --to 2026-06 -n 5
    papers search "long context" --like 2604.24432 --unlike 2412.14838
    papers search --category "Information Retrieval" --from 30d --facets
    papers search "speculative decoding" -n 100 --format bibtex > decoding.bib
    """
    written, query = parse_format_option(given["format_"], as_json=given["as_json"]), build_query(given)
    _print_page(open_searcher(directory).ask(text, query), written, make_feed_key(text, given), explain=explain)


@click.command()
@click.argument("papers", metavar="[ID]...", nargs=-1)
@click.option("--file", "file", type=click.Path(path_type=Path), help="A file with an abstract.")
@page_options
def similar(papers: tuple[str, ...], file: Path | None, directory: Path, explain: bool, **given: Any) -> None:
    """Find papers like one or several that the index holds, or like an abstract from a file or, as -, standard input.

    \b
    papers similar arxiv:2604.24432
    papers similar 2604.24432 2412.14838 --unlike 2602.09843
    papers similar --file abstract.txt --from 2026
    pbpaste | papers similar -
    papers similar 2604.24432 -n 20 --format ris > similar.ris
    """
    from dataclasses import replace

    ids = tuple(paper for paper in papers if paper != "-")
    piped = len(ids) < len(papers)
    if (file and piped) or not (file or papers or given["like"]):
        raise InvalidValue("paper_id", " ".join(papers), "give papers' ids, --file FILE, or - for standard input")
    written = parse_format_option(given["format_"], as_json=given["as_json"])
    query = build_query({**given, "like": (*ids, *given["like"])})
    if file or piped:
        query = replace(query, text=_read_text_file(file) if file else sys.stdin.read(), is_abstract=True)
    _print_page(
        open_searcher(directory).search(query), written, make_feed_key(query.text, given, *ids), explain=explain
    )


@click.command()
@click.argument("name")
@INDEX_OPTION
@JSON_OPTION
def authors(name: str, directory: Path, as_json: bool) -> None:
    """List the variants of a name that papers have, with how many papers each.

    \b
    papers authors zhou
    papers authors "Zhou, G."
    """
    from service.formats.render import authors_json, authors_text, dump_json

    match = open_searcher(directory).authors(name)
    click.echo(dump_json(authors_json(match)) if as_json else authors_text(match), nl=as_json)
    if not match.variants:
        meant = f"; did you mean {' or '.join(match.suggestions)}?" if match.suggestions else ""
        click.echo(f"papers: no author matches {name!r}{meant}", err=True)
        sys.exit(NOTHING_FOUND)


@click.command()
@click.argument("paper_id")
@INDEX_OPTION
@JSON_OPTION
@FORMAT_OPTION
def show(paper_id: str, directory: Path, as_json: bool, format_: str | None) -> None:
    """Show one paper, by any id it has or ever had.

    \b
    papers show arxiv:2602.09843
    papers show https://doi.org/10.1145/3292500
    papers show 2602.09843 --format bibtex >> thesis.bib
    """
    from service import formats
    from service.formats.render import dump_json, paper_document_json, paper_text

    written = parse_format_option(format_, as_json=as_json)
    paper = open_searcher(directory).paper(paper_id)
    if written is None:
        click.echo(paper_text(paper), nl=False)
    elif written == "json":
        click.echo(dump_json(paper_document_json(paper)))
    else:
        click.echo(formats.render_paper(written, paper), nl=False)


def _read_text_file(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace")
    except OSError as error:
        raise InvalidValue("file", str(file), f"it cannot be read: {error.strerror}") from None


def _print_page(page: "Page", output_format: "Format | None", feed_key: str, *, explain: bool) -> None:
    """``name`` tells the question from others: what a feed is known by."""
    from service.formats.render import dump_json, explanation_text, page_json, page_notes, page_text

    if output_format == "json":
        click.echo(dump_json(page_json(page)))
    elif output_format:
        from service import formats

        click.echo(formats.render_page(output_format, page, formats.RenderOptions(feed_key=feed_key)), nl=False)
    elif page.total and sys.stdout.isatty():
        from rich.console import Console

        from service.commands.terminal import print_cards

        print_cards(page, Console())
    elif page.total:
        click.echo(page_text(page), nl=False)
    if explain:
        click.echo(explanation_text(page), err=True)
    for note in page_notes(page):
        click.echo(f"papers: {note}", err=True)
    if not page.total:
        sys.exit(NOTHING_FOUND)
