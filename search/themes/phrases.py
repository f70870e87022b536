"""Phrases: the runs of words in titles and abstracts, and how many texts of each group contain them.

All texts are divided into words at once, and runs of words are counted with numpy: a loop over the words of 2,000
papers would take several times as long.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search.language.stop_words import STOP_WORDS
from search.lazy import lazy_property

_MARKS = b',;:()[]{}!?"/$=<>|'
"""Marks that end a phrase."""
_TO_BAR = bytes.maketrans(_MARKS, b"|" * len(_MARKS))
_TEXT_END = b"\x00"
_MARK = b"|"
_WORD = re.compile(r"(?=.*[^\W\d_])[^\W_]+(?:['’.+-][^\W_]+)*\+*")
_MIN_FORMS = 2
"""Occurrences of a word as it is written from which on it may be part of a phrase."""
_LINK = "of"
"""The stop word that may join the words of a phrase, as in "theory of mind"."""
_TRAILING = ".'’-"
_STOP_WORDS = frozenset(STOP_WORDS)
Phrase = tuple[int, ...]
_BUCKETS = 1 << 20
"""Buckets by which rare pairs are left out before the others are sorted; a bucket of its own for most pairs."""


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
        begins: (p,) share of the occurrences of each phrase that do not follow another word of a phrase.
        ends: (p,) share of them that no other word of a phrase follows.
    """

    phrases: list[Phrase]
    at: NDArray[np.int64]
    texts: NDArray[np.int64]
    begins: NDArray[np.float64]
    ends: NDArray[np.float64]

    def sum_by_group(self, groups: NDArray[np.int64], weights: NDArray[np.float64], count: int) -> NDArray[np.float64]:
        """Returns the sum of the weights of the texts of each group that contain each phrase, (count, p) float64.

        Args:
            groups: the group of each text.
            weights: the weight of each text.
            count: number of groups.
        """
        codes = groups[self.texts[0]] * len(self.phrases) + self.texts[1]
        sums = np.bincount(codes, weights[self.texts[0]], minlength=count * len(self.phrases))
        return np.asarray(sums.reshape(count, -1), np.float64)


