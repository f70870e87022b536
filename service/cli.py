"""The command line: ``papers index | search | similar | show | serve | status | doctor``.

Results go to standard output, all else to standard error. Exit status: 0 found, 4 nothing found, 2 bad usage,
1 failure. Imports that cost happen in the commands that use them.
"""

import errno
import json
import os
import sqlite3
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from search.errors import IndexUnavailable, InvalidValue, ModelUnavailable, PaperNotFound, PapersError, SourceError

if TYPE_CHECKING:
    from indexer.build import Report
    from search.embedder import Embedder
    from search.model import ModelIdentity
    from search.query import Filter, Page
    from search.searcher import Searcher

_Command = TypeVar("_Command", bound=Callable[..., object])

FOUND, FAILED, BAD_USAGE, NOTHING_FOUND = 0, 1, 2, 4

_INDEX = click.option(
    "--index",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="PAPERS_INDEX",
    default=Path("data/index"),
    show_default=True,
    help="Folder of the index; $PAPERS_INDEX sets it too.",
)
_EXPLAIN = click.option("--explain", is_flag=True, help="Say the road taken, what was looked at, and the times.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def _modes(_context: click.Context, _option: click.Parameter, start: str) -> list[str]:
    from search.query import MODES

    return [mode for mode in MODES if mode.startswith(start)]


def _formats(_context: click.Context, _option: click.Parameter, start: str) -> list[str]:
    from indexer.sources import FORMATS

    return [name for name in FORMATS if name.startswith(start)]


def _precisions(_context: click.Context, _option: click.Parameter, start: str) -> list[str]:
    from search.model import PRECISIONS

    return [name for name in PRECISIONS if name.startswith(start)]


def _categories(_context: click.Context, _option: click.Parameter, start: str) -> list[str]:
    from search.categories import CATEGORIES

    return [code for code in CATEGORIES if code.casefold().startswith(start.casefold())]


def _filters(command: _Command) -> _Command:
    options = (
        click.option("-a", "--author", multiple=True, help='An author, in any usual form: "Guorui Zhou", "Zhou, G."'),
        click.option(
            "-c",
            "--category",
            multiple=True,
            shell_complete=_categories,
            help="An arXiv category, or a whole archive: cs.CL, cs.",
        ),
        click.option("--from", "start", metavar="DATE", help="First published on or after: 2026, 2026-04, 2026-04-27."),
        click.option("--to", "end", metavar="DATE", help="First published on or before."),
        click.option("-n", "--limit", type=int, default=10, show_default=True, help="Most papers to show."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog='Tab completion: eval "$(_PAPERS_COMPLETE=bash_source papers)", or zsh_source, fish_source.',
)
@click.version_option(package_name="papers-search", prog_name="papers")
def papers() -> None:
    """Search the papers you have, by meaning and by words, offline.

    \b
    papers index papers.jsonl zotero.bib pages/
    papers search "KV cache compression" --category cs.CL --from 2026
    papers similar arxiv:2604.24432
    """


@papers.command("index")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@_INDEX
@click.option(
    "--format",
    "format_",
    metavar="NAME",
    shell_complete=_formats,
    help="Read every file as this format instead of looking.",
)
@click.option("--as-of", metavar="DATE", help="No date without a year is later than this; default today.")
@click.option("--strict", is_flag=True, help="Stop at the first malformed record.")
@click.option("--model", metavar="NAME", help="Another sentence-transformers model: a folder or a cached name.")
@click.option(
    "--precision",
    default="float",
    show_default=True,
    shell_complete=_precisions,
    help="float or int8: int8 embeds faster, and says how near its vectors are to float ones.",
)
def index_command(paths: tuple[Path, ...], directory: Path, format_: str | None, **options: Any) -> None:
    """Read files and folders of papers into the index.

    A file's format is told by its content; .gz, .xz and .zst are read as they are. A paper that is held already is
    merged, not doubled, and nothing unchanged is embedded again.

    \b
    papers index papers.jsonl zotero.bib pages/ --index ~/papers
    papers index export.json --format arxiv-snapshot
    papers index papers.jsonl --precision int8 --index ~/fast
    """
    from indexer import sources
    from indexer.build import Options, index
    from search.embedder import load_embedder
    from service.progress import Progress

    reading = Options(format_, _day(options["as_of"]) or date.today(), options["strict"])
    files, embedder = sources.discover(paths), load_embedder(options["model"], options["precision"])
    with Progress(sys.stderr) as progress:
        report = index(files, directory, embedder, options=reading, progress=progress.show)
    _say_report(report)
    if embedder.model.precision == "int8":
        _say_quality()
    sys.exit(FOUND if report.papers else NOTHING_FOUND)


@papers.command()
@click.argument("text", default="")
@_filters
@click.option(
    "-m",
    "--mode",
    default="hybrid",
    show_default=True,
    shell_complete=_modes,
    help="hybrid, semantic (meaning) or lexical (words).",
)
@_INDEX
@_EXPLAIN
@_JSON
def search(text: str, mode: Any, directory: Path, explain: bool, as_json: bool, **filters: Any) -> None:
    """Search in plain words; without words, list what passes the filters, newest first.

    \b
    papers search "KV cache compression"
    papers search "reward models" --author "Guorui Zhou" --category cs --from 2026-01 --to 2026-06 -n 5
    papers search --category cs.IR --from 2026
    """
    from search.query import Query

    query = Query(text, _filter(filters), mode, filters["limit"])
    page = _searcher(directory).search(query)
    _say_page(page, as_json=as_json, explain=explain, loosen=not query.filter.empty)


@papers.command()
@click.argument("paper_id", required=False)
@click.option("--file", "file", type=click.Path(path_type=Path), help="A file with an abstract.")
@_filters
@_INDEX
@_EXPLAIN
@_JSON
def similar(
    paper_id: str | None, file: Path | None, directory: Path, explain: bool, as_json: bool, **filters: Any
) -> None:
    """Find papers like one that the index holds, or like an abstract from a file or, as -, standard input.

    \b
    papers similar arxiv:2604.24432
    papers similar --file abstract.txt
    pbpaste | papers similar -
    """
    if (paper_id is None) == (file is None):
        raise InvalidValue("paper_id", str(paper_id), "give a paper's id, --file FILE, or - for standard input")
    wanted, limit = _filter(filters), filters["limit"]
    if file or paper_id == "-":
        text = _read_text(file) if file else sys.stdin.read()
        page = _searcher(directory).similar_to_text(text, wanted, limit)
    else:
        page = _searcher(directory).similar(str(paper_id), wanted, limit)
    _say_page(page, as_json=as_json, explain=explain, loosen=not wanted.empty)


@papers.command()
@click.argument("paper_id")
@_INDEX
@_JSON
def show(paper_id: str, directory: Path, as_json: bool) -> None:
    """Show one paper, by any id it has or ever had.

    \b
    papers show arxiv:2602.09843
    papers show https://doi.org/10.1145/3292500
    """
    from service.render import paper_text, shown_paper_json

    paper = _searcher(directory).paper(paper_id)
    click.echo(_dumped(shown_paper_json(paper)) if as_json else paper_text(paper), nl=as_json)


@papers.command()
@_INDEX
@_JSON
def status(directory: Path, as_json: bool) -> None:
    """Say what the index holds."""
    from search.layout import Layout, Manifest
    from service.render import status_json, status_text

    layout = Layout(directory)
    manifest = Manifest.load(layout.generation(layout.published()).manifest)
    size = sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
    click.echo(_dumped(status_json(manifest, size)) if as_json else status_text(manifest, size), nl=as_json)


@papers.command()
@_INDEX
@click.option("--repair", is_flag=True, help="Make codes, columns and lexicon again from papers and vectors.")
@_JSON
def doctor(directory: Path, repair: bool, as_json: bool) -> None:
    """Verify every checksum, count and cross-reference of the index.

    What is wrong is said in words; the exit status is then 1. A repair embeds nothing.

    \b
    papers doctor
    papers doctor --repair
    """
    from indexer.doctor import examine
    from indexer.doctor import repair as repaired
    from service.render import SCHEMA_VERSION

    def say(step: str) -> None:
        click.echo(f"checking {step}", err=True)

    found = examine(directory, say)
    generation = repaired(directory).generation if found and repair else None
    if as_json:
        click.echo(_dumped({"schema_version": SCHEMA_VERSION, "problems": found, "repaired": generation}))
    for problem in () if as_json else found:
        click.echo(problem)
    if generation:
        click.echo(f"papers: made again and published as {generation}", err=True)
    elif found:
        _fail("the index is damaged; make it again with: papers doctor --repair", FAILED)
    elif not as_json:
        click.echo("the index is whole")


@papers.command()
@_INDEX
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port; 0 takes a free one."
)
def serve(directory: Path, host: str, port: int) -> None:
    """Answer over HTTP: /v1/search, /v1/papers/ID, /v1/similar; /docs describes them."""
    from service.api import run

    run(directory, host, port)


def main() -> None:
    """The console script: every failure is one line of words and an exit status, never a traceback."""
    try:
        status_ = papers.main(standalone_mode=False)
        sys.exit(status_ if isinstance(status_, int) else FOUND)
    except click.ClickException as error:
        error.show()
        sys.exit(BAD_USAGE)
    except (click.Abort, KeyboardInterrupt):
        _fail("stopped; what was written stays, and the last generation answers", 130)
    except InvalidValue as error:
        _fail(str(error), BAD_USAGE)
    except PaperNotFound as error:
        _fail(str(error), NOTHING_FOUND)
    except (SourceError, IndexUnavailable, ModelUnavailable, PapersError) as error:
        _fail(str(error), FAILED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing more can be said to a closed pipe
        sys.exit(FOUND)
    except (OSError, sqlite3.Error) as error:
        full = getattr(error, "errno", None) == errno.ENOSPC or "disk is full" in str(error)
        room = "the disk is full; make room and try again, the last generation still answers"
        _fail(room if full else str(error), FAILED)


def _fail(message: str, code: int) -> None:
    click.echo(f"papers: {message}", err=True)
    sys.exit(code)


def _searcher(directory: Path) -> "Searcher":
    from search.searcher import Searcher

    return Searcher(directory, _load)


def _load(model: "ModelIdentity") -> "Embedder":
    from search.embedder import load_embedder

    return load_embedder(model.name, model.precision)


def _filter(filters: dict[str, Any]) -> "Filter":
    from search.query import Filter

    return Filter.parse(filters["author"], filters["category"], filters["start"], filters["end"])


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InvalidValue("as-of", text, "write a day: 2026-04-27") from None


def _read_text(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace")
    except OSError as error:
        raise InvalidValue("file", str(file), f"it cannot be read: {error.strerror}") from None


def _say_page(page: "Page", *, as_json: bool, explain: bool, loosen: bool) -> None:
    from service.render import explanation_text, page_json, page_text, print_cards

    if as_json:
        click.echo(_dumped(page_json(page)))
    elif page.hits and sys.stdout.isatty():
        from rich.console import Console

        print_cards(page, Console())
    elif page.hits:
        click.echo(page_text(page), nl=False)
    if explain:
        click.echo(explanation_text(page), err=True)
    if not page.hits:
        hint = "no paper passes the filters; leave one out" if loosen else "nothing found; use other words"
        click.echo(f"papers: {hint}", err=True)
        sys.exit(NOTHING_FOUND)


def _say_report(report: "Report") -> None:
    counts = report.counts
    for error in report.skipped[:20]:
        click.echo(f"skipped {error}", err=True)
    if len(report.skipped) > 20:
        click.echo(f"... and {len(report.skipped) - 20:,} more", err=True)
    click.echo(
        f"{counts.read:,} records read: {counts.new:,} new papers, {counts.merged:,} merged, "
        f"{counts.unchanged:,} unchanged, {len(report.skipped):,} skipped; {counts.embedded:,} texts embedded. "
        f"{report.papers:,} papers in {report.generation}.",
        err=True,
    )


def _say_quality() -> None:
    from search.export import folder_of_export
    from search.quantize import Quality

    quality = Quality.load(folder_of_export("int8"))
    click.echo(
        f"int8 beside float, on {quality.papers} papers it was not calibrated on: cosine {quality.mean_cosine:.4f} "
        f"on average, {quality.least_cosine:.4f} at least; {quality.recall:.0%} of their ten nearest are the same.",
        err=True,
    )


def _dumped(fields: object) -> str:
    return json.dumps(fields, ensure_ascii=False, indent=2)
