"""The page of one paper: its key sentences, where to read it, the links in its texts, and papers similar to it."""

from collections.abc import Iterator

import httpx
import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_server import HttpServer
from search.papers.paper import Paper
from search.ranking.key_sentences import find_key_sentences
from service.app import create_app
from service.settings import Settings
from service.web.reading_links import reading_links
from service.web.text_links import find_links
from strategies import MakeSearcher
from web_pages import read_page, text_of, titles

BACKGROUND = "Caches of attention grow with the length of the context. However, existing methods drop tokens. "
CONTRIBUTION = "We propose a compression of caches that keeps $k$ tokens per attention head."
ABSTRACT = (
    f"{BACKGROUND}{CONTRIBUTION} It needs no training. It runs on one graphics card. "
    "Our experiments show that compressed caches answer as well as full ones. "
    "Code is available at https://github.com/example/caches."
)


@pytest.fixture(scope="module")
def page_client(make_searcher: MakeSearcher) -> Iterator[httpx.Client]:
    others: list[dict[str, object]] = [
        {"title": f"Compression of caches {year}", "abstract": CONTRIBUTION, "published": f"{year}-01-01"}
        for year in range(2015, 2030)
    ]
    paper: dict[str, object] = {
        "title": "Small caches", "abstract": ABSTRACT, "published": "2024-06", "extra": {"comment": "osf.io/ab1cd"},
    }  # fmt: skip
    server = HttpServer(create_app(make_searcher([paper, *others]), Settings()))
    yield server.client
    server.close()


def test_the_sentences_on_the_contribution_are_marked(page_client: httpx.Client) -> None:
    (abstract,) = read_page(page_client, "/paper/arxiv:2401.00000", 200).xpath('//p[@class="prose"]')
    marked = [text_of(mark) for mark in abstract.xpath('mark[@class="key"]')]
    assert len(marked) == 2
    assert marked[0].startswith("We propose a compression")
    assert marked[1].startswith("Our experiments show")
    assert abstract.xpath("mark//math")
    assert text_of(abstract).startswith(BACKGROUND.strip())


@given(st.lists(st.sampled_from(["We propose ", "caches of attention ", "small heads. ", "However, ", "$x$ ", ". "])))
def test_key_sentences_are_parts_of_the_abstract_in_order(parts: list[str]) -> None:
    abstract = "".join(parts)
    spans = find_key_sentences(Paper(("arxiv:2401.00000",), "Small caches", abstract))
    edges = [edge for span in spans for edge in (span.start, span.end)]
    assert edges == sorted(edges)
    assert all(abstract[span.start : span.end].strip() for span in spans)


def test_links_lead_to_the_text_the_code_and_the_data(page_client: httpx.Client) -> None:
    tree = read_page(page_client, "/paper/arxiv:2401.00000", 200)
    reading = {text_of(a): a.get("href") for a in tree.xpath('//div[contains(@class, "reading")]/a')}
    assert reading == {
        "PDF": "https://arxiv.org/pdf/2401.00000",
        "HTML": "https://arxiv.org/html/2401.00000",
        "arxiv.org": "https://arxiv.org/abs/2401.00000",
    }
    hrefs = tree.xpath('//dl[@class="metadata"]//a/@href')
    assert {"https://github.com/example/caches", "https://osf.io/ab1cd"} <= set(hrefs)
    entry = page_client.get("/v1/papers/arxiv:2401.00000?format=bibtex").text
    assert tree.xpath('//pre[@id="bibtex-text"]')[0].text_content() == entry.strip()


@pytest.mark.parametrize(("referrer", "link"), [
    ("http://{host}/?q=small+caches&from=2024", ("Back to results", "/?q=small+caches&from=2024")),
    ("http://{host}/map?q=small+caches", ("Back to map", "/map?q=small+caches")),
    ("http://{host}/?q=%3Cb%3E%22%FF", ("Back to results", "/?q=%3Cb%3E%22%EF%BF%BD")),
    ("http://{host}/", None),
    ("http://{host}/lists?q=small", None),
    ("http://elsewhere.example/?q=small", None),
    ("http://[", None),
])  # fmt: skip
def test_a_paper_links_the_results_that_it_was_opened_from(
    page_client: httpx.Client, referrer: str, link: tuple[str, str] | None
) -> None:
    headers = {"Referer": referrer.format(host=page_client.base_url.netloc.decode()), "Accept": "text/html"}
    tree = lxml.html.fromstring(page_client.get("/paper/arxiv:2401.00000", headers=headers).content)
    found = [(text_of(each), each.get("href")) for each in tree.xpath("//a[@data-back]")]
    assert found == ([link] if link else [])
    assert bool(tree.xpath('//input[@id="q"]')[0].get("value")) == bool(link)


