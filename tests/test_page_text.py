"""Text of the page around an abstract is neither shown nor taken for a sentence of the abstract."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.language.byte_windows import Literals
from search.papers.debris import clean_text
from search.papers.page_text import MARKERS, find_page_text
from search.papers.paper import Paper
from search.ranking.highlights import split_sentences
from search.ranking.key_sentences import find_key_sentences

OWN = "Caches of keys and values grow with the length of a text. We compress the cache of a language model to a tenth."
IEEE = (
    "This work has been submitted to the IEEE for possible publication. Copyright may be transferred without notice, "
    "after which this version may no longer be accessible."
)
BEFORE = (
    "Small Caches Download PDF A. Byron, B. Zhou Published: 20 Aug 2025, Last Modified: 17 Sept 2025 Conference, "
    "Authors Revisions BibTeX CC BY 4.0 Keywords: caches, models TL;DR: We compress caches. Abstract: ",
    "Abstract: ",
    "ABSTRACT ",
    "Abstract—",
)
AFTER = (
    " Keywords: caches, large language models; inference.",
    "\nKeywords - CNN;GANs; Cryptocurrency.",
    " Index Terms-Deep learning, vision, CNN.",
    " KEYWORDS: caches. " + IEEE,
    " " + IEEE,
    " © 2024 Elsevier B.V. All rights reserved.",
    " Copyright (c) 2023 The Authors. Published by Some Press Ltd.",
    " 2020 Mathematics Subject Classification: 05C15, 68R10.",
    " Submission Number: 123",
    " Comments: 12 pages, 3 figures Subjects: Machine Learning (cs.LG) Cite as: arXiv:2401.00001",
    " △ Less",
    " Read more",
)
OWN_WORDS = (
    "Abstract visual reasoning is hard. Keywords in context are old.",
    "We extract keywords: they are few. Then we rank them by the time at which each of them was first used.",
    "Background: PDF files are read. Subjects: 24 adults took part. Results: all can read them.",
    "Keywords: a. We study how readers of abstracts read keywords, and when they do.",
    "This work is published by people who say that all rights reserved is a phrase of lawyers.",
    "(c) 2 of 3 readers saw more. Show more of it. Copyright law is old.",
)


@pytest.mark.parametrize("after", ["", *AFTER])
@pytest.mark.parametrize("before", ["", *BEFORE])
def test_page_text_is_not_shown_and_no_sentence(before: str, after: str) -> None:
    text = f"{before}{OWN}{after}"
    assert clean_text(text) == OWN
    sentences = [text[span.start : span.end] for span in split_sentences(text)]
    assert " ".join(sentences) == OWN
    (key,) = find_key_sentences(Paper(abstract=text))
    assert text[key.start : key.end].startswith("We compress")


@pytest.mark.parametrize("text", OWN_WORDS)
def test_words_of_an_abstract_stay(text: str) -> None:
    assert clean_text(text) == text


def test_the_button_of_a_page_is_no_part_of_a_title() -> None:
    assert clean_text("Small Caches Download PDF") == "Small Caches"


pieces = st.lists(st.sampled_from([*BEFORE, *AFTER, OWN, " ", "Abstract:", "a. B", "\n"]), max_size=6).map("".join)


@given(pieces | st.lists(st.sampled_from([*MARKERS, "Show ", "ï", "△", "more words "])).map("".join))
def test_markers_are_found_before_page_text_is_sought(text: str) -> None:
    found = Literals(MARKERS).may_occur(text, text.encode("ascii", "replace"))
    assert found >= any(marker in text for marker in MARKERS)
    assert found >= bool(find_page_text(text))


@pytest.mark.parametrize("text", ["", "We compress the caches of models (see below), in words.", OWN, "ï" * 9])
def test_most_texts_have_no_marker(text: str) -> None:
    assert not Literals(MARKERS).may_occur(text, text.encode("ascii", "replace"))


@given(pieces)
def test_sentences_are_in_order_and_inside_the_text(text: str) -> None:
    position = 0
    for span in split_sentences(text):
        assert position <= span.start < span.end <= len(text)
        position = span.end
