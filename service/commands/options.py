"""Options that several commands share, and their conversion to queries."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from search.errors import InvalidValue
from search.milvus import COLLECTION_SCHEME
from service.commands.choices import ChoicesOption

if TYPE_CHECKING:
    from search.embedding.embedder import Embedder
    from search.embedding.model import ModelIdentity
    from search.query.filter import Filter
    from search.query.query import Query
    from search.query.sort import Sort
    from search.searcher import Searcher
    from service.formats import Format, RenderOptions

CallbackT = TypeVar("CallbackT", bound=Callable[..., object])
Completion = Callable[[click.Context, click.Parameter, str], list[str]]


class IndexType(click.Path):
    """The folder of an index as a ``Path``, or the address of a collection of Milvus as a text.

    Args:
        collections: whether the command answers from a collection as well.
    """

    def __init__(self, *, collections: bool) -> None:
        super().__init__(path_type=Path, file_okay=False)
        self._collections = collections

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Converts the value of the option."""
        if not str(value).startswith(COLLECTION_SCHEME):
            return super().convert(value, param, ctx)
        if not self._collections:
            self.fail(f"{value} is a collection of Milvus; this command needs an index in a folder", param, ctx)
        return str(value)


def _index_option(index_type: IndexType, what: str) -> Callable[[CallbackT], CallbackT]:
    return click.option(
        "--index",
        "directory",
        type=index_type,
        envvar="PAPERS_INDEX",
        default=Path("data/index"),
        show_default=True,
        help=f"{what}, or set $PAPERS_INDEX.",
    )


INDEX_OPTION = _index_option(IndexType(collections=False), "Folder of the index")
SEARCHED_INDEX_OPTION = _index_option(IndexType(collections=True), "Folder of the index, or milvus://HOST:PORT/NAME")
PROFILE_OPTION = click.option(
    "--profile",
    envvar="PAPERS_PROFILE",
    default="default",
    show_default=True,
    help="Whose lists and saved searches, or set $PAPERS_PROFILE; an API key has those of its name.",
)
EXPLAIN_OPTION = click.option(
    "--explain", is_flag=True, help="Print the search strategy, candidates scored and stage timings."
)
BROWSE_OPTION = click.option(
    "--browse", is_flag=True, help="Show a list to read, star, open and export with keys; ? lists them."
)
JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
LIMIT_OPTION = click.option("-n", "--limit", type=int, default=10, show_default=True, help="Maximum number of papers.")


def complete_from(words: Callable[[], tuple[str, ...]]) -> Completion:
    """Returns a shell completion that offers the words with the typed prefix, ignoring case."""

    def complete(_context: click.Context, _option: click.Parameter, start: str) -> list[str]:
        return [word for word in words() if word.casefold().startswith(start.casefold())]

    return complete


def _modes() -> tuple[str, ...]:
    from search.query.query import MODES

    return MODES


def _formats() -> tuple[str, ...]:
    from service.formats import FORMATS

    return FORMATS


def parse_format_option(name: str | None, *, as_json: bool) -> "Format | None":
    """Parses ``--format`` and ``--json``; returns None for text.

    Raises:
        InvalidValue: an unknown format, or ``--json`` together with another format.
    """
    if name is None:
        return "json" if as_json else None
    from service.formats import parse_format

    parsed = parse_format(name)
    if as_json and parsed != "json":
        raise InvalidValue("format", name, "it conflicts with --json; give one of the two")
    return parsed


def _models() -> tuple[str, ...]:
    from search.embedding.model import BUILT_IN_MODELS

    return tuple(BUILT_IN_MODELS)


def _precisions() -> tuple[str, ...]:
    from search.embedding.model import PRECISIONS

    return PRECISIONS


def _sorts() -> tuple[str, ...]:
    from search.query.sort import SORTS

    return SORTS


def _categories() -> tuple[str, ...]:
    from search.papers.categories import ARCHIVES, CATEGORIES

    return (*CATEGORIES, *ARCHIVES)


def _kinds() -> tuple[str, ...]:
    from search.papers.kinds import KINDS

    return KINDS


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
    help="hybrid, semantic or lexical.",
)


