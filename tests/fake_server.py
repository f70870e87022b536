"""``papers serve`` without a model: python fake_server.py INDEX, settings from the environment.

A question that says "wait 7" takes seven tenths of a second; loading takes the seconds that FAKE_LOAD says.
"""

import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]
from fake_embedder import FakeEmbedder  # noqa: E402
from search.embedding.model import ModelIdentity  # noqa: E402
from service.serving.server import run  # noqa: E402
from service.settings import Settings  # noqa: E402


class SlowEmbedder(FakeEmbedder):
    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        for text in texts:
            if told := re.search(r"wait (\d+)", text):
                time.sleep(int(told[1]) / 10)
        return super().encode(texts)


def load_slow_embedder(_model: ModelIdentity) -> SlowEmbedder:
    time.sleep(float(os.environ.get("FAKE_LOAD", "0")))
    return SlowEmbedder()


if __name__ == "__main__":
    run(Path(sys.argv[1]), Settings.from_environment(), load_slow_embedder)
