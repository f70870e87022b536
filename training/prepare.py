r"""Prepares the training data: tokenizes papers and queries once, and writes arrays that need no tokenizer later.

    python -m training.prepare --papers papers.jsonl --texts summaries.jsonl.xz --tokenizer MiniLM/tokenizer.json \
        --questions training/questions.jsonl.xz --collection scifact/ --out arrays/

Token IDs are those of BERT's uncased vocabulary. all-MiniLM-L6-v2 uses them as they are, all-mpnet-base-v2 with an
offset (``training.encoders.MPNET_OFFSET``), so both models read the same arrays. README.md describes the input.
"""

import argparse
import hashlib
import json
import lzma
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from training.kinds import KINDS, QUESTION_KINDS, SPLITS

MAX_PAPER_TOKENS = 256
"""Tokens of a paper, or of a query of a judged collection, that are kept: the limit of all-MiniLM-L6-v2."""
MAX_QUERY_TOKENS = 96
"""Tokens of a training query that are kept; only abstracts are often longer."""
MAX_CHARACTERS = 16_384
"""Characters of a text that are tokenized; far more than MAX_PAPER_TOKENS."""
MAX_TEXTS = {"title": 60_000, "abstract": 40_000, "method": 40_000}
"""Texts of a kind that are kept, drawn at random; training draws few of these kinds (``training.texts.MIXTURE``)."""
SEED = 14
"""Seed of that draw."""
_BATCH = 4_096
"""Texts that are tokenized at once."""

Paper = dict[str, Any]
Tokens = tuple[NDArray[np.uint16], NDArray[np.int64]]


