"""Whether questions that an index cannot answer are told apart from those that it can.

The index holds the papers of computer science among the first 100,000 of a corpus whose vectors are at hand, but for
1,500. Asked of it are claims of biomedicine (SciFact), questions on aerodynamics (Cranfield), titles of the papers
left out, the 30 questions below, which were written before any answer was seen, and names: words of titles that three
papers at most hold.

    python -m benchmarks.confidence --shared ../shared --work build/confidence

``--draw tuning`` asks what limits were chosen on: SciFact's train split, Cranfield's even queries, other titles, and
no question below; nothing is saved then.
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
from search.query.page import Hit, Page
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
_CORPUS_ROWS, _HELD_OUT_PAPERS, _SEED = 100_000, 1_500, 4
_MAX_NAME_PAPERS = 3
_RANKS = (1, 10, 100, 500)

CategoryScope = Literal["primary", "any"]
QuestionSet = Literal["final", "tuning"]
_CATEGORY_SCOPES: tuple[CategoryScope, ...] = ("primary", "any")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--shared", type=Path, required=True, help="holds corpora/ and bench/")
    options.add_argument("--work", type=Path, required=True, help="indexes are made here, once")
    options.add_argument(
        "--science", choices=_CATEGORY_SCOPES, action="append", help="which category tells; both if left out"
    )
    options.add_argument("--draw", choices=("final", "tuning"), default="final")
    asked = options.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    embedder = load_embedder()
    figures: dict[str, object] = {}
    for science in asked.science or _CATEGORY_SCOPES:
        corpus = ComputerScienceCorpus(asked.shared, science)
        opened = ConfidenceEvaluation(_open_index(corpus, asked.work, embedder), embedder)
        figures[f"cs_{science}"] = opened.evaluate(
            draw_questions(corpus, asked.draw) | {"names": opened.rare_title_words()}
        )
    if asked.draw == "final":
        results.save("confidence", figures, dataset="papers of computer science, by primary and by any category")
    else:
        print(json.dumps(figures, indent=1))


@dataclass(frozen=True)
class ComputerScienceCorpus:
    """Papers of computer science, by their primary or by any category.

    Attributes:
        shared: holds corpora/ and bench/. science: which category tells.
    """

    shared: Path
    scope: CategoryScope

    @cached_property
    def paper_lines(self) -> dict[int, str]:
        """Each paper as one JSON object, by its line in the corpus."""
        with lzma.open(self.shared / "corpora/arxiv.jsonl.xz", "rt", encoding="utf-8") as file:
            every = dict(zip(range(_CORPUS_ROWS), file, strict=False))
        return {
            number: line
            for number, line in every.items()
            if self._is_computer_science(json.loads(line).get("categories", []))
        }

    @cached_property
    def held_out_lines(self) -> list[int]:
        """The papers that the index does not hold."""
        return sorted(random.Random(99).sample(list(self.paper_lines), _HELD_OUT_PAPERS))

    @cached_property
    def vectors(self) -> NDArray[np.float16]:
        """(100,000, dim), one a line."""
        vectors: NDArray[np.float16] = np.load(self.shared / "corpora/arxiv100k.minilm.f16.npy", mmap_mode="r")
        return vectors

    def title(self, number: int) -> str:
        """Of a paper."""
        return str(json.loads(self.paper_lines[number])["title"])

    def queries(self, name: str) -> dict[str, str]:
        """Of a test collection, by their ids."""
        lines = (self.shared / "bench" / name / "queries.jsonl").read_text("utf-8").splitlines()
        return {query["_id"]: query["text"] for query in map(json.loads, lines)}

    def scifact_train_ids(self) -> set[str]:
        """Ids of SciFact's train split."""
        lines = (self.shared / "bench/scifact/qrels/train.tsv").read_text("utf-8").splitlines()[1:]
        return {line.split("\t")[0] for line in lines}

    def _is_computer_science(self, categories: Sequence[str]) -> bool:
        told = categories[:1] if self.scope == "primary" else categories
        return any(code.startswith("cs.") for code in told)


