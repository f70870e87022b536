"""Evaluation: ``papers eval``. A retrieval set's papers are indexed as any others, its queries asked as anyone asks,
and the answers measured."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from search.errors import InvalidValue
from service.commands.options import JSON_OPTION, MODE_OPTION, complete_from, precisions

if TYPE_CHECKING:
    from service.evaluation.runs import Difference, Run


@click.command("eval")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--split", default="test", show_default=True, help="The queries of qrels/SPLIT.tsv.")
@click.option("--queries", "part", default="all", show_default=True, help="all, or those of even or odd number.")
@MODE_OPTION
@click.option("--model", metavar="NAME", help="Another sentence-transformers model: a folder or a cached name.")
@click.option(
    "--precision", default="float", show_default=True, shell_complete=complete_from(precisions), help="float or int8."
)
@click.option("--depth", type=click.IntRange(100, 1000), default=100, show_default=True, help="Papers asked for.")
@click.option(
    "--index",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder for the set's index, made there if it is not yet; default: in $PAPERS_CACHE.",
)
@click.option("--run-out", type=click.Path(path_type=Path), help="Write each query's measures and ranking there.")
@click.option("--against", type=click.Path(path_type=Path), help="Compare with a run that --run-out wrote.")
@JSON_OPTION
def evaluate(folder: Path, as_json: bool, **given: Any) -> None:
    """Measure nDCG@10, R@100, AP and RR on a retrieval set in BEIR layout.

    The folder holds corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv, compressed or not. AP and RR are those of the
    first papers that were asked for (--depth). Its index is kept, so a second run only asks. --against gives each
    measure's difference with its 95% bootstrap interval and the p of a paired randomization test.

    \b
    papers eval sets/scifact
    papers eval sets/scifact --split train --mode lexical --run-out words.jsonl
    papers eval sets/scifact --split train --against words.jsonl --json
    """
    from search.embedding.embedder import load_embedder
    from search.searcher import Searcher
    from service.evaluation.beir import RetrievalSet
    from service.evaluation.measure import RunOptions, build_index, run_queries
    from service.evaluation.runs import Run, compare_runs

    truth = RetrievalSet.read(folder, given["split"], given["part"])
    before = Run.load(given["against"]) if given["against"] else None
    embedder = load_embedder(given["model"], given["precision"])
    corpus = truth.read_corpus_info()
    directory = build_index(truth, corpus, embedder, given["directory"])
    searcher = Searcher(directory, lambda _model: embedder)
    run = run_queries(searcher, truth, corpus, RunOptions(given["mode"], given["depth"]))
    differences = compare_runs(run, before) if before else {}
    if given["run_out"]:
        _save_run(run, given["run_out"])
    click.echo(_run_json(run, differences) if as_json else _run_text(run, differences))


def _save_run(run: "Run", path: Path) -> None:
    try:
        run.save(path)
    except OSError as error:
        raise InvalidValue("run_out", str(path), f"it cannot be written: {error.strerror}") from None


def _run_json(run: "Run", differences: dict[str, "Difference"]) -> str:
    from service.formats.render import SCHEMA_VERSION, dump_json

    asked = asdict(run.description)
    about = {"set": asked.pop("name"), **asked, "queries": len(run.rankings)}
    against = {"against": {name: asdict(each) for name, each in differences.items()}} if differences else {}
    return dump_json({"schema_version": SCHEMA_VERSION, **about, **run.means, "intervals": run.intervals, **against})


def _run_text(run: "Run", differences: dict[str, "Difference"]) -> str:
    asked = run.description
    part = "" if asked.query_subset == "all" else f" of {asked.query_subset} number"
    lines = [
        f"{asked.name}, {asked.split} split: {len(run.rankings):,} queries{part}, {asked.papers:,} papers; "
        f"{asked.mode}, {asked.model}"
    ]
    for name, mean in run.means.items():
        low, high = run.intervals[name]
        line = f"{name:<8}{mean:.4f}  [{low:.4f}, {high:.4f}]"
        if name in differences:
            each = differences[name]
            line += f"  {each.mean:+.4f} [{each.low:+.4f}, {each.high:+.4f}], p {each.p:.4f}"
        lines.append(line)
    return "\n".join(lines)
