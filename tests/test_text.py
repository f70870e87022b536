"""Text: LaTeX is decoded as each caller needs it, words are split one way, and dates and hashes accept any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.papers import identifiers
from search.papers.fingerprint import abstract_keys, are_near_duplicates, normalize_words, title_key
from search.papers.folding import fold, normalize_whitespace
from search.papers.latex import decode_accents, latex_to_text, strip_latex
from search.papers.words import join_words, split_ascii_words, split_words, truncate_words


@pytest.mark.parametrize(
    ("latex", "as_text", "as_name", "as_words"),
    [
        (r"Caf{\'e}", "Café", "Café", "cafe"),
        (r"{\L}ukasz", "Łukasz", "Łukasz", "ukasz"),
        (r"a--b~c", "a\u2013b c", "a--b~c", "a b c"),
        (r"\textit{in vitro}", "in vitro", "textitin vitro", "in vitro"),
        (r"$\alpha_{1}$-decay", r"$\alpha_{1}$-decay", r"$alpha_1$-decay", "1 decay"),
        ("plain text", "plain text", "plain text", "plain text"),
    ],
)
def test_latex_is_decoded_for_files_names_and_fingerprints(
    latex: str, as_text: str, as_name: str, as_words: str
) -> None:
    assert latex_to_text(latex) == as_text
    assert decode_accents(latex) == as_name
    assert normalize_words(latex) == as_words.split()


@given(st.text(st.sampled_from("abé_ -.'$3\n"), max_size=20))
def test_text_without_latex_is_unchanged(text: str) -> None:
    assert decode_accents(text) == strip_latex(text) == text
    assert "--" in text or "''" in text or latex_to_text(text) == text


@given(st.text(max_size=40), st.integers(0, 5))
def test_words_are_runs_of_letters_and_digits(text: str, count: int) -> None:
    assert join_words(text).split() == split_words(text)
    assert not text.isascii() or split_ascii_words(text) == split_words(text.lower())
    assert all(word.isalnum() or not word.isascii() for word in split_words(text))
    assert truncate_words(text, count).split()[:count] == text.split()[:count]


@given(st.text(st.characters(exclude_categories=()), max_size=30))
def test_any_text_with_surrogates_is_folded_hashed_and_parsed(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert normalize_whitespace(text).encode() == normalize_whitespace(normalize_whitespace(text)).encode()
    assert title_key(text) == title_key(text)
    assert abstract_keys(text)
    assert are_near_duplicates(text, text)
    assert identifiers.id_url(f"doi:{text}")
    parsed = identifiers.parse(text)
    assert parsed is None or identifiers.parse(parsed.id) is not None