def test_later_papers_are_published_later_and_listed_once(page_client: httpx.Client) -> None:
    tree = read_page(page_client, "/paper/arxiv:2401.00000", 200)
    later = [text_of(link) for link in tree.xpath('//ol[@aria-label="Later papers"]//*[@class="title"]/a')]
    similar = titles(tree)
    assert len(similar) == 6
    assert "Small caches" not in similar
    assert later
    assert all(int(title.split()[-1]) > 2024 for title in later)
    assert set(later).isdisjoint(similar)
    assert len(set(tree.xpath("//article/@aria-labelledby"))) == len(similar) + len(later)


def test_a_paper_with_few_similar_ones_has_no_theme(page_client: httpx.Client) -> None:
    (place,) = read_page(page_client, "/paper/arxiv:2401.00000", 200).xpath('//*[@id="place"]')
    assert place.xpath("a/@href") == ["/themes?like=arxiv%3A2401.00000"]
    response = page_client.get(place.get("data-loads"))
    assert (response.status_code, response.text) == (200, "")


@pytest.mark.parametrize(
    ("paper", "expected"),
    [
        (Paper(("arxiv:2401.00001",), version=2), {"PDF": "https://arxiv.org/pdf/2401.00001v2"}),
        (Paper(("arxiv:hep-th/9901001",)), {"PDF": "https://arxiv.org/pdf/hep-th/9901001", "HTML": None}),
        (Paper(("arxiv:2311.00001",)), {"HTML": None}),
        (Paper(("acl:2022.acl-long.1",)), {"PDF": "https://aclanthology.org/2022.acl-long.1.pdf"}),
        (Paper(("doi:10.18653/v1/p19-1001",)), {"PDF": "https://aclanthology.org/P19-1001.pdf"}),
        (Paper(("doi:10.1145/3292500",)), {"PDF": None, "doi.org": "https://doi.org/10.1145/3292500"}),
        (Paper(("pmc:5334499",)), {"PDF": "https://pmc.ncbi.nlm.nih.gov/articles/PMC5334499/pdf/"}),
        (Paper(url="https://openreview.net/forum?id=aB-1"), {"PDF": "https://openreview.net/pdf?id=aB-1"}),
        (
            Paper(url="https://proceedings.mlr.press/v97/tan19a.html"),
            {"PDF": "https://proceedings.mlr.press/v97/tan19a/tan19a.pdf"},
        ),
        (
            Paper(url="https://openaccess.thecvf.com/content/CVPR2023/html/A_B_CVPR_2023_paper.html"),
            {"PDF": "https://openaccess.thecvf.com/content/CVPR2023/papers/A_B_CVPR_2023_paper.pdf"},
        ),
        (Paper(url="https://example.org/a.PDF"), {"PDF": "https://example.org/a.PDF", "example.org": None}),
        (Paper(url="javascript:alert(1)//.pdf"), {"PDF": None}),
    ],
)
def test_addresses_are_derived_from_ids_and_urls(paper: Paper, expected: dict[str, str | None]) -> None:
    found = {link.label: link.href for link in reading_links(paper)}
    assert {label: found.get(label) for label in expected} == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(see https://github.com/a/b).", [("Code", "github.com/a/b")]),
        ("at github.com/a/b, and http://www.a.org/x_(y).", [("Code", "github.com/a/b"), ("Web page", "a.org/x_(y)")]),
        (r"\url{https://gitlab.inria.fr/a\_b}", [("Code", "gitlab.inria.fr/a_b")]),
        ("https://huggingface.co/datasets/a/b and huggingface.co/a/m", [("Data", "huggingface.co/datasets/a/b"),
                                                                        ("Web page", "huggingface.co/a/m")]),
        ("https://doi.org/10.5281/zenodo.123;", [("Data", "doi.org/10.5281/zenodo.123")]),
        ("our page, a-b.github.io.", [("Web page", "a-b.github.io")]),
        ("https://github.com/a/b and https://GitHub.com/a/b/", [("Code", "github.com/a/b")]),
        ("The code is on github.com. Write to me@github.com/x or notgithub.com/x, javascript:alert(1)", []),
        ("http://[::1 http://user@evil.org/ https://localhost/x ftp://a.org", []),
    ],
)  # fmt: skip
def test_links_in_texts(text: str, expected: list[tuple[str, str]]) -> None:
    links = find_links(Paper(abstract=text))
    assert [(link.kind, link.label) for link in links] == expected
    assert all(link.href.lower().startswith(("http://", "https://")) for link in links)


@given(st.text(st.sampled_from("https://github.com/a[]().,\"'<>\\{} @:é"), max_size=60))
def test_every_link_in_any_text_is_http(text: str) -> None:
    for link in find_links(Paper(abstract=text)):
        assert link.href.lower().startswith(("http://", "https://"))
        assert not set(link.href) & set("<>\"' ")