def model_option(**details: Any) -> Callable[[CallbackT], CallbackT]:
    """Returns the option ``--model``; the details go to ``click.option``."""
    return click.option("--model", metavar="NAME", shell_complete=complete_from(_models), **details)


def precision_option(**details: Any) -> Callable[[CallbackT], CallbackT]:
    """Returns the option ``--precision``; the details go to ``click.option``."""
    return click.option("--precision", shell_complete=complete_from(_precisions), **details)


MODEL_NAMES_HELP = (
    "small, large, all-MiniLM-L6-v2, or a sentence-transformers model: its folder or its name in the local cache"
)

_FILTER_OPTIONS = (
    click.option(
        "-a",
        "--author",
        multiple=True,
        help='Author in any usual form: "Guorui Zhou", "Zhou, G."; ^Zhou = first author, Zhou$ = last author.',
    ),
    click.option(
        "--not-author",
        multiple=True,
        help="Exclude papers by this exact name; a surname alone excludes every author with it.",
    ),
    click.option(
        "-c",
        "--category",
        multiple=True,
        shell_complete=complete_from(_categories),
        help='Category or archive, by code or name: cs.CL, cs, "Computation and Language".',
    ),
    click.option(
        "--kind",
        multiple=True,
        cls=ChoicesOption,
        choices=_kinds,
        help="Kind of paper: {choices}; several: all of them.",
    ),
    click.option("--from", "start", metavar="DATE", help="Published on or after: 2026, 2026-04, 30d, last-year."),
    click.option("--to", "end", metavar="DATE", help="Published on or before."),
    click.option("--updated-from", metavar="DATE", help="Last updated on or after."),
    click.option("--updated-to", metavar="DATE", help="Last updated on or before."),
)
_EXAMPLE_OPTIONS = (
    click.option("--like", metavar="ID", multiple=True, help="Favour papers similar to this one."),
    click.option("--unlike", metavar="ID", multiple=True, help="Disfavour papers similar to this one."),
)
_ADDED_OPTIONS = (
    click.option("--added-from", metavar="DATE", help="Added to the index on or after: 7d, today, 2026-11-29T09:14Z."),
    click.option("--added-to", metavar="DATE", help="Added to the index on or before."),
)
_THEME_OPTION = click.option(
    "--theme",
    default="",
    metavar="LABEL",
    help="Only the papers of a theme of this search, by its label; papers themes lists them.",
)
_PAGE_OPTIONS = (
    _THEME_OPTION,
    click.option(
        "-s",
        "--sort",
        default=None,
        shell_complete=complete_from(_sorts),
        help="relevance (default), newest, oldest, added or citations. All but relevance list the papers closest "
        "to the query: newest/oldest by date, added with the last ones added to the index first, "
        "citations with the most cited ones first; --format atom defaults to newest.",
    ),
    MODE_OPTION,
    click.option(
        "--facets",
        is_flag=True,
        help="Count the relevant papers, without a query all that match, by year, category, kind, author and source.",
    ),
    click.option("--cursor", default="", metavar="TEXT", help="Cursor printed with the previous page."),
    LIMIT_OPTION,
    BROWSE_OPTION,
    SEARCHED_INDEX_OPTION,
    PROFILE_OPTION,
    EXPLAIN_OPTION,
    JSON_OPTION,
    FORMAT_OPTION,
)


def filter_options(callback: CallbackT) -> CallbackT:
    """Adds the filters, example papers and mode of a search, without the time at which papers were added."""
    for option in reversed((*_FILTER_OPTIONS, *_EXAMPLE_OPTIONS, MODE_OPTION)):
        callback = option(callback)
    return callback


def query_options(callback: CallbackT) -> CallbackT:
    """Adds the filters, example papers and mode of a search."""
    for option in reversed((*_FILTER_OPTIONS, *_EXAMPLE_OPTIONS, *_ADDED_OPTIONS, MODE_OPTION)):
        callback = option(callback)
    return callback


