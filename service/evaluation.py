"""Evaluation: ``papers eval``. A retrieval set's papers are indexed as any others, its queries asked as anyone asks,
and the answers measured."""

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from search.errors import InvalidValue, SourceError
from service.options import JSON, MODE, completing, precisions

if TYPE_CHECKING:
    from indexer.library import Counts
    from search.embedder import Embedder
    from search.query import Mode
    from search.searcher import Searcher
    from service.beir import Corpus, RetrievalSet
    from service.runs import Difference, Run

_MARK = "retrieval-set.json"
"""In the folder of an index that was made for a set: of which papers, and whether all of them are in."""
_SAID_EVERY_S = 10.0


@click.command("eval")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--split", default="test", show_default=True, help="The queries of qrels/SPLIT.tsv.")
@click.option("--queries", "part", default="all", show_default=True, help="all, or those of even or odd number.")
@MODE
@click.option("--model", metavar="NAME", help="Another sentence-transformers model: a folder or a cached name.")
@click.option(
    "--precision", default="float", show_default=True, shell_complete=completing(precisions), help="float or int8."
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
@JSON
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
    from search.embedder import load_embedder
    from search.searcher import Searcher
    from service.beir import RetrievalSet
    from service.runs import Run, compared

    truth = RetrievalSet.read(folder, given["split"], given["part"])
    before = Run.load(given["against"]) if given["against"] else None
    embedder = load_embedder(given["model"], given["precision"])
    corpus = truth.corpus()
    directory = indexed(truth, corpus, embedder, given["directory"])
    searcher = Searcher(directory, lambda _model: embedder)
    run = answered(searcher, truth, corpus, Asking(given["mode"], given["depth"]))
    differences = compared(run, before) if before else {}
    if given["run_out"]:
        _save(run, given["run_out"])
    click.echo(_json(run, differences) if as_json else _text(run, differences))


@dataclass(frozen=True, slots=True)
class Asking:
    """How a set's queries are asked: in which mode, and for how many papers.

    Raises:
        InvalidValue: an unknown mode, or a depth that no page has.
    """

    mode: "Mode"
    depth: int = 100

    def __post_init__(self) -> None:
        from search.query import Query

        Query(mode=self.mode, limit=self.depth)


def indexed(truth: "RetrievalSet", corpus: "Corpus", embedder: "Embedder", directory: Path | None = None) -> Path:
    """The folder of an index of the set's papers, made if it is not there yet; what was begun is gone on with.

    Args:
        directory: where it lies or will; None for a folder in the cache that is named after papers and model.

    Raises:
        InvalidValue: the folder holds another index.
        IndexBusy: another process makes it. SourceError: the papers cannot be read to their end.
    """
    from search.layout import FORMAT

    made_of = f"{corpus.sha256[:16]}-{embedder.model.slug}-{FORMAT}"
    directory = directory or _cached(made_of)
    mark = directory / _MARK
    if not mark.exists() and directory.exists() and any(directory.iterdir()):
        raise InvalidValue("index", str(directory), "it was not made for a retrieval set; give an empty folder")
    known = json.loads(mark.read_text("utf-8")) if mark.exists() else {"made_of": made_of, "whole": False}
    if known["made_of"] != made_of:
        what = "its index is of other papers, another model or an older version; give another folder, or remove it"
        raise InvalidValue("index", str(directory), what)
    if not known["whole"]:
        directory.mkdir(parents=True, exist_ok=True)
        mark.write_text(json.dumps(known), "utf-8")
        _index(truth, corpus, embedder, directory)
        mark.write_text(json.dumps({**known, "whole": True}), "utf-8")
    return directory


def _cached(made_of: str) -> Path:
    from search.export import cache_folder

    return cache_folder() / "eval" / made_of


def _index(truth: "RetrievalSet", corpus: "Corpus", embedder: "Embedder", directory: Path) -> None:
    from indexer.build import publish
    from indexer.library import Library
    from service.progress import Progress

    left_out = 0
    with Progress(sys.stderr) as progress, Library(directory, embedder, lambda: say(library.counts)) as library:

        def say(counts: "Counts") -> None:
            progress.show(counts, min(1.0, (counts.read - counts.waiting) / max(corpus.lines, 1)))

        for paper in truth.papers():
            if isinstance(paper, SourceError):
                left_out += 1
                click.echo(f"left out {paper}", err=True)
            else:
                library.add(paper)
                say(library.counts)
        library.flush()
        live = publish(library).live
    merged = f", {library.counts.merged:,} merged" if library.counts.merged else ""
    click.echo(f"{live:,} papers indexed{merged}, {left_out:,} left out; kept in {directory}", err=True)


def answered(searcher: "Searcher", truth: "RetrievalSet", corpus: "Corpus", asking: Asking) -> "Run":
    """Asks every query and measures what is found. A merged paper stands for each of its records, in their order."""
    from service.runs import Asked, Run

    snapshot = searcher.snapshot
    model = f"{snapshot.model.name} {snapshot.model.precision}"
    asked = Asked(
        name=truth.folder.resolve().name,
        corpus=corpus.sha256,
        split=truth.split,
        part=truth.part,
        mode=asking.mode,
        model=model,
        papers=snapshot.manifest.live,
        depth=asking.depth,
    )
    rankings, said = {}, time.monotonic()
    for count, (query, text) in enumerate(truth.queries.items()):
        rankings[query] = _ranking(searcher, text, asking)
        if time.monotonic() - said > _SAID_EVERY_S:
            said = time.monotonic()
            click.echo(f"{count + 1:,} of {len(truth.queries):,} queries asked", err=True)
    return Run.measured(asked, rankings, truth)


def _ranking(searcher: "Searcher", text: str, asking: Asking) -> tuple[str, ...]:
    from search.query import Query
    from search.searcher import clean
    from service.beir import ids_of

    if not clean(text):
        return ()
    try:
        page = searcher.search(Query(text, mode=asking.mode, limit=asking.depth))
    except InvalidValue as error:
        if asking.mode == "lexical" and error.field == "q":
            return ()  # none but stop words
        raise
    return tuple(name for hit in page.hits for name in ids_of(hit.paper))[: asking.depth]


def _save(run: "Run", path: Path) -> None:
    try:
        run.save(path)
    except OSError as error:
        raise InvalidValue("run-out", str(path), f"it cannot be written: {error.strerror}") from None


def _json(run: "Run", differences: dict[str, "Difference"]) -> str:
    from service.render import SCHEMA_VERSION, dumped

    asked = asdict(run.asked)
    about = {"set": asked.pop("name"), **asked, "queries": len(run.rankings)}
    against = {"against": {name: asdict(each) for name, each in differences.items()}} if differences else {}
    return dumped({"schema_version": SCHEMA_VERSION, **about, **run.means, "intervals": run.intervals, **against})


def _text(run: "Run", differences: dict[str, "Difference"]) -> str:
    asked = run.asked
    part = "" if asked.part == "all" else f" of {asked.part} number"
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
