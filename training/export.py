"""Stores an encoder in int8, a quarter of its size, in files small enough for a Git host.

    python -m training.export --model teacher/ --out large/

A matrix ``NAME`` is stored in int8, with one scale per row in ``NAME.scale``. ``training.weights.read_weights`` reads
the folder again, and so do all scripts of ``training``.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from training.weights import quantize, read_configuration, read_weights, split_into_shards, write_shards


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the command line and writes the shards."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder of the encoder")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    options = parser.parse_args(arguments)
    shards = list(split_into_shards(quantize(read_weights(options.model))))
    write_shards(shards, read_configuration(options.model), options.out)


if __name__ == "__main__":
    main()
