"""The papers of ``benchmarks.growth``: those of a real index, and any number of papers made of parts of them.

A made paper has its title, abstract, authors, categories and date from several real papers of one primary category, so
that words, names and values occur as often as in real papers. Its abstract ends with a number of its own: no two texts
are equal, and the dictionary grows with the papers, as that of real papers does. Its vector is derived from the real
paper that it has most of (``benchmarks.synthetic_vectors``).
"""

import json
import random
import re
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from benchmarks.synthetic_vectors import VectorSynthesizer
from search.embedding.embedder import Embedder, load_embedder
from search.embedding.model import DEFAULT_MODEL, ModelIdentity
from search.index.snapshot import Snapshot
from search.papers.paper import Paper

_CLUSTERS = 256
"""Clusters that vectors are drawn from, as in ``benchmarks.synthetic_vectors``."""
_BLOCK = 50_000
"""Vectors drawn per step."""
_SEED = 20_261
_NUMBER = re.compile(r"Study g(\d+)\.$")
"""Matches the end of a text: its number."""


@dataclass(frozen=True)
class GrowthCorpus:
    """Papers in files of JSON lines, and the vectors of all.

    Attributes:
        folder: the folder of the files.
    """

    folder: Path

    def papers_file(self, rows: int) -> Path:
        """The papers that bring the corpus from the size before to ``rows``."""
        return self.folder / f"papers-{rows}.jsonl"

    def vectors(self) -> NDArray[np.float16]:
        """Returns the vectors of all papers, (rows, dim) float16, by the number at the end of their text."""
        path, dim = self.folder / "vectors.f16", DEFAULT_MODEL.identity().dim
        return np.memmap(path, np.float16, "r", shape=(path.stat().st_size // (2 * dim), dim))

    @classmethod
    def write(cls, source: Snapshot, folder: Path, sizes: Sequence[int]) -> "GrowthCorpus":
        """Writes the papers of each size that the one before does not have, and the vectors of the largest size."""
        corpus = cls(folder)
        folder.mkdir(parents=True, exist_ok=True)
        mixer = _Mixer(source)
        order = np.random.default_rng(_SEED)
        live = len(mixer.papers)
        bases = np.concatenate([order.permutation(live) for _ in range(-(-max(sizes) // live))])[: max(sizes)]
        for before, rows in zip((0, *sizes), sizes, strict=False):
            with corpus.papers_file(rows).open("w", encoding="utf-8") as file:
                for number in range(before, rows):
                    is_real = number < live
                    file.write(mixer.as_line(number, int(bases[number]), is_real=is_real) + "\n")
        real = source.vectors.get_vectors(source.live.ids)
        means = faiss.Kmeans(real.shape[1], _CLUSTERS, niter=20, seed=_SEED, max_points_per_centroid=1_000)
        means.train(real)
        synthesizer = VectorSynthesizer(real, means.centroids)
        with (folder / "vectors.f16").open("wb") as vectors:
            vectors.write(real[bases[:live]].astype(np.float16).tobytes())
            for start in range(live, len(bases), _BLOCK):
                vectors.write(synthesizer.draw(order, bases[start : start + _BLOCK]).tobytes())
        return corpus


class _Mixer:
    """Makes papers of parts of real ones."""

    def __init__(self, source: Snapshot) -> None:
        self.papers: list[Paper] = source.store.get(source.live.ids.tolist())
        self._random = random.Random(_SEED)
        self._by_category = defaultdict[str, list[int]](list)
        for position, paper in enumerate(self.papers):
            self._by_category[paper.categories[0] if paper.categories else ""].append(position)

    def as_line(self, number: int, base: int, *, is_real: bool) -> str:
        """Returns a paper as a line of JSON: the base itself, or one that has most of its abstract from the base."""
        paper = self.papers[base]
        abstract = paper.abstract or ""
        fields = dict(paper.to_json())
        if not is_real:
            near = self._by_category[paper.categories[0] if paper.categories else ""]
            second, third = (self.papers[self._random.choice(near)] for _ in range(2))
            sentences = abstract.split(". ")
            others = (second.abstract or "").split(". ")
            half = (len(sentences) + 1) // 2
            abstract = ". ".join(sentences[:half] + others[len(others) // 2 :])
            title, other_title = (paper.title or "").split(), (second.title or "").split()
            fields = {
                "title": " ".join(title[: (len(title) + 1) // 2] + other_title[len(other_title) // 2 :]),
                "authors": list(third.authors),
                "categories": list(paper.categories),
                "published": third.to_json().get("published") or "2020",
            }
        fields.pop("ids", None)
        fields |= {"id": f"doi:10.5555/g{number}", "abstract": f"{abstract.rstrip('.')}. Study g{number}."}
        return json.dumps(fields, ensure_ascii=False)


class NumberedVectors:
    """An embedder that looks vectors up by the number at the end of a text, and embeds texts without one: titles.

    Attributes:
        cpu_seconds: CPU time of all calls.
    """

    def __init__(self, corpus: GrowthCorpus) -> None:
        self.cpu_seconds = 0.0
        self._corpus = corpus

    @property
    def model(self) -> ModelIdentity:
        return DEFAULT_MODEL.identity()

    @cached_property
    def _vectors(self) -> NDArray[np.float16]:
        return self._corpus.vectors()

    @cached_property
    def _embedder(self) -> Embedder:
        return load_embedder()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        start = time.thread_time()
        numbers = [int(match[1]) for match in map(_NUMBER.search, texts) if match]
        if len(numbers) < len(texts):
            vectors = self._embedder.encode(texts)
        else:
            vectors = np.asarray(self._vectors[numbers], np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        self.cpu_seconds += time.thread_time() - start
        return vectors