def page_options(callback: CallbackT) -> CallbackT:
    """Adds the options of all commands that print a page of hits."""
    for option in reversed((*_FILTER_OPTIONS, *_EXAMPLE_OPTIONS, *_ADDED_OPTIONS, *_PAGE_OPTIONS)):
        callback = option(callback)
    return callback


def added_options(callback: CallbackT) -> CallbackT:
    """Adds the filters by the time at which papers were added."""
    for option in reversed(_ADDED_OPTIONS):
        callback = option(callback)
    return callback


def filter_only_options(callback: CallbackT) -> CallbackT:
    """Adds the filters of a search, without example papers and mode."""
    for option in reversed((*_FILTER_OPTIONS, *_ADDED_OPTIONS)):
        callback = option(callback)
    return callback


def build_filter(options: dict[str, Any]) -> "Filter":
    """Builds a filter from the options of ``filter_only_options``.

    Raises:
        InvalidValue: see ``Filter.parse``.
    """
    from search.query.filter import Filter

    dates = {"from": options["start"], "to": options["end"]}
    dates |= {name: options[name] for name in ("updated_from", "updated_to", "added_from", "added_to")}
    return Filter.parse(options["author"], options["not_author"], options["category"], dates, kinds=options["kind"])


def build_filtered_query(options: dict[str, Any]) -> "Query":
    """Builds a query from the options of ``filter_options`` and ``added_options``; the caller adds the text.

    Raises:
        InvalidValue: see ``Filter.parse`` and ``Query``.
    """
    from search.query.query import Query

    return Query(
        filter=build_filter(options),
        mode=options["mode"],
        like=options["like"],
        unlike=options["unlike"],
        verbatim=options["verbatim"],
    )


def build_query(options: dict[str, Any]) -> "Query":
    """Builds a query from the options of ``page_options``; the caller adds the text.

    Raises:
        InvalidValue: see ``Filter.parse`` and ``Query``.
    """
    from search.query.query import Query

    return Query(
        filter=build_filter(options),
        mode=options["mode"],
        limit=options["limit"],
        sort=choose_sort(options),
        cursor=options["cursor"],
        like=options["like"],
        unlike=options["unlike"],
        theme=options["theme"],
        facets=options["facets"],
        verbatim=options.get("verbatim", False),
    )


def choose_sort(options: dict[str, Any]) -> "Sort":
    """Returns the order that ``--sort`` names; without it, a feed lists the newest papers first."""
    sort: Sort | None = options["sort"]
    return sort or ("newest" if options["format_"] == "atom" else "relevance")


def feed_options(text: str, options: dict[str, Any], *ids: str) -> "RenderOptions":
    """Returns how to write a page as a feed; its key is the same for all pages and days of the query."""
    from service.formats import RenderOptions

    identifying = {
        name: value for name, value in options.items() if name not in ("cursor", "limit", "format_", "as_json")
    }
    if not identifying.get("theme"):
        identifying.pop("theme", None)  # the key of a feed is older than themes
    key = "\n".join((text, *ids, str(sorted(identifying.items()))))
    return RenderOptions(feed_key=key, added_times=options.get("sort") == "added")


def parse_day(text: str | None) -> date | None:
    """Parses ``--as-of``.

    Raises:
        InvalidValue: the text is not an ISO date.
    """
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InvalidValue("as_of", text, "give a date such as 2026-04-27") from None


def open_searcher(directory: Path | str) -> "Searcher":
    """Opens an index for searching: that in a folder, or in a collection of Milvus."""
    from search.searcher import Searcher

    return Searcher(directory.expanduser() if isinstance(directory, Path) else directory, _load_embedder_of_texts)


def _load_embedder_of_texts(model: "ModelIdentity") -> "Embedder":
    """Loads the embedder of a command that embeds a query."""
    from search.embedding.embedder import load_embedder

    return load_embedder(model.name, model.precision, single=True)


def load_embedder_for(model: "ModelIdentity") -> "Embedder":
    """Loads the embedder of a model."""
    from search.embedding.embedder import load_embedder

    return load_embedder(model.name, model.precision)
