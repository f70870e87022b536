"""The command line: ``papers index | fetch | search | similar | recommend | trends | show | list | serve | ...``.

Results go to standard output, everything else to standard error. ``ExitStatus`` lists the exit statuses. Expensive
imports are inside the commands that need them.
"""

import errno
import os
import sqlite3
import sys
from typing import NoReturn

import click

from search.errors import InvalidValue, NameNotFound, PaperNotFound, PapersError
from service.commands import (
    backup,
    correct,
    evaluate,
    fetch,
    follow,
    index,
    keys,
    lists,
    maps,
    recommend,
    removal,
    search,
    serve,
    sources,
    state,
    themes,
    trends,
    update,
    watch,
)
from service.commands.exit_status import ExitStatus

_INTERRUPTED = "interrupted; imported papers are kept, the previous index version stays live"
_DISK_FULL = "the disk is full; free some space and retry, the previous index version stays live"


@click.group(
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


for command in (
    index.index_command,
    fetch.fetch,
    follow.follow,
    update.update,
    index.reindex,
    removal.remove,
    removal.compact,
    search.search,
    search.similar,
    themes.themes,
    maps.paper_map,
    recommend.recommend,
    trends.trends,
    search.authors,
    search.people,
    search.show,
    lists.lists,
    watch.watch,
    correct.merge,
    correct.split,
    index.status,
    sources.sources,
    index.doctor,
    backup.backup,
    backup.restore,
    state.state,
    serve.serve,
    serve.mcp,
    keys.keys,
    evaluate.evaluate,
):
    papers.add_command(command)


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
