"""Categories: codes and names resolve as in arXiv's taxonomy, and errors suggest the intended one."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from search.errors import InvalidValue
from search.papers.categories import ARCHIVES, CATEGORIES, find_category_alias, find_category_name, resolve_codes

SAMPLE = Path(__file__).parent.parent / "data" / "sample.jsonl"
ALL_CODES = (*ARCHIVES, *CATEGORIES)


@pytest.mark.parametrize(
    ("text", "codes"),
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
def test_codes_and_names_resolve(text: str, codes: tuple[str, ...]) -> None:
    assert resolve_codes(text) == codes


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
def test_a_typo_suggests_the_nearest(text: str, suggestion: str) -> None:
    with pytest.raises(InvalidValue, match=suggestion) as raised:
        resolve_codes(text)
    assert raised.value.field == "category"


def test_codes_of_the_index_are_accepted() -> None:
    assert resolve_codes("NLP.x", ["nlp.X"]) == ("nlp.X",)
    with pytest.raises(InvalidValue, match=r"did you mean nlp\.X"):
        resolve_codes("nlp.Y", ["nlp.X"])


@pytest.mark.parametrize("code", ALL_CODES)
def test_a_code_in_any_case_and_its_name_find_it(code: str) -> None:
    name = find_category_name(code.upper())
    assert name
    assert resolve_codes(code.swapcase())[0] == code
    assert code in resolve_codes(name)
    assert code in resolve_codes(name.upper())


def test_two_codes_of_one_category_are_equivalent() -> None:
    pairs = [(code, other) for code in ALL_CODES if (other := find_category_alias(code))]
    assert len(pairs) == 12
    for one, other in pairs:
        assert find_category_alias(other) == one
        assert set(resolve_codes(one)) == set(resolve_codes(other)) == {one, other}
    assert find_category_name("cs.XX") is None


def test_category_count_matches_the_taxonomy() -> None:
    assert len(ARCHIVES) == len(set(ARCHIVES)) == 20
    assert len(CATEGORIES) == len(set(CATEGORIES)) == 146
    assert {code.split(".")[0] for code in CATEGORIES} <= set(ARCHIVES)


def test_the_sample_uses_only_known_categories() -> None:
    rows = [json.loads(line) for line in SAMPLE.read_text("utf-8").splitlines()]
    for code in {code for row in rows for code in row.get("categories", [])}:
        assert resolve_codes(code)[0] == code


def resolve_or_message(text: str) -> str:
    """The codes, or the text of the error."""
    try:
        return " ".join(resolve_codes(text))
    except InvalidValue as error:
        return error.allowed


@given(st.sampled_from([code for code in ALL_CODES if len(find_category_name(code) or "") > 5]), st.data())
def test_a_missing_letter_suggests_the_name(code: str, data: st.DataObject) -> None:
    name = find_category_name(code) or ""
    place = data.draw(st.sampled_from([place for place in range(len(name)) if name[place].isalpha()]))
    result = resolve_or_message(name[:place] + name[place + 1 :])
    assert name in result or code in result


@given(st.text(max_size=60))
@example("\ud800")
def test_any_text_is_codes_or_an_error(text: str) -> None:
    result = resolve_or_message(text)
    assert "did you mean" in result or "try cs" in result or set(result.split()) <= set(ALL_CODES)


def test_a_unique_prefix_resolves_and_its_typos_are_corrected() -> None:
    assert resolve_codes("Computer Vision") == ("cs.CV",)
    assert resolve_codes("general relativity") == ("gr-qc",)
    with pytest.raises(InvalidValue, match=r"did you mean cs\.CV \(Computer Vision and Pattern Recognition\)"):
        resolve_codes("Computer Visoin")
    with pytest.raises(InvalidValue):
        resolve_codes("Computer")
