"""Detection of queries that an index cannot answer.

The index contains the computer science papers among the first 100,000 papers of a corpus, except 1,500 that are held
out; their vectors are stored. The queries are claims of biomedicine (SciFact), questions on aerodynamics (Cranfield),
titles of the held-out papers, the 30 questions below, which were written before any hit was seen, and names: title
words that occur in at most three papers.

    python -m benchmarks.confidence --shared ../shared --vectors VECTORS.npy --work build/confidence

``--questions tuning`` uses the queries that thresholds were chosen on: SciFact's train split, Cranfield's even queries
and other titles. The results are printed but not saved.
"""

import argparse
import contextlib
import json
import lzma
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks import results
from indexer.build import index
from indexer.calibration import calibrate
from search.embedding.embedder import Embedder, load_embedder
from search.embedding.model import ModelIdentity
from search.errors import InvalidValue
from search.papers.paper import Paper
from search.query.hit import Hit
from search.query.page import Page
from search.query.query import MODES, Mode, Query
from search.searcher import Searcher

_QUESTIONS = """
how can a language model be made to say that it does not know?
how do you shrink the memory that attention keys and values take for long prompts?
which ways are there to find out whether a text was written by a machine?
how do robots learn to grasp objects they have never seen?
what makes recommender systems show the same popular items again and again?
how can hospitals train a model together without sharing their patients' records?
does chain of thought really show how a model came to its answer?
ways to find bugs in programs by feeding them random input
how do I search a billion vectors on one machine?
can a neural network be proved safe against small changes of its input?
how to turn a few photos of a room into a 3D scene
self-driving cars that predict what pedestrians will do next
why do deep networks generalize although they could memorize everything?
how are smart contracts checked for security holes?
translating languages for which there is hardly any text
how can speech be recognized when several people talk at once?
what attacks make a chatbot ignore its safety rules?
scheduling jobs on a cluster of GPUs fairly
how can sign language be recognized from video?
do programmers get more done with an AI assistant?
how do you remove one person's data from a trained model?
answering questions over tables and databases in plain English
how can drones fly as a swarm without hitting each other?
error-correcting codes for storing data in DNA
finding communities in very large graphs
how to detect deepfake videos
what is the best way to split documents for retrieval augmented generation?
how do students cheat with large language models and what can teachers do?
compressing images with neural networks
how can malware be found on Android phones?
"""
_CORPUS_ROWS = 100_000
"""Papers of the corpus that are read."""
_HELD_OUT_PAPERS = 1_500
"""Papers that the index does not contain."""
_SEED = 4
_MAX_NAME_PAPERS = 3
"""Document frequency up to which a title word counts as a name."""
_RANKS = (1, 10, 100, 500)
"""Ranks whose bands are reported."""

CategoryScope = Literal["primary", "any"]
QuestionSet = Literal["final", "tuning"]
_CATEGORY_SCOPES: tuple[CategoryScope, ...] = ("primary", "any")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--shared", type=Path, required=True, help="directory that contains corpora/ and bench/")
    options.add_argument(
        "--vectors", type=Path, required=True, help="(papers, dim) float16 of the corpus with the default model"
    )
    options.add_argument("--work", type=Path, required=True, help="directory of the indexes, which are built once")
    options.add_argument(
        "--category", choices=_CATEGORY_SCOPES, action="append", help="categories that are compared; default: both"
    )
    options.add_argument("--questions", choices=("final", "tuning"), default="final")
    arguments = options.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    embedder = load_embedder()
    figures: dict[str, object] = {}
    for scope in arguments.category or _CATEGORY_SCOPES:
        corpus = ComputerScienceCorpus(arguments.shared, arguments.vectors, scope)
        evaluation = ConfidenceEvaluation(_open_index(corpus, arguments.work, embedder), embedder)
        figures[f"cs_{scope}"] = evaluation.evaluate(
            draw_questions(corpus, arguments.questions) | {"names": evaluation.rare_title_words()}
        )
    if arguments.questions == "final":
        results.save("confidence", figures, dataset="papers of computer science, by primary and by any category")
    else:
        print(json.dumps(figures, indent=1))


