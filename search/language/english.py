"""English: whether a question is in English, the only language of the built-in models."""

import re
import unicodedata
from functools import lru_cache

from search.language.stop_words import STOP_WORDS
from search.papers.normalization import compose, normalize

NOT_ENGLISH = (
    "The question seems not to be in English, the only language that the model knows: papers are found by the words "
    "of the question, but hardly by its meaning."
)
"""Notice of the answer to a question in another language."""
_MAX_LENGTH = 2_000
"""Characters of a text that are examined; its language does not change after them."""
_WORD = re.compile(r"[^\W\d_]+")
_STOP_WORDS = frozenset(STOP_WORDS)
_FUNCTION_WORDS = {
    "German": "aber auch auf bei dem durch eine einem einen einer eines für ist kann mit nach nicht oder sich sind "
    "über und viel warum welche wenn werden wie wird zum zur",
    "French": "aux avec ces cette dans est leur les mais nous par pourquoi quelle quelles quels qui sont sur une vers",
    "Spanish": "cómo con cuál cuando cuáles del entre está las los más para pero por qué según son una",
    "Portuguese": "as com como dos entre não mais nas nos os para pela pelo qual quais são sobre uma",
    "Italian": "anche che come dai dal degli della delle gli nel nella perché più quali sono sulla una",
    "Dutch": "bij deze door een hebben het hoe kunnen maar met naar niet ook tussen uit voor waarom wat welke "
    "worden wordt zijn",
    "Swedish": "att av där efter ett från för hos hur inte kan mellan mot när och på som till vad varför vilka "
    "vilken är över",
    "Danish": "af efter eller et fra hvad hvilke hvor hvordan hvorfor ikke kan mellem når og på som til ved være",
    "Polish": "ale czy dla dlaczego jak jaka jaki jakie jako jest która które który lub między może na nad nie od "
    "oraz po pod przez przy są się za",
    "Czech": "ale bez co jak jaká jaké jaký jako je jsou které která který mezi mají na nad nebo není od po pod "
    "pro proč při se ve za ze že",
    "Turkish": "arasında arasındaki bir bu daha de değil gibi göre hangi için ile kadar mi mı nasıl ne neden nedir "
    "olan olarak üzerinde üzerine var ve veya yeni çok",
    "Vietnamese": "bằng bởi các cho có của dựa được để giữa khi không là làm một những như nào này sao theo thế trên "
    "trong tại từ và về với đến",
}
"""Frequent words of languages in Latin script that are neither English words nor parts of names, such as de, la and
van, nor abbreviations, such as med and det."""
_FOREIGN_WORDS = {language: frozenset(words.split()) for language, words in _FUNCTION_WORDS.items()}
_MIN_FOREIGN_WORDS = 2
"""Different words of one language that show that a question is in it."""
_CHARACTERS_PER_WORD = 2
"""Mean length of words in Chinese, Japanese and Korean, which are not separated."""


@lru_cache(64)
def is_english(text: str) -> bool:
    """Returns whether a question may be in English.

    It is not if at least half of its words are in another script than Latin, not counting single letters, which may be
    symbols; or if it has frequent words of another language, and more of them than of English. Words in capitals are
    acronyms. A question in Latin script without such words counts as English, since names of subjects are often equal.
    """
    words = _WORD.findall(normalize(text[:_MAX_LENGTH]))
    latin = [word for word in words if _is_latin(word)]
    others = sum(max(1, len(word) // _CHARACTERS_PER_WORD) for word in words if len(word) > 1 and not _is_latin(word))
    if others:
        return others < len(latin)
    typed = frozenset(word.lower() for word in _WORD.findall(compose(text[:_MAX_LENGTH])) if not word.isupper())
    found = max(len(typed & foreign) for foreign in _FOREIGN_WORDS.values())
    return found < _MIN_FOREIGN_WORDS or found <= len(typed & _STOP_WORDS)


def _is_latin(word: str) -> bool:
    return word.isascii() or unicodedata.name(word[0], "").startswith("LATIN")
