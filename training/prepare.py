"""Prepares the training data: tokenizes papers and queries once, and writes arrays that need no tokenizer later.

    python -m training.prepare --papers papers.jsonl --texts summaries.jsonl --questions training/questions.jsonl \
        --collection scifact/ --tokenizer MODEL/tokenizer.json --out arrays/

Token IDs are those of BERT's uncased vocabulary. all-MiniLM-L6-v2 uses them as they are, all-mpnet-base-v2 with an
offset (``training.encoders.MPNET_OFFSET``), so both models read the same arrays.
"""

import argparse
import hashlib
import json
import lzma
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

MAX_PAPER_TOKENS = 256
MAX_QUERY_TOKENS = 96
KINDS = (
    "summary",
    "motivation",
    "method",
    "result",
    "keywords",
    "title",
    "abstract",
    "q1",
    "c",
    "q2",
    "q3",
)
"""Kinds of queries. The first five come from summaries, ``title`` and ``abstract`` from the paper itself; ``q1`` is a
colloquial question, ``c`` a colloquial statement of a need, ``q2`` a short search phrase, ``q3`` a finding."""
MAX_TEXTS = {"title": 60_000, "abstract": 40_000, "method": 40_000}
"""Texts of a kind that are kept, drawn at random; training draws no more of them."""
SPLITS = ("train", "valid", "test", "fusion")
"""``valid`` selects models, ``test`` is reported once, and ``fusion`` is kept for fitting what uses the vectors."""


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yields the objects of a JSON Lines file, which may be compressed with xz."""
    with lzma.open(path, "rt", encoding="utf-8") if path.suffix == ".xz" else path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def split_of(paper_id: str, source: str) -> str:
    """Returns the split of the questions of a paper, by a hash of its ID.

    Args:
        paper_id: the ID of the paper.
        source: ``dev`` for development questions (a fifth for test, a tenth for valid), ``more`` for the rest.
    """
    bucket = int(hashlib.sha256(paper_id.encode()).hexdigest(), 16) % 20
    if source == "dev":
        return "test" if bucket < 4 else "valid" if bucket < 6 else "train"
    return "fusion" if bucket < 4 else "train"


def tokenize(tokenizer: Tokenizer, texts: Iterable[str], limit: int) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """Returns the token IDs of all texts in one array, and (n + 1,) offsets."""
    tokenizer.enable_truncation(limit)
    tokenizer.no_padding()
    parts: list[NDArray[np.uint16]] = []
    batch: list[str] = []

    def flush() -> None:
        parts.extend(np.array(encoding.ids, np.uint16) for encoding in tokenizer.encode_batch_fast(batch))
        batch.clear()

    for text in texts:
        batch.append(text[:16_384])
        if len(batch) == 4_096:
            flush()
    flush()
    offsets = np.zeros(len(parts) + 1, np.int64)
    np.cumsum([len(part) for part in parts], out=offsets[1:])
    return np.concatenate(parts) if parts else np.zeros(0, np.uint16), offsets


def paper_text(paper: dict[str, Any]) -> str:
    """Returns the text that the product embeds (``search.papers.paper.Paper.text``)."""
    return ". ".join(part for part in (paper.get("title"), paper.get("abstract") or paper.get("text")) if part)


def prepare_papers(tokenizer: Tokenizer, path: Path, out: Path) -> list[dict[str, Any]]:
    """Tokenizes the papers of a collection and returns them."""
    papers = [{key: paper.get(key) for key in ("id", "title", "abstract")} for paper in read_lines(path)]
    tokens, offsets = tokenize(tokenizer, map(paper_text, papers), MAX_PAPER_TOKENS)
    np.savez(out / "papers.npz", tokens=tokens, offsets=offsets)
    (out / "ids.json").write_text(json.dumps([paper["id"] for paper in papers]))
    return papers


def prepare_queries(
    tokenizer: Tokenizer,
    papers: Sequence[dict[str, Any]],
    texts: Path,
    questions: Sequence[tuple[str, Path]],
    out: Path,
) -> None:
    """Tokenizes every query of the papers: summaries, questions, titles, and abstracts without their titles."""
    row_of = {paper["id"]: row for row, paper in enumerate(papers)}
    rows, kinds, splits, queries = [], [], [], []

    def add(row: int, kind: str, split: str, text: str) -> None:
        if text and text.strip():
            rows.append(row)
            kinds.append(KINDS.index(kind))
            splits.append(SPLITS.index(split))
            queries.append(text)

    unseen: dict[int, str] = {}  # papers of other splits; none of their texts is used for training
    for source, path in questions:
        for question in read_lines(path):
            row, split = row_of[question["id"]], split_of(question["id"], source)
            if split != "train":
                unseen[row] = split
            for kind in ("q1", "c", "q2", "q3"):
                add(row, kind, split, question.get(kind, ""))
    for text in read_lines(texts):
        if (row := row_of.get(text["id"])) is not None and row not in unseen:
            add(row, text["kind"], "train", text["text"])
    for row, paper in enumerate(papers):
        if row not in unseen:
            add(row, "title", "train", paper["title"] or "")
            add(row, "abstract", "train", paper["abstract"] or "")
    keep = _sample(np.array(kinds), np.array(splits))
    rows, kinds, splits, queries = ([each[at] for at in keep] for each in (rows, kinds, splits, queries))
    tokens, offsets = tokenize(tokenizer, queries, MAX_QUERY_TOKENS)
    np.savez(
        out / "queries.npz",
        tokens=tokens,
        offsets=offsets,
        row=np.array(rows, np.int32),
        kind=np.array(kinds, np.uint8),
        split=np.array(splits, np.uint8),
        unseen=np.array(sorted(row for row, split in unseen.items() if split == "test"), np.int32),
    )
    for split in SPLITS:
        in_split = [kind for kind, each in zip(kinds, splits, strict=True) if SPLITS[each] == split]
        print(split, {kind: in_split.count(position) for position, kind in enumerate(KINDS)})


def _sample(kinds: NDArray[np.int64], splits: NDArray[np.int64]) -> list[int]:
    """Returns the positions of the queries to keep, at most MAX_TEXTS of each kind for training."""
    kept = np.ones(len(kinds), bool)
    generator = np.random.default_rng(14)
    for kind, limit in MAX_TEXTS.items():
        found = np.flatnonzero((kinds == KINDS.index(kind)) & (splits == SPLITS.index("train")))
        kept[generator.permutation(found)[limit:]] = False
    return np.flatnonzero(kept).tolist()


def prepare_collection(tokenizer: Tokenizer, folder: Path, out: Path) -> None:
    """Tokenizes a judged collection in BEIR layout, with every qrels file."""
    corpus = next(folder.glob("corpus.jsonl*"))
    papers = list(read_lines(corpus))
    queries = list(read_lines(next(folder.glob("queries.jsonl*"))))
    arrays: dict[str, Any] = {}
    arrays["tokens"], arrays["offsets"] = tokenize(tokenizer, map(paper_text, papers), MAX_PAPER_TOKENS)
    arrays["query_tokens"], arrays["query_offsets"] = tokenize(
        tokenizer, (query["text"] for query in queries), MAX_PAPER_TOKENS
    )
    row_of = {str(paper["_id"]): row for row, paper in enumerate(papers)}
    query_of = {str(query["_id"]): row for row, query in enumerate(queries)}
    for qrels in sorted((folder / "qrels").glob("*.tsv")):
        lines = [line.split("\t") for line in qrels.read_text().splitlines()[1:]]
        arrays[f"qrels_{qrels.stem}"] = np.array(
            [
                (query_of[query], row_of[paper], int(float(grade)))
                for query, paper, grade in lines
                if query in query_of and paper in row_of
            ],
            np.int32,
        )
    np.savez(out / f"collection_{folder.name}.npz", **arrays)


def main() -> None:
    """Reads the command line and writes the arrays."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--papers", type=Path, required=True, help="JSON Lines of id, title and abstract")
    parser.add_argument("--texts", type=Path, required=True, help="JSON Lines of id, kind and text")
    parser.add_argument("--dev", type=Path, action="append", default=[], help="development questions; a fifth is kept")
    parser.add_argument("--questions", type=Path, action="append", default=[], help="more questions, for training")
    parser.add_argument("--collection", type=Path, action="append", default=[], help="folder of a judged collection")
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json of all-MiniLM-L6-v2")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer.from_file(str(options.tokenizer))
    papers = prepare_papers(tokenizer, options.papers, options.out)
    questions = [("dev", path) for path in options.dev] + [("more", path) for path in options.questions]
    prepare_queries(tokenizer, papers, options.texts, questions, options.out)
    for folder in options.collection:
        prepare_collection(tokenizer, folder, options.out)


if __name__ == "__main__":
    main()
