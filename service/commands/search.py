"""The commands that ask: ``papers search | similar | authors | show``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from search.errors import InvalidValue
from service.commands.options import FORMAT, INDEX, JSON, asking, format_named, name_of, query_of, searcher_of

if TYPE_CHECKING:
    from search.query.page import Page
    from service.formats import Format

FOUND, NOTHING_FOUND = 0, 4


@click.command()
@click.argument("text", default="")
@asking
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
    written, query = format_named(given["format_"], as_json=given["as_json"]), query_of(given)
    _say_page(searcher_of(directory).ask(text, query), written, name_of(text, given), explain=explain)


@click.command()
@click.argument("papers", metavar="[ID]...", nargs=-1)
@click.option("--file", "file", type=click.Path(path_type=Path), help="A file with an abstract.")
@asking
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
    written = format_named(given["format_"], as_json=given["as_json"])
    query = query_of({**given, "like": (*ids, *given["like"])})
    if file or piped:
        query = replace(query, text=_read(file) if file else sys.stdin.read(), pasted=True)
    _say_page(searcher_of(directory).search(query), written, name_of(query.text, given, *ids), explain=explain)


@click.command()
@click.argument("name")
@INDEX
@JSON
def authors(name: str, directory: Path, as_json: bool) -> None:
    """List the variants of a name that papers have, with how many papers each.

    \b
    papers authors zhou
    papers authors "Zhou, G."
    """
    from service.formats.render import authors_json, authors_text, dumped

    match = searcher_of(directory).authors(name)
    click.echo(dumped(authors_json(match)) if as_json else authors_text(match), nl=as_json)
    if not match.variants:
        meant = f"; did you mean {' or '.join(match.meant)}?" if match.meant else ""
        click.echo(f"papers: no author matches {name!r}{meant}", err=True)
        sys.exit(NOTHING_FOUND)


@click.command()
@click.argument("paper_id")
@INDEX
@JSON
@FORMAT
def show(paper_id: str, directory: Path, as_json: bool, format_: str | None) -> None:
    """Show one paper, by any id it has or ever had.

    \b
    papers show arxiv:2602.09843
    papers show https://doi.org/10.1145/3292500
    papers show 2602.09843 --format bibtex >> thesis.bib
    """
    from service import formats
    from service.formats.render import dumped, paper_text, shown_paper_json

    written = format_named(format_, as_json=as_json)
    paper = searcher_of(directory).paper(paper_id)
    if written is None:
        click.echo(paper_text(paper), nl=False)
    elif written == "json":
        click.echo(dumped(shown_paper_json(paper)))
    else:
        click.echo(formats.paper(written, paper), nl=False)


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace")
    except OSError as error:
        raise InvalidValue("file", str(file), f"it cannot be read: {error.strerror}") from None


def _say_page(page: "Page", written: "Format | None", name: str, *, explain: bool) -> None:
    """``name`` tells the question from others: what a feed is known by."""
    from service.formats.render import dumped, explanation_text, notes, page_json, page_text

    if written == "json":
        click.echo(dumped(page_json(page)))
    elif written:
        from service import formats

        click.echo(formats.page(written, page, formats.Wanted(name=name)), nl=False)
    elif page.hits and sys.stdout.isatty():
        from rich.console import Console

        from service.commands.terminal import print_cards

        print_cards(page, Console())
    elif page.hits:
        click.echo(page_text(page), nl=False)
    if explain:
        click.echo(explanation_text(page), err=True)
    for note in notes(page):
        click.echo(f"papers: {note}", err=True)
    if not page.hits:
        sys.exit(NOTHING_FOUND)
