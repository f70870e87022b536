"""Saved searches: ``papers watch add | list | remove``, and ``papers watch`` for what is new."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from search.errors import InvalidValue, NameNotFound, PaperNotFound
from service.commands.choices import ChoicesOption
from service.commands.command import DefaultGroup
from service.commands.exit_status import ExitStatus
from service.commands.options import INDEX_OPTION, JSON_OPTION, PROFILE_OPTION, filter_options, open_searcher

if TYPE_CHECKING:
    from search.session import Session
    from service.state.mail import MailSettings
    from service.state.watches import Unread, Watches


def _digest_formats() -> tuple[str, ...]:
    from service.state.digests import DIGEST_FORMATS

    return DIGEST_FORMATS


@click.group("watch", cls=DefaultGroup, default="new", takes_names=True)
def watch() -> None:
    """Save searches and see which papers were added to the index since you last looked.

    \b
    papers watch add kv-cache "KV cache compression" --category cs.CL
    papers watch
    papers watch kv-cache --mark-read
    papers watch --mark-read --mail anna@example.org
    papers watch list
    papers watch remove kv-cache
    """


@watch.command()
@click.argument("name")
@click.argument("query", default="")
@filter_options
@click.option("--list", "list_", metavar="NAME", default="", help="Favour papers similar to those on this list.")
@INDEX_OPTION
@PROFILE_OPTION
def add(name: str, query: str, directory: Path, profile: str, **options: Any) -> None:
    """Save a search as NAME. Query and options are those of papers search.

    Papers that are added to the index from now on are new. Dates such as 30d count from the day on which you look.

    \b
    papers watch add kv-cache "KV cache compression" --category cs.CL
    papers watch add zhou --author "Guorui Zhou"
    papers watch add near-mine --like 2604.24432
    papers watch add thesis --list thesis
    papers watch add everything
    """
    from service.state.searches import SavedSearch

    search = SavedSearch(
        query,
        options["author"],
        options["not_author"],
        options["category"],
        options["kind"],
        options["start"],
        options["end"],
        options["updated_from"],
        options["updated_to"],
        options["like"],
        options["unlike"],
        options["list_"],
        options["mode"],
    )
    page = _open_watches(directory, profile).add(name, search, open_searcher(directory).session())
    click.echo(f"papers: saved {' '.join(name.split())}: {page.interpretation}", err=True)
    if search == SavedSearch():
        click.echo("papers: without a query and options, it follows the whole index", err=True)
    if page.answered_query:
        click.echo(f"papers: nothing is close to it at present; did you mean: {page.answered_query}", err=True)


@watch.command("list")
@INDEX_OPTION
@PROFILE_OPTION
@JSON_OPTION
def list_(directory: Path, profile: str, as_json: bool) -> None:
    """List the saved searches, with the number of new papers of each.

    \b
    papers watch list
    papers watch list --json
    """
    from service.formats.render import SCHEMA_VERSION, dump_json

    watches = _open_watches(directory, profile)
    saved = watches.all()
    session = open_searcher(directory).session() if saved else None
    counts = [watches.try_count_unread(each.name, session) if session else None for each in saved]
    if as_json:
        found = [
            {"name": each.name, "search": each.search.to_json(), "created": each.created, "unread": count}
            for each, count in zip(saved, counts, strict=True)
        ]
        click.echo(dump_json({"schema_version": SCHEMA_VERSION, "watches": found}))
        return
    for each, count in zip(saved, counts, strict=True):
        click.echo(f"{'?' if count is None else f'{count:,}':>8} new  {each.name}: {each.search.describe()}")
    if not saved:
        click.echo("papers: no saved searches yet; add one: papers watch add NAME QUERY", err=True)


@watch.command()
@click.argument("name")
@INDEX_OPTION
@PROFILE_OPTION
def remove(name: str, directory: Path, profile: str) -> None:
    """Delete a saved search and its feed.

    \b
    papers watch remove kv-cache
    """
    _open_watches(directory, profile).remove(name)


@watch.command()
@click.argument("names", nargs=-1)
@click.option("--mark-read", is_flag=True, help="Do not show these papers again.")
@click.option("--out", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Write to a file.")
@click.option("--mail", metavar="ADDRESS", help="Send as a mail, through the server of $PAPERS_SMTP_HOST.")
@INDEX_OPTION
@PROFILE_OPTION
@JSON_OPTION
@click.option(
    "-f",
    "--format",
    "format_",
    metavar="NAME",
    cls=ChoicesOption,
    choices=_digest_formats,
    help="Output format instead of text: {choices}.",
)
def new(names: tuple[str, ...], directory: Path, profile: str, mark_read: bool, **options: Any) -> None:
    """Show all papers that were added since the saved searches were last read; papers watch alone does the same.

    Every new paper that papers search --sort added lists is shown, the last added first. Papers are marked as read
    after they were printed, written or accepted by the mail server. If there are none, no file is written and no mail
    is sent.

    \b
    papers watch
    papers watch new kv-cache zhou --mark-read
    papers watch --mark-read --format markdown --out new-papers.md
    papers watch --mark-read --mail anna@example.org
    """
    output = _choose_output(options)
    if options["mail"]:
        _mail_settings(options["mail"])
    watches = _open_watches(directory, profile)
    chosen = tuple(watches.get(name).name for name in names) or tuple(each.name for each in watches.all())
    if not chosen:
        click.echo("papers: no saved searches yet; add one: papers watch add NAME QUERY", err=True)
        return
    found = _find_unread(watches, chosen, open_searcher(directory).session())
    if found:
        _deliver(found, output, options["out"], options["mail"])
    for unread in found if mark_read else ():
        watches.mark_read(unread.watch.name, unread.position)
    if len(found) < len(chosen):
        sys.exit(ExitStatus.FAILURE)


def _choose_output(options: dict[str, Any]) -> str:
    """Returns the output format, ``text`` by default."""
    from service.state.digests import parse_digest_format

    if options["mail"] and (options["format_"] or options["as_json"] or options["out"]):
        raise click.UsageError("--mail sends text and HTML; leave out --format, --json and --out")
    if options["format_"] is None:
        return "json" if options["as_json"] else "text"
    if options["as_json"] and options["format_"] != "json":
        raise InvalidValue("format", options["format_"], "it conflicts with --json; give one of the two")
    return parse_digest_format(options["format_"])


def _find_unread(watches: "Watches", names: Sequence[str], session: "Session") -> list["Unread"]:
    """Returns what is new; prints why a search cannot be answered, and goes on with the others."""
    found = []
    for name in names:
        try:
            found.append(watches.unread(name, session))
        except (InvalidValue, PaperNotFound, NameNotFound) as error:
            click.echo(f"papers: {name}: {error}", err=True)
    return found


def _deliver(found: "Sequence[Unread]", output: str, out: Path | None, mail: str | None) -> None:
    from service.state.digests import digest_text, parse_digest_format, render_digest

    is_empty = not any(unread.page.hits for unread in found)
    if is_empty:
        click.echo("papers: nothing new", err=True)
    if mail:
        if not is_empty:
            _send(found, mail)
        return
    content = digest_text(found).encode() if output == "text" else render_digest(parse_digest_format(output), found)
    if out and not is_empty:
        from search.files import replace_file

        try:
            replace_file(out, content)
        except OSError as error:
            reason = f"it cannot be written: {error.strerror}; choose a file in a folder that exists"
            raise InvalidValue("out", str(out), reason) from None
    elif not out and (output != "text" or not is_empty):
        click.echo(content, nl=False)
        sys.stdout.flush()  # an error has to appear before the papers are marked as read


def _send(found: "Sequence[Unread]", address: str) -> None:
    from service.state.digests import digest_html, digest_text, digest_title
    from service.state.mail import send_mail

    settings, recipient = _mail_settings(address)
    send_mail(settings, recipient, digest_title(found), digest_text(found), digest_html(found))
    click.echo(f"papers: sent to {recipient}", err=True)


def _mail_settings(address: str) -> "tuple[MailSettings, str]":
    """Returns the settings and the recipient.

    Raises:
        InvalidValue: one of them is invalid.
    """
    from service.state.mail import MailSettings, parse_address

    return MailSettings.from_environment(), parse_address(address, "mail")


def _open_watches(directory: Path, profile: str) -> "Watches":
    from indexer.state import StateDatabase
    from service.state.profiles import Profile
    from service.state.watches import Watches

    return Watches(StateDatabase.of_index(directory), Profile.of_name(profile))
