"""Embeds all papers and queries with a trained teacher, cut to fewer components, as the target of a student.

    python -m training.embed --arrays arrays/ --model teacher/ --dim 384 --align MiniLM/ --out teacher.npz

The cut is the projection to the leading right singular vectors of the paper vectors, without centring, so that inner
products are kept as well as possible. With ``--align`` it is followed by the rotation that brings the vectors nearest
to those of another model (orthogonal Procrustes problem; Schoenemann, Psychometrika 1966), from which a student starts.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from training.encoders import Texts, embed, load_encoder
from training.evaluate import evaluate
from training.train import save


def leading_directions(vectors: Tensor, dim: int) -> Tensor:
    """Returns the (dim, width) orthonormal rows that keep most of the energy of (n, width) vectors."""
    gram = torch.zeros(vectors.shape[1], vectors.shape[1], dtype=torch.float64, device=vectors.device)
    for start in range(0, len(vectors), 16_384):
        part = vectors[start : start + 16_384].double()
        gram += part.T @ part
    values, directions = torch.linalg.eigh(gram)
    print(f"{dim} of {len(values)} components keep {float(values[-dim:].sum() / values.sum()):.4f} of the energy")
    return directions[:, -dim:].T.float()


def rotation_to(vectors: Tensor, target: Tensor) -> Tensor:
    """Returns the orthogonal (dim, dim) matrix R that minimises the distance of ``vectors @ R`` to ``target``."""
    left, _, right = torch.linalg.svd(vectors.double().T @ target.double())
    return (left @ right).float()


def main() -> None:
    """Reads the command line and writes the vectors and the model with its projection."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arrays", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="folder of the teacher; gets the projection too")
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--align", type=Path, help="folder of the model that the student starts from")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    device = torch.device(options.device)
    arrays, queries = np.load(options.arrays / "papers.npz"), np.load(options.arrays / "queries.npz")
    papers = Texts(arrays["tokens"], arrays["offsets"], device)
    texts = Texts(queries["tokens"], queries["offsets"], device)
    encoder = load_encoder(options.model).to(device)
    vectors = embed(encoder, papers)
    if vectors.shape[1] != options.dim:
        projection = leading_directions(vectors, options.dim)
        if options.align:
            sample = np.arange(0, len(papers.lengths), max(1, len(papers.lengths) // 20_000))
            other = embed(load_encoder(options.align).to(device), papers, sample).float()
            reduced = vectors[torch.from_numpy(sample).to(device)].float() @ projection.T
            projection = rotation_to(reduced, other).T @ projection
        encoder.projection = nn.Linear(vectors.shape[1], options.dim, bias=False).to(device)
        encoder.projection.weight.data.copy_(projection)
        save(encoder, options.model, options.model)
        vectors = torch.nn.functional.normalize(vectors.float() @ projection.T, dim=1).half()
    results = evaluate(encoder, vectors, options.arrays, options.model)
    (options.model / "results.json").write_text(json.dumps(results, indent=1))
    print(json.dumps(results))
    encoded = embed(encoder, texts)
    np.savez(options.out, papers=vectors.cpu().numpy(), queries=encoded.cpu().numpy())


if __name__ == "__main__":
    main()
