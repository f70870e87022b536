"""Chinese, Japanese and Korean: words, phrases and surnames are found in text without spaces between words."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.query.filter import Filter
from search.query.query import Query
from search.searcher import Searcher
from strategies import MakeSearcher

PAPERS: dict[str, dict[str, Any]] = {
    "chinese": {
        "title": "基于深度学习的图像识别",
        "abstract": "本文提出一种图像识别方法。实验表明效果良好。",
        "authors": ["王小明", "欧阳修", "克里斯托弗·曼宁"],
    },
    "light": {"title": "激光CNN与X光片", "abstract": "医学影像", "authors": ["李 伟"]},
    "japanese": {
        "title": "画像を認識するニューラルネット",
        "abstract": "東京の道路",
        "authors": ["山田太郎", "長谷川誠", "林健太郎"],
    },
    "half-width": {"title": "ｶﾞﾗｽの強度", "authors": ["田中 実"]},
    "korean": {
        "title": "인공지능은 의료를 바꾼다",
        "abstract": "기계학습을 이용한 진단",
        "authors": ["김민수", "남궁 민"],
    },
    "english": {"title": "Image recognition", "abstract": "A survey.", "authors": ["Wang Xiaoming", "Min-su Kim"]},
}


@pytest.fixture(scope="module")
def searcher(make_searcher: MakeSearcher) -> Searcher:
    return make_searcher(list(PAPERS.values()))


def found(searcher: Searcher, box: str, **options: Any) -> set[str]:
    """Returns the keys of the papers that a query finds."""
    by_authors: dict[object, str] = {tuple(paper["authors"]): key for key, paper in PAPERS.items()}
    return {by_authors[hit.paper.authors] for hit in searcher.ask(box, limit=100, **options)}


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("图像识别", "chinese"),
        ("识别", "chinese"),
        ("习", "chinese"),
        ("深度学习", "chinese"),
        ("X光片", "light"),
        ("光", "light"),
        ("激光", "light"),
        ("CNN", "light"),
        ("画像", "japanese"),
        ("認識", "japanese"),
        ("ニューラル", "japanese"),
        ("ﾆｭｰﾗﾙ", "japanese"),
        ("ガラス", "half-width"),
        ("ｶﾞﾗｽ", "half-width"),
        ("인공지능", "korean"),
        ("의료", "korean"),
        (unicodedata.normalize("NFD", "인공지능"), "korean"),
    ],
)
def test_words_are_found_in_text_without_spaces(searcher: Searcher, word: str, key: str) -> None:
    assert found(searcher, f"ti:{word}") == {key}
    assert found(searcher, f'ti:"{word}"') == {key}
    assert found(searcher, f"all:{word}") == {key}
    assert found(searcher, f"-ti:{word}") == PAPERS.keys() - {key}
    assert key in found(searcher, word, mode="lexical")


@pytest.mark.parametrize(
    ("phrase", "key"),
    [
        ('"激光CNN"', "light"),
        ('"光CNN与X"', "light"),
        ('"CNN与X光"', "light"),
        ('abs:"机"', None),
        ('abs:"效果良好"', "chinese"),
        ('"识别图像"', None),
        ('"学习的图像"', "chinese"),
        ('"를 바꾼다"', "korean"),
        ("abs:기계학습", "korean"),
        ("ti:(画像 認識)", "japanese"),
        ("ti:图识", None),
    ],
)
def test_phrases_are_found_at_any_place(searcher: Searcher, phrase: str, key: str | None) -> None:
    assert found(searcher, phrase) == ({key} if key else set())


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("王", "chinese"),
        ("王小明", "chinese"),
        ('"王 小明"', "chinese"),
        ("欧阳", "chinese"),
        ("曼宁", "chinese"),
        ("李", "light"),
        ("李伟", "light"),
        ("山田", "japanese"),
        ("長谷川", "japanese"),
        ("林", "japanese"),
        ("田中", "half-width"),
        ("김", "korean"),
        (unicodedata.normalize("NFD", "김"), "korean"),
        ("남궁", "korean"),
        ("小明", None),
        ("민수", None),
    ],
)
def test_surnames_are_found(searcher: Searcher, name: str, key: str | None) -> None:
    assert found(searcher, f"au:{name}") == ({key} if key else set())
    authors = Filter(authors=(name.strip('"'),))
    assert searcher.search(Query(filter=authors)).total == (key is not None)


@pytest.mark.parametrize(
    ("word", "key", "marked"),
    [
        ("图像识别", "chinese", ["图像识别"]),
        ("学习", "chinese", ["学习"]),
        ("光", "light", ["光", "光"]),
        ("CNN", "light", ["CNN"]),
        ("인공지능", "korean", ["인공지능"]),
        ("image", "english", ["Image"]),
    ],
)
def test_the_characters_of_a_word_are_highlighted(searcher: Searcher, word: str, key: str, marked: list[str]) -> None:
    title = str(PAPERS[key]["title"])
    hit = next(hit for hit in searcher.ask(word, limit=10) if hit.paper.title == title)
    assert [title[span.start : span.end] for span in hit.highlights.title] == marked


runs = st.text(st.sampled_from("图像识别学习光画かなカナ가각"), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def random_titles(make_searcher: MakeSearcher) -> tuple[Searcher, list[str]]:
    letters = "图像识别学习光画かなカナ가각"
    titles = [
        f"{letters[n % 14]}{letters[n * 5 % 13]}{letters[n * 3 % 11]}{letters[n * 7 % 14]} n{n}" for n in range(60)
    ]
    return make_searcher([{"title": title} for title in titles]), titles


@given(run=runs)
def test_a_run_is_found_where_the_title_contains_it(random_titles: tuple[Searcher, list[str]], run: str) -> None:
    searcher, titles = random_titles
    expected = {title for title in titles if run in title}
    assert {hit.paper.title for hit in searcher.ask(f"ti:{run}", limit=100)} == expected
    assert {hit.paper.title for hit in searcher.ask(f'"{run}"', limit=100)} == expected


@pytest.mark.parametrize(
    "question",
    [
        "图像识别",
        "画像を認識する方法",
        "인공지능 의료",
        "нейронные сети для перевода",
        "التعلم العميق",
        "Transformer 图像识别",
        "Wie viel CO2 nehmen Moore auf?",
        "quels sont les effets du climat sur les forêts",
        "¿Cómo afecta el clima a los bosques según las mediciones?",
        "hoe werkt een neuraal netwerk voor beeldherkenning",
        "hur fungerar neurala nätverk för bildigenkänning",
        "hvad er forskellen mellem overvåget og ikke-overvåget læring",
        "jakie są metody uczenia maszynowego dla języka naturalnego",
        "jak fungují neuronové sítě pro rozpoznávání obrazu",
        "büyük dil modelleri için yeni bir yöntem",
        "các phương pháp học sâu cho xử lý ngôn ngữ tự nhiên",
    ],
)
def test_a_question_that_is_not_in_english_says_so(searcher: Searcher, question: str) -> None:
    (notice,) = searcher.ask(question).notices
    assert "not to be in English" in notice
    assert searcher.ask(f"{question} image", mode="lexical").notices == ()  # which does not use the model


KOREAN = [
    "언어모델의 평가",
    "큰 언어 모델",
    "딥 러닝 입문",
    "딥러닝과 수학",
    "할 수 학교",
    "자연어 처리 모델",
    "자연어처리모델",
]


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        (("언어모델", '"언어 모델"', "언어 모델"), {0, 1}),
        (("딥러닝", '"딥 러닝"'), {2, 3}),
        (("자연어처리모델", '"자연어 처리 모델"', '"자연어처리 모델"', '"자연어 처리모델"'), {5, 6}),
        (("수학",), {3}),
    ],
)
def test_korean_compounds_are_found_with_and_without_spaces(
    make_searcher: MakeSearcher, words: tuple[str, ...], numbers: set[int]
) -> None:
    searcher = make_searcher([{"title": title} for title in KOREAN])
    titles, others = {KOREAN[number] for number in numbers}, {"언어 모델"}
    for word in set(words) - others:
        for mode in ("lexical", "hybrid"):
            assert {hit.paper.title for hit in searcher.ask(f"ti:{word}", mode=mode)} == titles
            assert {hit.paper.title for hit in searcher.ask(f"-{word}", mode=mode)} == set(KOREAN) - titles
    for word in words:
        assert {hit.paper.title for hit in searcher.ask(word, mode="lexical")} >= titles


@pytest.mark.parametrize(
    "question",
    [
        "image recognition",
        "α-synuclein aggregation in β cells",
        "de novo assembly",
        "La Niña and El Niño",
        "Schrödinger equation on Erdős–Rényi graphs",
        "MIT DAS sensing",
        "2D van der Waals materials",
        "zero-shot v.s. few-shot learning",
        "VLM-Det and Med-SAM for detection",
        "Papers by Jan van den Berg",
        "ab initio study of in situ growth",
        "au:王",
        "",
    ],
)
def test_an_english_question_gets_no_notice(searcher: Searcher, question: str) -> None:
    assert searcher.ask(question).notices == ()