@dataclass
class QueryList:
    """Queries in the order in which they were added: the row of the paper, kind, split and text of each."""

    rows: list[int] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    splits: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def add(self, row: int, kind: str, split: str, text: str | None) -> None:
        """Adds a query, unless its text is blank."""
        if text and text.strip():
            self.rows.append(row)
            self.kinds.append(KINDS.index(kind))
            self.splits.append(SPLITS.index(split))
            self.texts.append(text)

    def sample(self) -> "QueryList":
        """Returns the queries to keep: at most MAX_TEXTS of a kind in the training split."""
        kinds, in_train = np.array(self.kinds), np.array(self.splits) == SPLITS.index("train")
        kept = np.ones(len(kinds), bool)
        generator = np.random.default_rng(SEED)
        for kind, limit in MAX_TEXTS.items():
            found = np.flatnonzero((kinds == KINDS.index(kind)) & in_train)
            kept[generator.permutation(found)[limit:]] = False
        return QueryList(
            rows=list(compress(self.rows, kept)),
            kinds=list(compress(self.kinds, kept)),
            splits=list(compress(self.splits, kept)),
            texts=list(compress(self.texts, kept)),
        )


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yields the objects of a JSON Lines file, which may be compressed with xz."""
    with lzma.open(path, "rt", encoding="utf-8") if path.suffix == ".xz" else path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def split_of(paper_id: str, *, is_dev: bool) -> str:
    """Returns the split of the questions of a paper, by a hash of its ID.

    Args:
        paper_id: the ID of the paper.
        is_dev: development questions (a fifth for test, a tenth for valid) or others (a fifth for fusion).
    """
    bucket = int(hashlib.sha256(paper_id.encode()).hexdigest(), 16) % 20
    if is_dev:
        return "test" if bucket < 4 else "valid" if bucket < 6 else "train"
    return "fusion" if bucket < 4 else "train"


def tokenize(tokenizer: Tokenizer, texts: Iterable[str], limit: int) -> Tokens:
    """Returns the token IDs of all texts in one array, and (n + 1,) offsets."""
    tokenizer.enable_truncation(limit)
    tokenizer.no_padding()
    parts: list[NDArray[np.uint16]] = [np.zeros(0, np.uint16)]
    remaining = iter(texts)
    while batch := [text[:MAX_CHARACTERS] for text in islice(remaining, _BATCH)]:
        parts.extend(np.array(encoding.ids, np.uint16) for encoding in tokenizer.encode_batch_fast(batch))
    return np.concatenate(parts), np.cumsum([len(part) for part in parts], dtype=np.int64)


def paper_text(paper: Paper) -> str:
    """Returns the text that the product embeds (``search.papers.paper.Paper.text``)."""
    return ". ".join(part for part in (paper.get("title"), paper.get("abstract") or paper.get("text")) if part)


def prepare_papers(tokenizer: Tokenizer, path: Path, out: Path) -> list[Paper]:
    """Writes ``papers.npz`` and returns the papers."""
    papers = [{key: paper.get(key) for key in ("id", "title", "abstract")} for paper in read_lines(path)]
    tokens, offsets = tokenize(tokenizer, map(paper_text, papers), MAX_PAPER_TOKENS)
    np.savez(out / "papers.npz", tokens=tokens, offsets=offsets)
    return papers


def collect_queries(
    papers: Sequence[Paper], texts: Sequence[Path], dev: Sequence[Path], more: Sequence[Path]
) -> QueryList:
    """Returns the queries of the papers: questions, summaries, titles, and abstracts without their titles.

    Only questions of a paper outside the training split are returned, and none of its other texts. Questions and
    summaries of papers that are not in the collection are left out.

    Args:
        papers: the collection.
        texts: files of summaries.
        dev: files of development questions.
        more: files of further questions.
    """
    row_of = {paper["id"]: row for row, paper in enumerate(papers)}
    queries = QueryList()
    held_out = set()
    for path in (*dev, *more):
        for question in read_lines(path):
            if (row := row_of.get(question["id"])) is None:
                continue
            split = split_of(question["id"], is_dev=path in dev)
            if split != "train":
                held_out.add(row)
            for kind in QUESTION_KINDS:
                queries.add(row, kind, split, question.get(kind))
    for path in texts:
        for text in read_lines(path):
            if (row := row_of.get(text["id"])) is not None and row not in held_out:
                queries.add(row, text["kind"], "train", text["text"])
    for row, paper in enumerate(papers):
        if row not in held_out:
            queries.add(row, "title", "train", paper["title"])
            queries.add(row, "abstract", "train", paper["abstract"])
    return queries


def prepare_queries(tokenizer: Tokenizer, queries: QueryList, out: Path) -> None:
    """Writes ``queries.npz`` and prints the number of queries by split and kind."""
    tokens, offsets = tokenize(tokenizer, queries.texts, MAX_QUERY_TOKENS)
    rows, splits = np.array(queries.rows, np.int32), np.array(queries.splits, np.uint8)
    np.savez(
        out / "queries.npz",
        tokens=tokens,
        offsets=offsets,
        row=rows,
        kind=np.array(queries.kinds, np.uint8),
        split=splits,
        test_papers=np.unique(rows[splits == SPLITS.index("test")]),
    )
    counts = Counter(zip(queries.splits, queries.kinds, strict=True))
    for (split, kind), count in sorted(counts.items()):
        print(f"{SPLITS[split]:6} {KINDS[kind]:10} {count:7,}")


def prepare_collection(tokenizer: Tokenizer, folder: Path, out: Path) -> None:
    """Writes ``collection_NAME.npz`` of a judged collection in BEIR layout, with every qrels file."""
    papers = list(read_lines(next(folder.glob("corpus.jsonl*"))))
    queries = list(read_lines(next(folder.glob("queries.jsonl*"))))
    arrays: dict[str, NDArray[Any]] = {}
    arrays["tokens"], arrays["offsets"] = tokenize(tokenizer, map(paper_text, papers), MAX_PAPER_TOKENS)
    questions = (query["text"] for query in queries)
    arrays["query_tokens"], arrays["query_offsets"] = tokenize(tokenizer, questions, MAX_PAPER_TOKENS)
    row_of = {str(paper["_id"]): row for row, paper in enumerate(papers)}
    query_of = {str(query["_id"]): row for row, query in enumerate(queries)}
    for path in sorted((folder / "qrels").glob("*.tsv")):
        lines = [line.split("\t") for line in path.read_text("utf-8").splitlines()[1:]]
        judged = [
            (query_of[query], row_of[paper], int(float(grade)))
            for query, paper, grade in lines
            if query in query_of and paper in row_of
        ]
        arrays[f"qrels_{path.stem}"] = np.array(judged, np.int32).reshape(-1, 3)
    np.savez(out / f"collection_{folder.name}.npz", **arrays)  # type: ignore[arg-type]


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the command line and writes the arrays."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--papers", type=Path, required=True, help="JSON Lines of id, title and abstract")
    add("--texts", type=Path, action="append", default=[], help="JSON Lines of id, kind and text")
    add("--dev", type=Path, action="append", default=[], help="development questions: for test, valid and training")
    add("--questions", type=Path, action="append", default=[], help="more questions: for fusion and training")
    add("--collection", type=Path, action="append", default=[], help="folder of a judged collection in BEIR layout")
    add("--tokenizer", type=Path, required=True, help="tokenizer.json of all-MiniLM-L6-v2")
    add("--out", type=Path, required=True, help="folder to write")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer.from_file(str(options.tokenizer))
    papers = prepare_papers(tokenizer, options.papers, options.out)
    queries = collect_queries(papers, options.texts, options.dev, options.questions)
    prepare_queries(tokenizer, queries.sample(), options.out)
    for folder in options.collection:
        prepare_collection(tokenizer, folder, options.out)


if __name__ == "__main__":
    main()
