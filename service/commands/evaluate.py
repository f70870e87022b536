"""Evaluation: ``papers eval`` indexes the papers of a retrieval set, runs its queries and measures the rankings."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from search.errors import InvalidValue
from search.query.counts import format_count
from service.commands.command import Command
from service.commands.options import (
    JSON_OPTION,
    MODE_OPTION,
    MODEL_NAMES_HELP,
    model_option,
    precision_option,
)

if TYPE_CHECKING:
    from service.evaluation.runs import Difference, Run


@click.command("eval", cls=Command, extra="eval")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--split", default="test", show_default=True, help="Use the queries of qrels/SPLIT.tsv.")
@click.option("--queries", "query_subset", default="all", show_default=True, help="all, even or odd (by query ID).")
@MODE_OPTION
@model_option(default="small", show_default=True, help=f"Embedding model: {MODEL_NAMES_HELP}.")
@precision_option(default="float", show_default=True, help="float or int8.")
@click.option(
    "--depth", type=click.IntRange(100, 1000), default=100, show_default=True, help="Number of papers per ranking."
)
@click.option(
    "--index",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Index folder of this test collection, created if missing (default: a folder in $PAPERS_CACHE).",
)
@click.option("--run-out", type=click.Path(path_type=Path), help="Write the measures and ranking of each query here.")
@click.option("--against", type=click.Path(path_type=Path), help="Compare with a run written by --run-out.")
@JSON_OPTION
def evaluate(folder: Path, as_json: bool, **options: Any) -> None:
    """Measure retrieval quality on a test collection in BEIR format: nDCG@10, R@100, AP, RR.

    The folder must contain corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv, each optionally compressed. AP and RR are
    computed over the first --depth papers. The index is kept, so later runs only run the queries. --against prints
    the difference in each measure with its 95% bootstrap interval and the p-value of a paired randomization test.

    \b
    papers eval sets/scifact
    papers eval sets/scifact --split train --mode lexical --run-out lexical.jsonl
    papers eval sets/scifact --split train --against lexical.jsonl --json
    """
    from search.embedding.embedder import load_embedder
    from search.searcher import Searcher
    from service.commands.progress import Progress
    from service.evaluation.beir import RetrievalSet
    from service.evaluation.measure import RunOptions, build_index, run_queries
    from service.evaluation.runs import Run, compare_runs

    retrieval_set = RetrievalSet.read(folder, options["split"], options["query_subset"])
    baseline = Run.load(options["against"]) if options["against"] else None
    embedder = load_embedder(options["model"], options["precision"])
    corpus_info = retrieval_set.read_corpus_info()
    with Progress() as progress:
        directory = build_index(retrieval_set, corpus_info, embedder, options["directory"], progress)
        searcher = Searcher(directory, lambda _model: embedder)
        run_options = RunOptions(options["mode"], options["depth"])
        run = run_queries(searcher, retrieval_set, corpus_info, run_options, progress.show_queries)
    differences = compare_runs(run, baseline) if baseline else {}
    if options["run_out"]:
        _save_run(run, options["run_out"])
    click.echo(_run_json(run, differences) if as_json else _run_text(run, differences))


def _save_run(run: "Run", path: Path) -> None:
    try:
        run.save(path)
    except OSError as error:
        raise InvalidValue("run_out", str(path), f"cannot write the file: {error.strerror}") from None


def _run_json(run: "Run", differences: dict[str, "Difference"]) -> str:
    from service.formats.render import SCHEMA_VERSION, dump_json

    description = asdict(run.description)
    answer = {
        "schema_version": SCHEMA_VERSION,
        "dataset": description.pop("name"),
        **description,
        "queries": len(run.rankings),
        **run.means,
        "intervals": run.intervals,
    }
    if differences:
        answer["comparison"] = {name: asdict(each) for name, each in differences.items()}
    return dump_json(answer)


def _run_text(run: "Run", differences: dict[str, "Difference"]) -> str:
    description = run.description
    subset = "" if description.query_subset == "all" else f" with {description.query_subset} IDs"
    noun = "query" if len(run.rankings) == 1 else "queries"
    lines = [
        f"{description.name}, {description.split} split: {len(run.rankings):,} {noun}{subset}, "
        f"{format_count(description.papers)}; {description.mode}, {description.model}"
    ]
    for name, mean in run.means.items():
        low, high = run.intervals[name]
        line = f"{name:<8}{mean:.4f}  [{low:.4f}, {high:.4f}]"
        if name in differences:
            each = differences[name]
            line += f"  {each.mean:+.4f} [{each.low:+.4f}, {each.high:+.4f}], p {each.p:.4f}"
        lines.append(line)
    return "\n".join(lines)
