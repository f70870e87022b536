"""Categories: every code and name stands for what arXiv says it does, and a slip is answered with what was meant."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.errors import InvalidValue
from search.papers.categories import ARCHIVES, CATEGORIES, alias_of, codes, name_of

SAMPLE = Path(__file__).parent.parent / "data" / "sample.jsonl"
EVERY = (*ARCHIVES, *CATEGORIES)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("cs.IR", ("cs.IR",)),
        ("CS.ir", ("cs.IR",)),
        (" hep-th ", ("hep-th",)),
        ("cs", ("cs",)),
        ("cs.*", ("cs",)),
        ("Computation and Language", ("cs.CL",)),
        ("computation & language", ("cs.CL",)),
        ("Computation_and_Language", ("cs.CL",)),
        ("Computer Science", ("cs",)),
        ("Physics", ("physics",)),
        ("High Energy Physics - Theory", ("hep-th",)),
        ("high energy physics theory", ("hep-th",)),
        ("Machine Learning", ("cs.LG", "stat.ML")),
        ("cs.NA", ("cs.NA", "math.NA")),
        ("math.NA", ("math.NA", "cs.NA")),
        ("math-ph", ("math-ph", "math.MP")),
        ("math.IT", ("math.IT", "cs.IT")),
        ("stat.TH", ("stat.TH", "math.ST")),
        ("cs.SY", ("cs.SY", "eess.SY")),
        ("q-fin.EC", ("q-fin.EC", "econ.GN")),
        ("Information Theory", ("cs.IT", "math.IT")),
        ("Mathematical Physics", ("math-ph", "math.MP")),
    ],
)
def test_codes_and_names_stand_for(text: str, meant: tuple[str, ...]) -> None:
    assert codes(text) == meant


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("cs.LX", "did you mean cs.LG"),
        ("cs.CLL", "did you mean cs.CL"),
        ("csir", "did you mean cs.IR"),
        ("CL", "did you mean cs.CL"),
        ("gr-cq", "did you mean gr-qc"),
        ("hep-tx", "did you mean hep-th"),
        ("mashine learning", r"did you mean cs.LG \(Machine Learning\)"),
        ("Computation and Langage", r"did you mean cs.CL \(Computation and Language\)"),
        ("zzz", "try cs, cs.CL"),
        ("", "try cs, cs.CL"),
        ("x" * 20_000, "try cs, cs.CL"),
    ],
)
def test_a_slip_is_answered_with_the_nearest(text: str, suggestion: str) -> None:
    with pytest.raises(InvalidValue, match=suggestion) as caught:
        codes(text)
    assert caught.value.field == "category"


def test_codes_of_the_index_count_beside_those_of_arxiv() -> None:
    assert codes("NLP.x", ["nlp.X"]) == ("nlp.X",)
    with pytest.raises(InvalidValue, match=r"did you mean nlp\.X"):
        codes("nlp.Y", ["nlp.X"])


@pytest.mark.parametrize("code", EVERY)
def test_a_code_in_any_case_and_its_name_find_it(code: str) -> None:
    name = name_of(code.upper())
    assert name
    assert codes(code.swapcase())[0] == code
    assert code in codes(name)
    assert code in codes(name.upper())


def test_two_codes_of_one_category_have_one_name_or_say_that_they_are_the_same() -> None:
    pairs = [(code, other) for code in EVERY if (other := alias_of(code))]
    assert len(pairs) == 12
    for one, other in pairs:
        assert alias_of(other) == one
        assert set(codes(one)) == set(codes(other)) == {one, other}
    assert name_of("cs.XX") is None


def test_there_are_as_many_as_the_taxonomy_lists() -> None:
    assert len(ARCHIVES) == len(set(ARCHIVES)) == 20
    assert len(CATEGORIES) == len(set(CATEGORIES)) == 146
    assert {code.split(".")[0] for code in CATEGORIES} <= set(ARCHIVES)


def test_the_sample_holds_no_other() -> None:
    rows = [json.loads(line) for line in SAMPLE.read_text("utf-8").splitlines()]
    for code in {code for row in rows for code in row.get("categories", [])}:
        assert codes(code)[0] == code


def answer(text: str) -> str:
    """The codes, or what is answered where there are none."""
    try:
        return " ".join(codes(text))
    except InvalidValue as error:
        return error.allowed


@given(st.sampled_from([code for code in EVERY if len(name_of(code) or "") > 5]), st.data())
def test_a_name_that_lacks_a_letter_is_answered_with_the_name(code: str, data: st.DataObject) -> None:
    name = name_of(code) or ""
    place = data.draw(st.sampled_from([place for place in range(len(name)) if name[place].isalpha()]))
    answered = answer(name[:place] + name[place + 1 :])
    assert name in answered or code in answered


@given(st.text(max_size=60))
def test_any_text_is_codes_or_an_error(text: str) -> None:
    answered = answer(text)
    assert "did you mean" in answered or "try cs" in answered or set(answered.split()) <= set(EVERY)


def test_the_beginning_of_one_name_is_enough_and_a_letter_wrong_in_it_is_mended() -> None:
    assert codes("Computer Vision") == ("cs.CV",)
    assert codes("general relativity") == ("gr-qc",)
    with pytest.raises(InvalidValue, match=r"did you mean cs\.CV \(Computer Vision and Pattern Recognition\)"):
        codes("Computer Visoin")
    with pytest.raises(InvalidValue):
        codes("Computer")
