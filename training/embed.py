r"""Embeds all papers and queries with a trained encoder; the vectors are the target of a student.

    python -m training.embed --arrays arrays/ --model teacher/ --dim 384 --align MiniLM/ --out teacher.npz
    python -m training.embed --arrays arrays/ --model direct/ --out direct.npz

With ``--dim``, vectors are cut to fewer components: projected to the leading right singular vectors of the paper
vectors, without centring, so that inner products are kept as well as possible. With ``--align``, this is followed by
the rotation that brings the vectors nearest to those of another model (orthogonal Procrustes problem; Schoenemann,
Psychometrika 1966), from which a student starts. The projection becomes part of the encoder, in its folder.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.encoders import Encoder, embed, load_encoder, save_encoder
from training.texts import Texts

ALIGNED_PAPERS = 20_000
"""Papers, at regular distances, from which the rotation is computed; far more than the components."""
_GRAM_BATCH = 16_384
"""Vectors that are converted to float64 at once."""


def leading_directions(vectors: Tensor, dim: int) -> Tensor:
    """Returns the (dim, width) orthonormal rows that keep most of the energy of (n, width) vectors."""
    gram = torch.zeros(vectors.shape[1], vectors.shape[1], dtype=torch.float64, device=vectors.device)
    for start in range(0, len(vectors), _GRAM_BATCH):
        part = vectors[start : start + _GRAM_BATCH].double()
        gram += part.T @ part
    values, directions = torch.linalg.eigh(gram)
    print(f"{dim} of {len(values)} components keep {float(values[-dim:].sum() / values.sum()):.4f} of the energy")
    leading: Tensor = directions[:, -dim:].T.float()
    return leading


def rotation_to(vectors: Tensor, target: Tensor) -> Tensor:
    """Returns the orthogonal (dim, dim) matrix R that minimises the distance of ``vectors @ R`` to ``target``."""
    left, _, right = torch.linalg.svd(vectors.double().T @ target.double())
    rotation: Tensor = (left @ right).float()
    return rotation


def find_projection(vectors: Tensor, papers: Texts, dim: int, aligned: Encoder | None) -> Tensor:
    """Returns the (dim, width) projection of the vectors of all papers, rotated to those of ``aligned``."""
    projection = leading_directions(vectors, dim)
    if aligned is None:
        return projection
    sample = np.arange(0, len(papers), max(1, len(papers) // ALIGNED_PAPERS))
    reduced = vectors[torch.from_numpy(sample).to(vectors.device)].float() @ projection.T
    return rotation_to(reduced, embed(aligned, papers, sample).float()).T @ projection


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the command line and writes the vectors, and the projection of the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--arrays", type=Path, required=True, help="output of training.prepare")
    add("--model", type=Path, required=True, help="folder of the encoder; with --dim, gets the projection")
    add("--dim", type=int, help="components to keep; default: all")
    add("--align", type=Path, help="with --dim: folder of the encoder that the student starts from")
    add("--out", type=Path, required=True, help="file to write: (n, dim) float16 papers and queries")
    add("--device", default="cuda", help="default: cuda")
    options = parser.parse_args(arguments)
    device = torch.device(options.device)
    papers = Texts.load(options.arrays / "papers.npz", device)
    encoder = load_encoder(options.model).to(device)
    vectors = embed(encoder, papers)
    if options.dim and options.dim != vectors.shape[1]:
        aligned = load_encoder(options.align).to(device) if options.align else None
        projection = find_projection(vectors, papers, options.dim, aligned)
        encoder.project(projection)
        save_encoder(encoder, options.model, options.model)
        vectors = functional.normalize(vectors.float() @ projection.T, dim=1).half()
    queries = embed(encoder, Texts.load(options.arrays / "queries.npz", device))
    np.savez(options.out, papers=vectors.cpu().numpy(), queries=queries.cpu().numpy())


if __name__ == "__main__":
    main()
