"""Papers from services on the network: ``papers fetch arxiv | oai | openalex | crossref | pubmed | s2 | zotero``."""

import math
import shlex
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from search.query.counts import format_count
from service.commands.command import CommandGroup
from service.commands.exit_status import ExitStatus
from service.commands.index import choose_model, print_report, show_stage
from service.commands.options import INDEX_OPTION, MODEL_NAMES_HELP, CallbackT, model_option

if TYPE_CHECKING:
    from indexer.harvest.client import Client
    from indexer.harvest.run import HarvestReport
    from indexer.harvest.service import Harvest
    from service.commands.progress import Progress

_OPTIONS = (
    click.option("--dry-run", is_flag=True, help="Print how many records there are and how long it takes; fetch none."),
    click.option(
        "--limit", type=click.IntRange(min=1), metavar="N", help="Index at most N new or changed papers, for a try."
    ),
    INDEX_OPTION,
    model_option(help=f"Embedding model of a new index (default: small): {MODEL_NAMES_HELP}."),
)


def _fetch_options(callback: CallbackT) -> CallbackT:
    """Adds the options of all services."""
    for option in reversed(_OPTIONS):
        callback = option(callback)
    return callback


@click.group(cls=CommandGroup)
def fetch() -> None:
    """Fetch papers from a service and index them.

    What arrives is kept in the index folder first: after an interruption or a lost connection, the same command
    continues. Run again later, it fetches what is new or changed since; papers that the service has deleted are
    removed, unless another source has them. Set PAPERS_CONTACT to your mail address, by which services can reach you.

    \b
    papers fetch arxiv --category cs.IR --from 2026-01
    papers fetch arxiv 'au:zhou AND ti:recommendation'
    papers fetch oai https://zenodo.org/oai2d --set user-cern
    papers fetch openalex 'retrieval augmented generation' --from 2026
    papers fetch crossref --issn 0028-0836 --from 2026
    papers fetch pubmed 'asthma[mesh] AND steroids' --from 2026-01
    papers fetch zotero
    """


@fetch.command(extra="fetch")
@click.argument("query", default="")
@click.option("-c", "--category", multiple=True, help="Category or archive, by code or name; several: any of them.")
@click.option("--from", "start", metavar="DATE", help="Published on or after: 2026, 2026-04, 30d, last-year.")
@_fetch_options
def arxiv(query: str, category: tuple[str, ...], start: str | None, **options: Any) -> None:
    """Fetch papers from arXiv: of categories, from a date on, or by a query.

    QUERY is in the language of arXiv's API: words with the fields ti, au, abs, co, jr, cat, rn or all, AND, OR, ANDNOT,
    "phrases" and parentheses. Without it, all papers of the categories are listed, which is faster for many papers. The
    metadata is in the public domain (CC0).

    \b
    papers fetch arxiv --category cs.IR --from 2026-01
    papers fetch arxiv --category cs.IR --category cs.CL --from 30d --dry-run
    papers fetch arxiv 'au:zhou AND ti:recommendation' --limit 100
    """
    run_fetch("arxiv", {"query": (query,), "category": category, "from": (_parse_start(start),)}, **options)


@fetch.command(extra="fetch")
@click.argument("url")
@click.option("--set", "sets", metavar="NAME", multiple=True, help="A set of the repository; several: any of them.")
@click.option(
    "--prefix", default="oai_dc", show_default=True, help="Metadata prefix: oai_dc, arXiv, arXivRaw or arXivOld."
)
@click.option("--from", "start", metavar="DATE", help="Added or changed in the repository on or after.")
@_fetch_options
def oai(url: str, sets: tuple[str, ...], prefix: str, start: str | None, **options: Any) -> None:
    """Fetch papers from any repository by OAI-PMH. URL is its base URL.

    \b
    papers fetch oai https://zenodo.org/oai2d --set user-cern --from 2026
    papers fetch oai https://hal.science/oai --set type:THESE --limit 100
    """
    run_fetch("oai", {"url": (url,), "set": sets, "prefix": (prefix,), "from": (_parse_start(start),)}, **options)