def draw_questions(corpus: ComputerScienceCorpus, question_set: QuestionSet) -> dict[str, list[str]]:
    """The questions: 50, 50, 70 and 30 with a fixed seed, or what limits were chosen on, without those."""
    pools = {name: corpus.queries(name) for name in ("scifact", "cranfield")}
    asked = {name: random.Random(_SEED).sample(sorted(pool), 50) for name, pool in pools.items()}
    titles = random.Random(_SEED).sample(corpus.held_out_lines, 70)
    if question_set == "tuning":
        train, taken = corpus.scifact_train_ids(), {name: set(ids) for name, ids in asked.items()}
        asked["scifact"] = sorted(train - taken["scifact"])
        asked["cranfield"] = [
            each for each in pools["cranfield"] if int(each) % 2 == 0 and each not in taken["cranfield"]
        ]
        titles = sorted(set(corpus.held_out_lines) - set(titles))
    questions = {name: [pools[name][each] for each in ids] for name, ids in asked.items()}
    questions["titles"] = [corpus.title(number) for number in titles]
    return questions | ({"questions": _QUESTIONS.strip().splitlines()} if question_set == "final" else {})


class _CachedEmbedder:
    """Gives texts the vectors that are at hand, and embeds the few that differ in white space."""

    def __init__(self, corpus: ComputerScienceCorpus, embedder: Embedder) -> None:
        self._embedder, self._vectors = embedder, corpus.vectors
        papers = ((number, Paper.from_json(json.loads(line))) for number, line in corpus.paper_lines.items())
        self._numbers = {paper.text: number for number, paper in papers}

    @property
    def model(self) -> ModelIdentity:
        return self._embedder.model

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.empty((len(texts), self.model.dim), np.float32)
        for place, text in enumerate(texts):
            number = self._numbers.get(text)
            vectors[place] = self._embedder.encode([text])[0] if number is None else self._vectors[number]
        return vectors


def _open_index(corpus: ComputerScienceCorpus, work: Path, embedder: Embedder) -> Searcher:
    """The index of the corpus, made where it is not there."""
    folder = work / f"index-{corpus.scope}"
    if not (folder / "CURRENT").exists():
        papers, without = work / f"{corpus.scope}.jsonl", set(corpus.held_out_lines)
        papers.write_text(
            "".join(line for number, line in corpus.paper_lines.items() if number not in without), "utf-8"
        )
        index([papers], folder, _CachedEmbedder(corpus, embedder))
    return Searcher(folder, lambda _model: embedder)


class ConfidenceEvaluation:
    """An index and what it says of questions.

    Args:
        searcher: of the index. embedder: of its model.
    """

    def __init__(self, searcher: Searcher, embedder: Embedder) -> None:
        self._searcher, self._snapshot = searcher, searcher.snapshot
        start = time.perf_counter()
        self._calibration = calibrate(self._snapshot, embedder)
        self._calibration_s = time.perf_counter() - start

    def evaluate(self, questions: dict[str, list[str]]) -> dict[str, object]:
        """How many of each kind of question are told that nothing is close, by mode; and the bands at some ranks."""
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
            "measuring_s": round(self._calibration_s, 2),
            "nothing_close": flagged,
            "bands_at_rank": bands,
        }

    def _search(self, text: str, mode: Mode) -> Page | None:
        """None where there is no word to look up."""
        with contextlib.suppress(InvalidValue):
            return self._searcher.search(Query(text, mode=mode, limit=max(_RANKS)))
        return None

    def rare_title_words(self) -> list[str]:
        """Of 400 papers, the first word of the title that so few papers hold, if there is one."""
        snapshot, drawn_rows = self._snapshot, random.Random(_SEED).sample(self._snapshot.live.ids.tolist(), 400)
        rare = 2.2 * log(1 + (len(snapshot.live) - _MAX_NAME_PAPERS + 0.5) / (_MAX_NAME_PAPERS + 0.5))
        found = (
            next((word for word in paper.title.split() if self._is_rare(word, rare)), None)
            for paper in snapshot.store.get(drawn_rows)
            if paper.title
        )
        return [word for word in found if word]

    def _is_rare(self, word: str, least: float) -> bool:
        lexicon = self._snapshot.lexicon
        return len(lexicon.terms(word)) == 1 and lexicon.max_score(word) >= least - 1e-6

    def _bands_at_ranks(self, pages: Iterable[Sequence[Hit]]) -> Iterator[tuple[str, str]]:
        pages = list(pages)
        for rank in _RANKS:
            count = Counter(hits[rank - 1].band for hits in pages if len(hits) >= rank)
            yield str(rank), ", ".join(f"{count[band]} {band}" for band in ("strong", "related", "weak"))


if __name__ == "__main__":
    main()
