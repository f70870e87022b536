"""Comparison of two indexes: ``papers compare-indexes``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from search.errors import InvalidValue
from service.commands.command import Command
from service.commands.exit_status import ExitStatus
from service.commands.options import JSON_OPTION, IndexType, open_searcher

if TYPE_CHECKING:
    from service.evaluation.index_comparison import IndexComparison

_SHOWN_QUESTIONS = 20
"""Differing questions that the text shows; JSON has all."""


@click.command("compare-indexes", cls=Command)
@click.argument("one", metavar="A", type=IndexType(collections=True))
@click.argument("other", metavar="B", type=IndexType(collections=True))
@click.option(
    "--questions",
    "file",
    type=click.Path(path_type=Path),
    help="File with one question per line, as typed into the search box (default: questions drawn from titles of A).",
)
@click.option("--draw", type=click.IntRange(1, 1_000), default=100, show_default=True, help="Questions to draw.")
@click.option(
    "-n", "--limit", type=click.IntRange(1, 1_000), default=10, show_default=True, help="First papers to compare."
)
@click.option(
    "--min-overlap",
    type=click.FloatRange(0, 1),
    default=0.97,
    show_default=True,
    help="Share of the first papers that both have, on average, from which the indexes agree.",
)
@JSON_OPTION
def compare_indexes(
    one: Path | str, other: Path | str, file: Path | None, draw: int, limit: int, min_overlap: float, as_json: bool
) -> int:
    """Ask two indexes the same questions and print what differs in their answers.

    Both have to be made with models whose vectors agree for the papers to be the same. The comparison covers which
    papers come first, their order, except of equal scores, totals, bands and errors, and the median time of an answer,
    including that of embedding the question. The exit status is 0 if the indexes agree: if the overlap of the first
    papers is at least --min-overlap and all totals are equal; else 1. Drawn questions are words of titles, three of
    four with a filter by category, year or author.

    \b
    papers compare-indexes ~/papers ~/papers-copy
    papers compare-indexes ~/papers ~/papers-copy --questions questions.txt -n 20 --json
    papers compare-indexes ~/papers milvus://milvus.example.org:19530/papers
    """
    from service.commands.progress import Progress
    from service.evaluation.index_comparison import compare_indexes as compare
    from service.evaluation.index_comparison import draw_questions

    first, second = open_searcher(one), open_searcher(other)
    questions = _read_questions(file) if file else draw_questions(first, draw)
    with Progress() as progress:
        comparison = compare(
            first, second, questions, limit=limit, min_overlap=min_overlap, on_question=progress.show_queries
        )
    if as_json:
        from service.formats.render import SCHEMA_VERSION, dump_json

        click.echo(dump_json({"schema_version": SCHEMA_VERSION, **comparison.to_json()}))
    else:
        click.echo(_format_text(comparison))
    return ExitStatus.OK if comparison.agrees else ExitStatus.FAILURE


def _read_questions(file: Path) -> list[str]:
    """Returns the lines of a file that are not blank.

    Raises:
        InvalidValue: The file cannot be read.
    """
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise InvalidValue("questions", str(file), f"cannot read the file: {error}") from None
    return [line.strip() for line in lines if line.strip()]


def _format_text(comparison: "IndexComparison") -> str:
    """Returns the comparison as text."""
    found, different = comparison.to_json(), comparison.different
    count = len(comparison.questions)
    one, other = comparison.median_ms
    lines = [
        f"{count:,} {'question' if count == 1 else 'questions'}, first {comparison.limit} papers of each: "
        f"overlap {comparison.overlap:.3f} (limit {comparison.min_overlap:g})",
        f"same order: {found['same_order']}, same totals: {found['same_totals']}, same bands: {found['same_bands']}",
        f"median time: A {one} ms, B {other} ms",
        "The indexes agree." if comparison.agrees else "The indexes do not agree.",
    ]
    for each in different[:_SHOWN_QUESTIONS]:
        lines += ["", each.question, *(f"  {difference}" for difference in each.differences())]
    if len(different) > _SHOWN_QUESTIONS:
        lines += ["", f"{len(different) - _SHOWN_QUESTIONS:,} more questions have differences; --json lists all."]
    return "\n".join(lines)