@fetch.command(extra="fetch")
@click.argument("query", default="")
@click.option(
    "--filter", "filters", metavar="FIELD:VALUE", multiple=True, help="A filter of OpenAlex; several: all of them."
)
@click.option("--from", "start", metavar="DATE", help="Published on or after: 2026, 2026-04, 30d, last-year.")
@_fetch_options
def openalex(query: str, filters: tuple[str, ...], start: str | None, **options: Any) -> None:
    """Fetch works from OpenAlex: by a text, by filters, or both.

    QUERY is searched for in title, abstract and full text; a text such as type:article is a filter, see
    https://developers.openalex.org/guides/filtering. What OpenAlex answers in a day is limited; a free key from
    https://openalex.org/settings/api (PAPERS_OPENALEX_KEY) allows ten times as much. The metadata is in the public
    domain (CC0).

    \b
    papers fetch openalex 'retrieval augmented generation' --from 2026 --dry-run
    papers fetch openalex --filter concepts.id:C41008148 --from 2026-01
    papers fetch openalex 'kv cache' --filter type:article --limit 100
    """
    run_fetch("openalex", {"query": (query,), "filter": filters, "from": (_parse_start(start),)}, **options)


@fetch.command(extra="fetch")
@click.argument("query", default="")
@click.option("--issn", metavar="ISSN", multiple=True, help="A journal; several: any of them.")
@click.option("--from", "start", metavar="DATE", help="Published on or after: 2026, 2026-04, 30d, last-year.")
@_fetch_options
def crossref(query: str, issn: tuple[str, ...], start: str | None, **options: Any) -> None:
    """Fetch works from Crossref: of journals, by words, or both.

    Crossref finds works with any of the words of QUERY, which may be millions: see the number with --dry-run first.
    With a mail address in PAPERS_CONTACT, it answers three times as fast.

    \b
    papers fetch crossref --issn 0028-0836 --from 2026
    papers fetch crossref entropy --issn 1099-4300 --from 30d --dry-run
    """
    run_fetch("crossref", {"query": (query,), "issn": issn, "from": (_parse_start(start),)}, **options)


@fetch.command(extra="fetch")
@click.argument("query")
@click.option("--from", "start", metavar="DATE", help="Published on or after: 2026, 2026-04, 30d, last-year.")
@_fetch_options
def pubmed(query: str, start: str | None, **options: Any) -> None:
    """Fetch records from PubMed by a query.

    QUERY is in the language of PubMed, see https://pubmed.ncbi.nlm.nih.gov/help/#advanced-search. With a key of NCBI
    (PAPERS_NCBI_KEY), PubMed answers three times as fast.

    \b
    papers fetch pubmed 'asthma[mesh] AND steroids' --from 2026-01
    papers fetch pubmed '"gene editing"[title]' --dry-run
    """
    run_fetch("pubmed", {"query": (query,), "from": (_parse_start(start),)}, **options)


@fetch.command(extra="fetch")
@click.argument("query")
@click.option("--from", "start", metavar="DATE", help="Published on or after: 2026, 2026-04, 30d, last-year.")
@_fetch_options
def s2(query: str, start: str | None, **options: Any) -> None:
    """Fetch papers from Semantic Scholar by a query.

    QUERY is matched with title and abstract: all words, | for OR, - for NOT, "phrases", word* and parentheses. A key is
    needed, which is free (PAPERS_S2_KEY): https://www.semanticscholar.org/product/api#api-key.

    \b
    papers fetch s2 '"kv cache" compression' --from 2026-01
    papers fetch s2 'recommendation (sequential | session)' --dry-run
    """
    run_fetch("s2", {"query": (query,), "from": (_parse_start(start),)}, **options)


