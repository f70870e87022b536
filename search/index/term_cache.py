"""TermCache: the term that stands for each word in the full-text index."""

from collections.abc import Callable, Sequence


class TermCache(dict[str, str | None]):
    """Terms by word, computed on first access; looking up a cached word runs no Python code."""

    def __init__(self, analyze: Callable[[str], Sequence[str]], size: int) -> None:
        super().__init__()
        self._analyze = analyze
        self._size = size

    def __missing__(self, word: str) -> str | None:
        if len(self) >= self._size:
            self.clear()
        self[word] = term = next(iter(self._analyze(word)), None)
        return term
