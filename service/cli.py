"""The command line: ``papers index | fetch | search | similar | recommend | trends | show | list | serve | ...``.

Results go to standard output, everything else to standard error. ``ExitStatus`` lists the exit statuses. Expensive
imports are inside the commands that need them.
"""

import errno
import os
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import NoReturn

import click

from search.errors import InvalidValue, NameNotFound, PaperNotFound, PapersError
from service.commands.exit_status import ExitStatus

_COMMANDS = {
    "index": "index.index_command",
    "fetch": "fetch.fetch",
    "follow": "follow.follow",
    "update": "update.update",
    "reindex": "index.reindex",
    "remove": "removal.remove",
    "compact": "removal.compact",
    "search": "search.search",
    "similar": "search.similar",
    "themes": "themes.themes",
    "map": "maps.paper_map",
    "recommend": "recommend.recommend",
    "trends": "trends.trends",
    "authors": "search.authors",
    "people": "search.people",
    "show": "search.show",
    "list": "lists.lists",
    "watch": "watch.watch",
    "merge": "correct.merge",
    "split": "correct.split",
    "status": "index.status",
    "sources": "sources.sources",
    "doctor": "index.doctor",
    "backup": "backup.backup",
    "restore": "backup.restore",
    "export-index": "moving.export_index",
    "import-index": "moving.import_index",
    "compare-indexes": "compare.compare_indexes",
    "state": "state.state",
    "serve": "serve.serve",
    "mcp": "serve.mcp",
    "keys": "keys.keys",
    "eval": "evaluate.evaluate",
}
"""The module of ``service.commands`` and the function of each command."""
_INTERRUPTED = "interrupted; imported papers are kept, the previous index version stays live"
_DISK_FULL = "the disk is full; free some space and retry, the previous index version stays live"


class _LazyCommands(Mapping[str, click.Command]):
    """The commands, each imported when it is needed: the others would take 6% of a command that a server answers."""

    def __getitem__(self, name: str) -> click.Command:
        module, _, function = _COMMANDS[name].partition(".")
        command: click.Command = getattr(import_module(f"service.commands.{module}"), function)
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(_COMMANDS)

    def __len__(self) -> int:
        return len(_COMMANDS)


@click.group(
    commands=_LazyCommands(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog='Tab completion: eval "$(_PAPERS_COMPLETE=bash_source papers)"; also zsh_source and fish_source.',
)
@click.version_option(package_name="papers-search", prog_name="papers")
def papers() -> None:
    """Search your collection of papers by meaning and by keyword, offline.

    \b
    papers index papers.jsonl zotero.bib pages/
    papers search "KV cache compression" --category cs.CL --from 2026
    papers similar arxiv:2604.24432
    """


def main() -> None:
    """Runs the console script. An expected failure prints one line, never a traceback, and sets the exit status."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # for terminals other than UTF-8
    try:
        status = papers.main(standalone_mode=False)
        sys.exit(status if isinstance(status, int) else ExitStatus.OK)
    except click.ClickException as error:
        error.show()
        sys.exit(ExitStatus.USAGE)
    except click.Abort as error:
        if isinstance(error.__cause__, EOFError):  # click treats every EOFError as the end of a prompt
            _exit_with_error(f"unexpected end of data: {error.__cause__}", ExitStatus.FAILURE)
        _exit_with_error(_INTERRUPTED, ExitStatus.INTERRUPTED)
    except KeyboardInterrupt:
        _exit_with_error(_INTERRUPTED, ExitStatus.INTERRUPTED)
    except InvalidValue as error:
        _exit_with_error(str(error), ExitStatus.USAGE)
    except (PaperNotFound, NameNotFound) as error:
        _exit_with_error(str(error), ExitStatus.NOT_FOUND)
    except PapersError as error:
        _exit_with_error(str(error), ExitStatus.FAILURE)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads standard output any more
        sys.exit(ExitStatus.OK)
    except (OSError, sqlite3.Error) as error:
        is_disk_full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "disk is full" in str(error)
        _exit_with_error(_DISK_FULL if is_disk_full else str(error), ExitStatus.FAILURE)


def _exit_with_error(message: str, status: ExitStatus) -> NoReturn:
    click.echo(f"papers: {message}", err=True)
    sys.exit(status)