@dataclass(frozen=True)
class ComputerScienceCorpus:
    """The papers of computer science in a corpus.

    Attributes:
        shared: directory that contains corpora/ and bench/.
        vectors_path: the vectors of its papers, in the order of its lines.
        scope: whether the primary or any category has to be of computer science.
    """

    shared: Path
    vectors_path: Path
    scope: CategoryScope

    @cached_property
    def paper_lines(self) -> dict[int, str]:
        """Each paper as a JSON object, by its line number in the corpus."""
        with lzma.open(self.shared / "corpora/arxiv.jsonl.xz", "rt", encoding="utf-8") as file:
            lines = dict(zip(range(_CORPUS_ROWS), file, strict=False))
        return {
            number: line
            for number, line in lines.items()
            if self._is_computer_science(json.loads(line).get("categories", []))
        }

    @cached_property
    def held_out_lines(self) -> list[int]:
        """Line numbers of the papers that the index does not contain."""
        return sorted(random.Random(99).sample(list(self.paper_lines), _HELD_OUT_PAPERS))

    @cached_property
    def vectors(self) -> NDArray[np.float16]:
        """(papers, dim) float16, one row per line of the corpus."""
        vectors: NDArray[np.float16] = np.load(self.vectors_path, mmap_mode="r")
        return vectors

    def title(self, number: int) -> str:
        """Returns the title of a paper."""
        return str(json.loads(self.paper_lines[number])["title"])

    def queries(self, name: str) -> dict[str, str]:
        """Returns the queries of a test collection by ID."""
        lines = (self.shared / "bench" / name / "queries.jsonl").read_text("utf-8").splitlines()
        return {query["_id"]: query["text"] for query in map(json.loads, lines)}

    def scifact_train_ids(self) -> set[str]:
        """Returns the IDs of the queries of SciFact's train split."""
        lines = (self.shared / "bench/scifact/qrels/train.tsv").read_text("utf-8").splitlines()[1:]
        return {line.split("\t")[0] for line in lines}

    def _is_computer_science(self, categories: Sequence[str]) -> bool:
        compared = categories[:1] if self.scope == "primary" else categories
        return any(code.startswith("cs.") for code in compared)


def draw_questions(corpus: ComputerScienceCorpus, question_set: QuestionSet) -> dict[str, list[str]]:
    """Returns the queries of each kind.

    Args:
        corpus: the corpus.
        question_set: ``final``: samples of 50, 50 and 70 with a fixed seed, and the 30 questions; ``tuning``: the
            queries that thresholds were chosen on, without those samples.
    """
    pools = {name: corpus.queries(name) for name in ("scifact", "cranfield")}
    selected = {name: random.Random(_SEED).sample(sorted(pool), 50) for name, pool in pools.items()}
    titles = random.Random(_SEED).sample(corpus.held_out_lines, 70)
    if question_set == "tuning":
        train, final = corpus.scifact_train_ids(), {name: set(ids) for name, ids in selected.items()}
        selected["scifact"] = sorted(train - final["scifact"])
        selected["cranfield"] = [
            query for query in pools["cranfield"] if int(query) % 2 == 0 and query not in final["cranfield"]
        ]
        titles = sorted(set(corpus.held_out_lines) - set(titles))
    questions = {name: [pools[name][query] for query in ids] for name, ids in selected.items()}
    questions["titles"] = [corpus.title(number) for number in titles]
    return questions | ({"questions": _QUESTIONS.strip().splitlines()} if question_set == "final" else {})