@dataclass(frozen=True, slots=False, eq=False)
class TokenizedTexts:
    """The words of some texts.

    Attributes:
        forms: every distinct word as the texts write it.
        tokens: (tokens,) int64, the form of each token.
        keys: every distinct word in lower case and the singular; the first stands for what is no word of a phrase, the
            second is "of".
        key_of_form: (forms,) int64.
        text_of_token: (tokens,) int64.
        titles: number of titles; the other texts are abstracts.
        count: number of texts.
        ends: the forms that stand for marks and for the ends of texts.
    """

    forms: list[str]
    tokens: NDArray[np.int64]
    keys: list[str]
    key_of_form: NDArray[np.int64]
    text_of_token: NDArray[np.int64]
    titles: int
    count: int
    ends: tuple[int, ...]

    @classmethod
    def of(cls, titles: Sequence[str], abstracts: Sequence[str]) -> Self:
        """Divides titles and abstracts into words."""
        joined = " \x00 ".join(text.replace("\x00", " ") for text in (*titles, *abstracts)).encode("utf-8", "replace")
        marked = joined.translate(_TO_BAR).replace(b"|", b" | ").replace(b". ", b" | ")
        words = marked.split()
        numbers = _Numbers({_TEXT_END: 0, _MARK: 1})
        tokens = np.fromiter(map(numbers.__getitem__, words), np.int64, len(words))
        forms = [word.decode("utf-8", "replace").strip(_TRAILING) for word in numbers]
        keys: dict[str, int] = {"": 0, _LINK: 1}
        key_of_form = np.zeros(len(forms), np.int64)
        for number in np.flatnonzero(np.bincount(tokens, minlength=len(forms)) >= _MIN_FORMS).tolist():
            form = forms[number]
            if form == _LINK or (len(form) > 1 and form.lower() not in _STOP_WORDS and _WORD.fullmatch(form)):
                key_of_form[number] = keys.setdefault(singular(form.lower()), len(keys))
        text_ends = tokens == 0
        texts = np.cumsum(text_ends) - text_ends
        return cls(forms, tokens, list(keys), key_of_form, texts, len(titles), len(titles) + len(abstracts), (0, 1))

    @lazy_property
    def words(self) -> NDArray[np.int64]:
        """(tokens,) int64, the key of each token; 0 for what is no word of a phrase."""
        return self.key_of_form[self.tokens]

    def levels(self, tuning: PhraseTuning = PHRASE_TUNING) -> list[PhraseLevel]:
        """Returns the phrases of two words that enough texts contain, then those of three, and so on.

        A longer phrase is counted only if its parts are frequent enough (Agrawal and Srikant, "Fast algorithms for
        mining association rules", VLDB 1994).
        """
        least = max(tuning.min_texts, round(tuning.min_share * self.count))
        count = len(self.keys)
        is_frequent = np.bincount(self.words, minlength=count) >= least
        words = np.where(is_frequent[self.words], self.words, 0)
        at, unused = np.where(words, words, count), np.empty(0)
        level = PhraseLevel([(key,) for key in range(count)], at, np.empty((2, 0), np.int64), unused, unused)
        levels: list[PhraseLevel] = []
        while level.phrases and len(levels) < tuning.max_words - 1:
            level = self._longer(level, words, len(levels) + 1, least)
            levels.append(level)
        return levels

    def _longer(self, before: PhraseLevel, words: NDArray[np.int64], size: int, least: int) -> PhraseLevel:
        """Returns the phrases of one word more that enough texts contain.

        Args:
            before: the phrases of ``size`` words.
            words: (tokens,) the key of each token, 0 where a phrase ends.
            size: words of the phrases before.
            least: the number of texts.
        """
        begin = np.flatnonzero((before.at[:-size] < len(before.phrases)) & (words[size:] > 0) & (words[:-size] != 1))
        codes = before.at[begin] * len(self.keys) + words[begin + size]
        frequent = np.bincount(codes % _BUCKETS, minlength=_BUCKETS)[codes % _BUCKETS] >= least
        begin, codes = begin[frequent], codes[frequent]
        distinct, which = np.unique(codes, return_inverse=True)
        width = max(len(distinct), 1)
        pairs = np.divmod(np.unique(self.text_of_token[begin] * width + which), width)
        kept = np.flatnonzero(np.bincount(pairs[1], minlength=width) >= least)
        number = np.full(width, len(kept))
        number[kept] = np.arange(len(kept))
        at = np.full(len(self.tokens), len(kept))
        at[begin] = number[which]
        firsts, lasts = np.divmod(distinct[kept], len(self.keys))
        phrases = [(*before.phrases[one], last) for one, last in zip(firsts.tolist(), lasts.tolist(), strict=True)]
        texts = np.vstack((pairs[0], number[pairs[1]]))
        every = np.bincount(which, minlength=width)[kept]
        follows, goes_on = np.append(0, self.words)[begin] > 1, np.append(self.words, 0)[begin + size + 1] > 1
        begins = np.bincount(which[~follows], minlength=width)[kept] / every
        ends = np.bincount(which[~goes_on], minlength=width)[kept] / every
        return PhraseLevel(phrases, at, texts[:, texts[1] < len(kept)], begins, ends)

    def spelling(self, level: PhraseLevel, number: int) -> str:
        """Returns a phrase in its most frequent form, in the case in which sentences write it.

        A noun in front of another one is in the singular, so occurrences before other words do not decide the form.
        """
        begin = np.flatnonzero(level.at == number)
        size = len(level.phrases[number])
        alone = begin[np.append(self.words, 0)[begin + size] <= 1]
        words = _most_frequent(self._written(alone if len(alone) else begin, size, str.lower))
        prose = begin[self.is_prose[begin]]
        cased = [run for run in self._written(prose, size, str) if [form.lower() for form in run] == list(words)]
        if cased:
            return " ".join(_most_frequent(cased))
        return " ".join(self._usual_case(word, key) for word, key in zip(words, level.phrases[number], strict=True))

    def _written(self, begin: NDArray[np.int64], size: int, change: Callable[[str], str]) -> list[tuple[str, ...]]:
        """Returns the words from some tokens on, each changed."""
        runs: list[list[int]] = self.tokens[begin[:, None] + np.arange(size)].tolist()
        return [tuple(change(self.forms[form]) for form in run) for run in runs]

    def _usual_case(self, word: str, key: int) -> str:
        forms = [form for form in np.flatnonzero(self.key_of_form == key).tolist() if self.forms[form].lower() == word]
        return self.forms[max(forms, key=lambda form: (self._prose_counts[form], self.forms[form]))]

    @lazy_property
    def is_prose(self) -> NDArray[np.bool_]:
        """(tokens,) whether a token is in an abstract and not the first of a sentence, so that its case is its own."""
        follows_word = np.append(False, ~np.isin(self.tokens[:-1], self.ends))
        return follows_word & (self.text_of_token >= self.titles)

    @lazy_property
    def _prose_counts(self) -> list[int]:
        counts: list[int] = np.bincount(self.tokens[self.is_prose], minlength=len(self.forms)).tolist()
        return counts


def _most_frequent(values: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    counts = Counter(values)
    return min(counts, key=lambda value: (-counts[value], value))


def singular(word: str) -> str:
    """Returns an English word in lower case without its plural s."""
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is", "ics")):
        return word
    return f"{word[:-3]}y" if word.endswith("ies") and len(word) > 4 else word[:-1]
