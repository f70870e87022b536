"""Phrases: the runs of words in titles and abstracts, and how many texts of each group contain them.

All texts are divided into words at once, and runs of words are counted with numpy: a loop over the words of 2,000
papers would take several times as long.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search.language.stop_words import STOP_WORDS

_MARKS = b',;:()[]{}!?"/$=<>|'
"""Marks that end a phrase."""
_TO_BAR = bytes.maketrans(_MARKS, b"|" * len(_MARKS))
_TEXT_END = b"\x00"
_WORD = re.compile(r"(?=.*[^\W\d_])[^\W_]+(?:['’.+-][^\W_]+)*\+*")
_TRAILING = ".'’-"
_STOP_WORDS = frozenset(STOP_WORDS)
Phrase = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PhraseTuning:
    """Constants of phrases."""

    max_words: int = 4
    """Words of a phrase."""
    min_texts: int = 3
    """Texts that contain a phrase, at least."""
    min_share: float = 0.002
    """Share of the texts that contain a phrase, at least."""


PHRASE_TUNING = PhraseTuning()


class _Numbers(dict[bytes, int]):
    """Numbers words in the order of their first occurrence."""

    def __missing__(self, word: bytes) -> int:
        number = self[word] = len(self)
        return number


@dataclass(frozen=True, slots=True, eq=False)
class PhraseLevel:
    """The phrases of one length.

    Attributes:
        phrases: p phrases, each as the numbers of its words.
        at: (tokens,) int64, the phrase that begins at each token; p for none.
        texts: pairs of a text and a phrase in it, each pair once, (2, m) int64.
    """

    phrases: list[Phrase]
    at: NDArray[np.int64]
    texts: NDArray[np.int64]

    def count_by_group(self, groups: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        """Returns the number of texts of each group that contain each phrase, (count, p).

        Args:
            groups: the group of each text.
            count: number of groups.
        """
        codes = groups[self.texts[0]] * len(self.phrases) + self.texts[1]
        return np.bincount(codes, minlength=count * len(self.phrases)).reshape(count, -1)


@dataclass(frozen=True, slots=False, eq=False)
class TokenizedTexts:
    """The words of some texts.

    Attributes:
        forms: every distinct word as the texts write it.
        tokens: (tokens,) int64, the form of each token.
        keys: every distinct word in lower case and the singular; the first stands for what is no word of a phrase.
        key_of_form: (forms,) int64.
        text_of_token: (tokens,) int64.
        count: number of texts.
    """

    forms: list[str]
    tokens: NDArray[np.int64]
    keys: list[str]
    key_of_form: NDArray[np.int64]
    text_of_token: NDArray[np.int64]
    count: int

    @classmethod
    def of(cls, texts: Sequence[str]) -> Self:
        """Divides texts into words."""
        joined = " \x00 ".join(text.replace("\x00", " ") for text in texts).encode("utf-8", "replace")
        marked = joined.translate(_TO_BAR).replace(b"|", b" | ").replace(b". ", b" | ")
        words = marked.split()
        numbers = _Numbers({_TEXT_END: 0})
        tokens = np.fromiter(map(numbers.__getitem__, words), np.int64, len(words))
        forms = [word.decode("utf-8", "replace").strip(_TRAILING) for word in numbers]
        keys: dict[str, int] = {"": 0}
        key_of_form = np.zeros(len(forms), np.int64)
        for number in np.flatnonzero(np.bincount(tokens, minlength=len(forms)) > 1).tolist():
            form = forms[number]
            if len(form) > 1 and form.lower() not in _STOP_WORDS and _WORD.fullmatch(form):
                key_of_form[number] = keys.setdefault(singular(form.lower()), len(keys))
        ends = tokens == 0
        return cls(forms, tokens, list(keys), key_of_form, np.cumsum(ends) - ends, len(texts))

    @cached_property
    def head_shares(self) -> NDArray[np.float64]:
        """(keys,) share of the occurrences of each word after which a phrase ends: high for nouns."""
        keys = self.key_of_form[self.tokens]
        is_last = np.append(keys[1:] == 0, True)
        every = np.bincount(keys, minlength=len(self.keys))
        return np.bincount(keys[is_last], minlength=len(self.keys)) / np.maximum(every, 1)

    def levels(self, tuning: PhraseTuning = PHRASE_TUNING) -> list[PhraseLevel]:
        """Returns the phrases that enough texts contain, of one word first.

        A longer phrase is counted only if its parts are frequent enough (Agrawal and Srikant, "Fast algorithms for
        mining association rules", VLDB 1994).
        """
        least = max(tuning.min_texts, round(tuning.min_share * self.count))
        words = self.key_of_form[self.tokens]
        begin = np.flatnonzero(words)
        level = self._level([(key,) for key in range(len(self.keys))], begin, words[begin], least)
        levels, words = [level], np.where(level.at < len(level.phrases), words, 0)
        while level.phrases and len(levels) < tuning.max_words:
            before, size, none = levels[-1], len(levels), len(level.phrases)
            begin = np.flatnonzero((before.at[:-size] < none) & (words[size:] > 0))
            codes, which = np.unique(before.at[begin] * len(self.keys) + words[begin + size], return_inverse=True)
            firsts, lasts = np.divmod(codes, len(self.keys))
            longer = zip(firsts.tolist(), lasts.tolist(), strict=True)
            phrases = [(*before.phrases[first], last) for first, last in longer]
            level = self._level(phrases, begin, which, least)
            levels.append(level)
        return levels

    def _level(
        self, phrases: list[Phrase], begin: NDArray[np.int64], which: NDArray[np.int64], least: int
    ) -> PhraseLevel:
        """Returns those of some phrases that enough texts contain.

        Args:
            phrases: p phrases.
            begin: (m,) the tokens at which they begin.
            which: (m,) the phrase at each of them.
            least: the number of texts.
        """
        width = max(len(phrases), 1)
        pairs = np.divmod(np.unique(self.text_of_token[begin] * width + which), width)
        kept = np.flatnonzero(np.bincount(pairs[1], minlength=width) >= least)
        number = np.full(width, len(kept))
        number[kept] = np.arange(len(kept))
        at = np.full(len(self.tokens), len(kept))
        at[begin] = number[which]
        texts = np.vstack((pairs[0], number[pairs[1]]))
        return PhraseLevel([phrases[each] for each in kept.tolist()], at, texts[:, texts[1] < len(kept)])

    def spelling(self, level: PhraseLevel, number: int) -> str:
        """Returns a phrase as the texts write it: its most frequent form, each word in its usual case."""
        size = len(level.phrases[number])
        begin = np.flatnonzero(level.at == number)
        runs = self.tokens[begin[:, None] + np.arange(size)]
        spellings = Counter(tuple(self.forms[form].lower() for form in run) for run in runs.tolist())
        words = min(spellings, key=lambda spelling: (-spellings[spelling], spelling))
        return " ".join(self._usual_case(word, key) for word, key in zip(words, level.phrases[number], strict=True))

    def _usual_case(self, word: str, key: int) -> str:
        forms = [form for form in np.flatnonzero(self.key_of_form == key).tolist() if self.forms[form].lower() == word]
        return self.forms[max(forms, key=lambda form: (self._form_counts[form], self.forms[form]))]

    @cached_property
    def _form_counts(self) -> list[int]:
        counts: list[int] = np.bincount(self.tokens, minlength=len(self.forms)).tolist()
        return counts


def singular(word: str) -> str:
    """Returns an English word in lower case without its plural s."""
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is", "ics")):
        return word
    return f"{word[:-3]}y" if word.endswith("ies") and len(word) > 4 else word[:-1]