class _CachedEmbedder:
    """Returns the stored vectors of texts, and embeds the few texts that differ in white space."""

    def __init__(self, corpus: ComputerScienceCorpus, embedder: Embedder) -> None:
        self._embedder = embedder
        self._vectors = corpus.vectors
        papers = ((number, Paper.from_json(json.loads(line))) for number, line in corpus.paper_lines.items())
        self._numbers = {paper.text: number for number, paper in papers}

    @property
    def model(self) -> ModelIdentity:
        return self._embedder.model

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.empty((len(texts), self.model.dim), np.float32)
        for position, text in enumerate(texts):
            number = self._numbers.get(text)
            vectors[position] = self._embedder.encode([text])[0] if number is None else self._vectors[number]
        return vectors


def _open_index(corpus: ComputerScienceCorpus, work: Path, embedder: Embedder) -> Searcher:
    """Opens the index of the corpus, and builds it first if it does not exist."""
    folder = work / f"index-{corpus.scope}"
    if not (folder / "CURRENT").exists():
        papers, held_out = work / f"{corpus.scope}.jsonl", set(corpus.held_out_lines)
        papers.write_text(
            "".join(line for number, line in corpus.paper_lines.items() if number not in held_out), "utf-8"
        )
        index([papers], folder, _CachedEmbedder(corpus, embedder))
    return Searcher(folder, lambda _model: embedder)


class ConfidenceEvaluation:
    """Evaluates the bands of one index.

    Args:
        searcher: searcher of the index.
        embedder: embedder of its model.
    """

    def __init__(self, searcher: Searcher, embedder: Embedder) -> None:
        self._searcher = searcher
        self._snapshot = searcher.snapshot
        start = time.perf_counter()
        self._calibration = calibrate(self._snapshot, embedder)
        self._calibration_s = time.perf_counter() - start

    def evaluate(self, questions: dict[str, list[str]]) -> dict[str, object]:
        """Returns how many queries of each kind have no close match, by mode, and the bands at some ranks."""
        flagged: dict[str, dict[str, str]] = {mode: {} for mode in MODES}
        bands: dict[str, dict[str, str]] = {}
        for kind, texts in questions.items():
            for mode in MODES:
                pages = [self._search(text, mode) for text in texts]
                flagged[mode][kind] = f"{sum(not page or not page.has_close_match for page in pages)} of {len(texts)}"
                if mode == "hybrid":
                    bands[kind] = dict(self._bands_at_ranks([page.hits for page in pages if page]))
        return {
            "papers": len(self._snapshot.live),
            "calibration": self._calibration.to_json(),
            "measurement_s": round(self._calibration_s, 2),
            "without_close_match": flagged,
            "bands_at_rank": bands,
        }

    def _search(self, text: str, mode: Mode) -> Page | None:
        """Returns a page; None for a query of stop words in lexical mode."""
        with contextlib.suppress(InvalidValue):
            return self._searcher.search(Query(text, mode=mode, limit=max(_RANKS)))
        return None

    def rare_title_words(self) -> list[str]:
        """Returns the first rare word of the title of each of 400 random papers, if there is one."""
        snapshot, sample = self._snapshot, random.Random(_SEED).sample(self._snapshot.live.ids.tolist(), 400)
        rare = 2.2 * log(1 + (len(snapshot.live) - _MAX_NAME_PAPERS + 0.5) / (_MAX_NAME_PAPERS + 0.5))
        words = (
            next((word for word in paper.title.split() if self._is_rare(word, rare)), None)
            for paper in snapshot.store.get(sample)
            if paper.title
        )
        return [word for word in words if word]

    def _is_rare(self, word: str, min_score: float) -> bool:
        lexicon = self._snapshot.lexicon
        return len(lexicon.terms(word)) == 1 and lexicon.max_score(word) >= min_score - 1e-6

    def _bands_at_ranks(self, pages: Iterable[Sequence[Hit]]) -> Iterator[tuple[str, str]]:
        pages = list(pages)
        for rank in _RANKS:
            count = Counter(hits[rank - 1].band for hits in pages if len(hits) >= rank)
            yield str(rank), ", ".join(f"{count[band]} {band}" for band in ("strong", "related", "weak"))


if __name__ == "__main__":
    main()
