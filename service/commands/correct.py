"""Corrections of the index: ``papers merge | split``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from search.query.counts import format_count
from service.commands.command import Command
from service.commands.options import INDEX_OPTION, load_embedder_for

if TYPE_CHECKING:
    from search.index.layout import Manifest
    from search.papers.paper import Paper


@click.command(cls=Command)
@click.argument("paper_id")
@click.argument("other")
@INDEX_OPTION
def merge(paper_id: str, other: str, directory: Path) -> None:
    """Make two papers one: a preprint and its published version, for example.

    Both are found by any ID that they have or ever had. The decision is kept with the index and holds for later
    imports; papers split reverses it.

    \b
    papers merge arxiv:2602.09843 10.1145/3292500
    """
    from indexer.corrections import merge_papers

    _print_outcome("merged", *merge_papers(directory, (paper_id, other), load_embedder_for))


@click.command(cls=Command)
@click.argument("paper_id")
@INDEX_OPTION
def split(paper_id: str, directory: Path) -> None:
    """Divide a paper that was merged by mistake.

    Records with the same ID stay together, such as the versions of an arXiv paper; if all share a DOI, which may be
    that of a book, those with the same title do. The decision is kept with the index and holds for later imports;
    papers merge reverses it.

    \b
    papers split arxiv:2602.09843
    """
    from indexer.corrections import split_paper

    _print_outcome("split", *split_paper(directory, paper_id, load_embedder_for))


def _print_outcome(action: str, manifest: "Manifest", papers: "Sequence[Paper]") -> None:
    """Prints the papers to standard output and what was published to standard error."""
    from service.formats.render import display_title, sanitize_lines

    for paper in papers:
        click.echo(sanitize_lines(f"{display_title(paper)}\n   {', '.join(paper.ids)}"))
    click.echo(f"papers: {action}; the index has {format_count(manifest.live)} ({manifest.generation})", err=True)
