"""Options: what the commands that ask have in common, and how the command line reads it."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from search.errors import InvalidValue
from service.commands.choices import ChoicesOption

if TYPE_CHECKING:
    from search.embedding.embedder import Embedder
    from search.embedding.model import ModelIdentity
    from search.query.query import Query
    from search.searcher import Searcher
    from service.formats import Format

Command = TypeVar("Command", bound=Callable[..., object])
Completion = Callable[[click.Context, click.Parameter, str], list[str]]

INDEX_OPTION = click.option(
    "--index",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="PAPERS_INDEX",
    default=Path("data/index"),
    show_default=True,
    help="Folder of the index; $PAPERS_INDEX sets it too.",
)
EXPLAIN_OPTION = click.option("--explain", is_flag=True, help="Say the road taken, what was looked at, and the times.")
JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
LIMIT_OPTION = click.option("-n", "--limit", type=int, default=10, show_default=True, help="Most papers to show.")


def complete_from(words: Callable[[], tuple[str, ...]]) -> Completion:
    """Completes with the words that start as what was typed, in any case."""

    def complete(_context: click.Context, _option: click.Parameter, start: str) -> list[str]:
        return [word for word in words() if word.casefold().startswith(start.casefold())]

    return complete


def _modes() -> tuple[str, ...]:
    """How a question can be asked."""
    from search.query.query import MODES

    return MODES


def _formats() -> tuple[str, ...]:
    from service.formats import FORMATS

    return FORMATS


def parse_format_option(name: str | None, *, as_json: bool) -> "Format | None":
    """The format that the options name; None for text.

    Raises:
        InvalidValue: there is no such format, or two are named.
    """
    if name is None:
        return "json" if as_json else None
    from service.formats import parse_format

    found = parse_format(name)
    if as_json and found != "json":
        raise InvalidValue("format", name, "--json names another; give one of the two")
    return found


def precisions() -> tuple[str, ...]:
    """What the default model can be had in."""
    from search.embedding.model import PRECISIONS

    return PRECISIONS


def _sorts() -> tuple[str, ...]:
    from search.query.query import SORTS

    return SORTS


def _categories() -> tuple[str, ...]:
    from search.papers.categories import ARCHIVES, CATEGORIES

    return (*CATEGORIES, *ARCHIVES)


FORMAT_OPTION = click.option(
    "-f",
    "--format",
    "format_",
    metavar="NAME",
    cls=ChoicesOption,
    choices=_formats,
    help="Output format instead of text: {choices}.",
)
MODE_OPTION = click.option(
    "-m",
    "--mode",
    default="hybrid",
    show_default=True,
    shell_complete=complete_from(_modes),
    help="hybrid, semantic (meaning) or lexical (words).",
)


def page_options(command: Command) -> Command:
    """The options of every command that gives a page of papers."""
    options = (
        click.option(
            "-a",
            "--author",
            multiple=True,
            help='An author, in any usual form: "Guorui Zhou", "Zhou, G."; ^Zhou is the first author, Zhou$ the last.',
        ),
        click.option(
            "--not-author", multiple=True, help="Leave out papers with this very name; a surname leaves out all."
        ),
        click.option(
            "-c",
            "--category",
            multiple=True,
            shell_complete=complete_from(_categories),
            help='A category or archive by code or name: cs.CL, cs, "Computation and Language".',
        ),
        click.option("--from", "start", metavar="DATE", help="Published on or after: 2026, 2026-04, 30d, last-year."),
        click.option("--to", "end", metavar="DATE", help="Published on or before."),
        click.option("--updated-from", metavar="DATE", help="Last changed on or after."),
        click.option("--updated-to", metavar="DATE", help="Last changed on or before."),
        click.option("--like", metavar="ID", multiple=True, help="A paper that answers are to be near."),
        click.option("--unlike", metavar="ID", multiple=True, help="A paper to stay away from."),
        click.option(
            "-s",
            "--sort",
            default=None,
            shell_complete=complete_from(_sorts),
            help="relevance (default), newest or oldest: the relevant part of a question in order of date; a feed "
            "is newest first.",
        ),
        MODE_OPTION,
        click.option("--facets", is_flag=True, help="Count years, categories, authors and sources."),
        click.option("--cursor", default="", metavar="TEXT", help="The next page: what the page before gave."),
        LIMIT_OPTION,
        INDEX_OPTION,
        EXPLAIN_OPTION,
        JSON_OPTION,
        FORMAT_OPTION,
    )
    for option in reversed(options):
        command = option(command)
    return command


def build_query(options: dict[str, Any]) -> "Query":
    """What the options ask, apart from the words.

    Raises:
        InvalidValue: see ``Filter.parse`` and ``Query``.
    """
    from search.query.filter import Filter
    from search.query.query import Query

    dates = {"from": options["start"], "to": options["end"]}
    dates |= {"updated_from": options["updated_from"], "updated_to": options["updated_to"]}
    return Query(
        filter=Filter.parse(options["author"], options["not_author"], options["category"], dates),
        mode=options["mode"],
        limit=options["limit"],
        sort=options["sort"] or ("newest" if options["format_"] == "atom" else "relevance"),
        cursor=options["cursor"],
        like=options["like"],
        unlike=options["unlike"],
        facets=options["facets"],
    )


def make_feed_key(text: str, options: dict[str, Any], *papers: str) -> str:
    """What tells a question from others, whatever its page, its format and its day."""
    asked = {name: value for name, value in options.items() if name not in ("cursor", "limit", "format_", "as_json")}
    return "\n".join((text, *papers, str(sorted(asked.items()))))


def parse_day(text: str | None) -> date | None:
    """
    Raises:
        InvalidValue: the text is no day.
    """
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InvalidValue("as_of", text, "write a day: 2026-04-27") from None


def open_searcher(directory: Path) -> "Searcher":
    """What answers from an index."""
    from search import open_index

    return open_index(directory)


def load_embedder_for(model: "ModelIdentity") -> "Embedder":
    """The embedder of a model."""
    from search.embedding.embedder import load_embedder

    return load_embedder(model.name, model.precision)
