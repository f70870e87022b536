"""Averages the weights of encoders that were trained from the same model ("model soup").

    python -m training.average --model kept/ 0.6 --model student/ 0.4 --out small/

The mean of several trainings is often better than each of them, at the cost of one (Wortsman et al., "Model soups:
averaging weights of multiple fine-tuned models improves accuracy without increasing inference time", ICML 2022). The
weights are divided by their sum. The result is stored in float16.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.weights import Weights, read_configuration, read_weights, write_weights


def average(encoders: Sequence[Weights], shares: Sequence[float]) -> dict[str, NDArray[np.float16]]:
    """Returns the mean of the weights of encoders.

    Args:
        encoders: weights by name; the names and shapes are those of the first.
        shares: one positive number per encoder.

    Raises:
        ValueError: the architectures differ, or a share is not positive.
    """
    if min(shares) <= 0:
        raise ValueError(f"invalid shares {list(shares)}: give a positive number per model")
    shapes = [{name: weight.shape for name, weight in encoder.items()} for encoder in encoders]
    for number, other in enumerate(shapes[1:], 2):
        if other != shapes[0]:
            names = sorted(name for name, _ in shapes[0].items() ^ other.items())
            raise ValueError(
                f"model {number} differs from the first in {', '.join(names[:3])}; give equal architectures"
            )
    parts = [np.float32(share / sum(shares)) for share in shares]
    averaged = {}
    for name, weight in encoders[0].items():
        mean = np.zeros_like(weight, np.float32)
        for part, encoder in zip(parts, encoders, strict=True):
            mean += part * encoder[name]
        averaged[name] = mean.astype(np.float16)
    return averaged


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the command line and writes the averaged encoder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model",
        nargs=2,
        action="append",
        required=True,
        metavar=("FOLDER", "SHARE"),
        help="an encoder and its share; repeat it for every encoder",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    options = parser.parse_args(arguments)
    folders = [Path(folder) for folder, _ in options.model]
    try:
        averaged = average([read_weights(folder) for folder in folders], [float(share) for _, share in options.model])
    except (OSError, ValueError) as error:
        parser.error(str(error))
    write_weights(averaged, read_configuration(folders[0]), options.out)


if __name__ == "__main__":
    main()
