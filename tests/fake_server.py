"""``papers serve`` with the fake embedder: python fake_server.py INDEX, settings from the environment.

A query that contains "wait 7" takes 0.7 s. Loading the embedder takes FAKE_LOAD seconds. The index is verified again
after FAKE_SCRUB_PAUSE seconds.
A query that contains "hang" never ends. The first processes that verify the checksums kill themselves, as the kernel
does when memory runs out; the length of the file FAKE_KILLS is how many still do.
"""

import os
import re
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]
from fake_embedder import FakeEmbedder  # noqa: E402
from search.embedding.model import ModelIdentity  # noqa: E402
from search.milvus import COLLECTION_SCHEME  # noqa: E402
from service.serving import server  # noqa: E402
from service.serving.scrub import ScrubTuning  # noqa: E402
from service.settings import Settings  # noqa: E402

find_damage = server._find_damage


class SlowEmbedder(FakeEmbedder):
    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        for text in texts:
            while "hang" in text:
                time.sleep(1)
            if match := re.search(r"wait (\d+)", text):
                time.sleep(int(match[1]) / 10)
        return super().encode(texts)


def load_slow_embedder(_model: ModelIdentity) -> SlowEmbedder:
    time.sleep(float(os.environ.get("FAKE_LOAD", "0")))
    return SlowEmbedder()


def find_damage_or_die(directory: Path | str) -> str:
    kills = Path(os.environ.get("FAKE_KILLS", os.devnull))
    if left := kills.read_bytes():
        kills.write_bytes(left[1:])
        os.kill(os.getpid(), signal.SIGKILL)
    return find_damage(directory)


if __name__ == "__main__":
    server._find_damage = find_damage_or_die
    scrub_pause_s = float(os.environ.get("FAKE_SCRUB_PAUSE", "86400"))
    scrub_tuning = ScrubTuning(pause_s=scrub_pause_s, damaged_pause_s=scrub_pause_s, poll_s=0.1, restart_s=0.1)
    directory = sys.argv[1] if sys.argv[1].startswith(COLLECTION_SCHEME) else Path(sys.argv[1])
    server.run(directory, Settings.from_environment(), load_slow_embedder, scrub_tuning)