@fetch.command(extra="fetch")
@click.option("--library", metavar="users/N|groups/N", help="A library at zotero.org; default: the local Zotero.")
@_fetch_options
def zotero(library: str | None, **options: Any) -> None:
    """Fetch a Zotero library.

    It is that of the Zotero on this machine or, with --library, one at zotero.org. The local Zotero (7 or later) has to
    run, and must allow it: Settings, Advanced, "Allow other applications on this computer to communicate with Zotero".
    A private library at zotero.org needs a key (PAPERS_ZOTERO_KEY) from https://www.zotero.org/settings/keys, which
    shows the number of your library as well. What you delete in Zotero, or move to its trash, is removed by the next
    run.

    \b
    papers fetch zotero
    papers fetch zotero --library groups/4567
    """
    run_fetch("zotero", {"library": (library or "",)}, **options)


def run_fetch(
    service: str,
    parameters: dict[str, tuple[str, ...]],
    *,
    directory: Path,
    dry_run: bool,
    limit: int | None,
    model: str | None,
) -> None:
    """Fetches and indexes a harvest.

    Args:
        service: The key of the service.
        parameters: The parameters of the harvest's name; empty values are left out.
        directory: The index.
        dry_run: Whether only the number of records is asked for.
        limit: New or changed papers after which the import stops; None for no limit.
        model: Name of the embedding model; None for that of the index.
    """
    from indexer.harvest import make_harvest
    from indexer.harvest.client import Client
    from indexer.harvest.settings import contact
    from service.commands.progress import Progress

    harvest = make_harvest(service, {name: given for name, values in parameters.items() if (given := _given(values))})
    with Progress() as progress, Client.of(harvest.service, contact(), progress.show_wait) as client:
        if dry_run:
            click.echo(_describe(harvest, harvest.count(client)))
            return
        is_complete = _fetch_and_index(harvest, client, directory, progress, limit=limit, model=model)
    if not is_complete:
        sys.exit(ExitStatus.FAILURE)


def _fetch_and_index(
    harvest: "Harvest",
    client: "Client",
    directory: Path,
    progress: "Progress",
    *,
    limit: int | None = None,
    model: str | None = None,
) -> bool:
    """Fetches a harvest, indexes what arrived and prints what became of it.

    Returns:
        Whether everything was fetched, as far as the limit allows.
    """
    from indexer.harvest.run import run_harvest
    from search.embedding.embedder import load_embedder
    from service.state.followed import FollowedSources

    embedder = load_embedder(*choose_model(directory, model, None))
    try:
        report = run_harvest(
            harvest,
            client,
            directory,
            embedder,
            limit=limit,
            on_fetched=progress.show_fetched,
            progress=progress.show,
            on_stage=lambda name: show_stage(progress, name),
        )
    except KeyboardInterrupt:
        progress.print("papers: what was fetched is kept; the same command continues")
        raise
    if not (report.imported or report.failure):
        progress.print(f"{harvest.name}: nothing new")
    _print_outcome(report)
    if not report.failure and all(
        each.source != harvest.name for each in FollowedSources.of_index(directory).sources()
    ):
        click.echo(
            f"to keep it up to date with papers update, run: papers follow {shlex.quote(harvest.name)}", err=True
        )
    return not report.problem


def _print_outcome(report: "HarvestReport") -> None:
    """Prints what became of the records, and what to do about a failure."""
    if report.imported:
        print_report(report.imported)
    if report.deleted:
        click.echo(
            f"{format_count(report.deleted)} removed, because the service has deleted the record and no other source "
            "has one",
            err=True,
        )
    if report.problem:
        click.echo(f"papers: {report.problem}", err=True)


def _describe(harvest: "Harvest", records: int | None) -> str:
    """Returns the number of records, and the least time that the pauses between requests leave."""
    if records is None:
        return f"{harvest.name}: the service does not say how many records there are"
    if not records:
        return f"{harvest.name}: no records"
    pages = math.ceil(records / harvest.service.page_records)
    least = timedelta(seconds=round(pages * max(harvest.service.interval, 1)))
    requests = "1 request" if pages == 1 else f"{pages:,} requests, one every {harvest.service.interval:g} seconds"
    return f"{harvest.name}: {records:,} records; fetching takes {least} or longer ({requests})"


def _parse_start(text: str | None) -> str:
    """Parses ``--from``, relative dates as well."""
    from search.query.dates import parse_date

    return str(parse_date(text, date.today(), "from")) if text else ""


def _given(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value for value in values if value)
