"""The command line: ``papers index | search | similar | authors | show | serve | mcp | keys | status | doctor | eval``.

Results go to standard output, all else to standard error. Exit status: 0 found, 4 nothing found, 2 bad usage,
1 failure. Imports that cost happen in the commands that use them.
"""

import errno
import os
import sqlite3
import sys

import click

from search.errors import IndexUnavailable, InvalidValue, ModelUnavailable, PaperNotFound, PapersError, SourceError
from service.commands import evaluate, index, keys, search, serve

FOUND, FAILED, BAD_USAGE, NOTHING_FOUND = 0, 1, 2, 4


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


for command in (
    index.index_command,
    search.search,
    search.similar,
    search.authors,
    search.show,
    index.status,
    index.doctor,
    serve.serve,
    serve.mcp,
    keys.keys,
    evaluate.evaluate,
):
    papers.add_command(command)


def main() -> None:
    """The console script: every failure is one line of words and an exit status, never a traceback."""
    try:
        status_ = papers.main(standalone_mode=False)
        sys.exit(status_ if isinstance(status_, int) else FOUND)
    except click.ClickException as error:
        error.show()
        sys.exit(BAD_USAGE)
    except (click.Abort, KeyboardInterrupt):
        _exit_with_error("stopped; what was written stays, and the last generation answers", 130)
    except InvalidValue as error:
        _exit_with_error(error.describe(_option_name(error.field)), BAD_USAGE)
    except PaperNotFound as error:
        _exit_with_error(str(error), NOTHING_FOUND)
    except (SourceError, IndexUnavailable, ModelUnavailable, PapersError) as error:
        _exit_with_error(str(error), FAILED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing more can be said to a closed pipe
        sys.exit(FOUND)
    except (OSError, sqlite3.Error) as error:
        full = getattr(error, "errno", None) == errno.ENOSPC or "disk is full" in str(error)
        room = "the disk is full; make room and try again, the last generation still answers"
        _exit_with_error(room if full else str(error), FAILED)


def _option_name(field: str) -> str:
    """The name that the command line has for a parameter: ``--updated-from`` for ``updated_from``."""
    option = "--" + field.replace("_", "-")
    options = {name for command in papers.commands.values() for each in command.params for name in each.opts}
    return option if option in options else field


def _exit_with_error(message: str, code: int) -> None:
    click.echo(f"papers: {message}", err=True)
    sys.exit(code)
