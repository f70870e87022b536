"""Maps: similar papers are near each other, the same papers have the same map, and every interface has it."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html
from numpy.typing import NDArray

from cli_call import run, run_json
from fake_embedder import FakeEmbedder
from http_server import HttpServer
from indexer.build import index
from records import make_records, open_index, write_records
from search.maps.labels import HEIGHT_OF_SIZE, label_width, place_labels
from search.maps.paper_map import PaperMap
from search.maps.projection import project
from search.searcher import Searcher
from search.themes.themes import OTHERS
from service.app import create_app
from service.settings import Settings
from web_pages import query_pairs, read_page, text_of

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '</title><script>alert("1")</script> & \ufffe galaxy'


def draw_clusters(count: int, clusters: int = 4, dim: int = 24) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Draws unit vectors around a few centres, and the number of the centre of each."""
    random = np.random.default_rng(7)
    numbers = np.arange(count) % clusters
    points = random.normal(size=(clusters, dim))[numbers] + random.normal(scale=0.35, size=(count, dim))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32), numbers


def draw_plane(dim: int = 24) -> NDArray[np.float32]:
    return np.linalg.qr(np.random.default_rng(1).normal(size=(dim, 2)))[0].astype(np.float32)


@pytest.fixture(scope="module")
def searcher(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    """An index of 121 papers, one of which has a hostile title."""
    folder = tmp_path_factory.mktemp("maps")
    records = make_records(0, 120)
    records.append({**make_records(120, 1)[0], "title": HOSTILE})
    index([write_records(folder / "papers.jsonl", records)], folder / "index", FakeEmbedder())
    return open_index(folder / "index")


@pytest.fixture(scope="module")
def web(searcher: Searcher) -> Iterator[httpx.Client]:
    server = HttpServer(create_app(searcher, Settings()))
    yield server.client
    server.close()


def test_clusters_stay_apart_on_a_map() -> None:
    vectors, numbers = draw_clusters(240)
    places = project(vectors, np.arange(240), draw_plane())
    centres = np.stack([places[numbers == number].mean(axis=0) for number in range(4)])
    nearest = np.linalg.norm(places[:, None] - centres, axis=2).argmin(axis=1)
    assert np.mean(nearest == numbers) > 0.97


def test_a_few_more_papers_move_the_others_little() -> None:
    vectors, _ = draw_clusters(303)
    before = project(vectors[:300], np.arange(300), draw_plane())
    after = project(vectors, np.arange(303), draw_plane())[:300]
    moved = np.linalg.norm(after - before, axis=1) / np.sqrt((before**2).sum(axis=1).mean())
    assert np.median(moved) < 0.15


@settings(max_examples=15)
@given(st.integers(0, 40), st.booleans())
def test_any_number_of_papers_has_a_map(count: int, are_equal: bool) -> None:
    vectors = draw_clusters(max(count, 1))[0][:count]
    if are_equal:
        vectors[:] = vectors[:1]
    if not count:
        return
    places = project(vectors, np.arange(count), draw_plane())
    assert places.shape == (count, 2)
    assert np.isfinite(places).all()
    assert np.array_equal(places, project(vectors, np.arange(count), draw_plane()))


def test_the_map_has_the_relevant_papers_with_their_themes(searcher: Searcher) -> None:
    session = searcher.session()
    found, themes = session.map("galaxy", mode="lexical"), session.themes("galaxy", mode="lexical")
    expected = [session.snapshot.store.get([row])[0].id for row in themes.grouping.rows.tolist()]
    assert [point.id for point in found] == expected
    assert [(each.label, each.papers) for each in found.themes] == [(each.label, each.papers) for each in themes]
    assert [point.theme for point in found] == themes.grouping.numbers.tolist()
    assert all(len(found.papers_of(number)) == theme.papers for number, theme in enumerate(found.themes))
    assert all(-1 <= place <= 1 for point in found for place in (point.x, point.y))
    assert session.map("galaxy", mode="lexical").to_json() == found.to_json()


def test_the_order_of_papers_does_not_matter(searcher: Searcher) -> None:
    ids = [point.id for point in searcher.map("")]
    one, other = searcher.map_papers(ids), searcher.map_papers([*reversed(ids), "arxiv:2999.99999", "no ID"])
    assert len(one) == len(other) == 121
    assert {point.id: (point.x, point.y) for point in one} == {point.id: (point.x, point.y) for point in other}


@pytest.mark.parametrize("count", [0, 1, 2, 19])
def test_few_papers_have_a_map_without_themes(searcher: Searcher, count: int) -> None:
    found = searcher.map_papers([f"arxiv:2000.{number:05}" for number in range(count)])
    assert (len(found), len(found.themes)) == (count, 0)
    assert {point.theme for point in found} <= {None}
    assert len(list(ElementTree.fromstring(found.to_svg()).iter(f"{SVG}use"))) == count


def test_the_drawing_is_well_formed_and_links_every_paper(searcher: Searcher) -> None:
    found = searcher.map("")
    root = ElementTree.fromstring(found.to_svg())
    links = {each.get("href"): str(each.findtext(f"{SVG}title")) for each in root.iter(f"{SVG}a")}
    assert len(links) == len(found) == 121
    assert any('<script>alert("1")</script> & galaxy' in " ".join(title.split()) for title in links.values())
    assert links["https://arxiv.org/abs/2000.00007"].startswith(
        f"{found.points and searcher.paper('2000.00007').title}"
    )
    texts = [each.text for each in root.iter(f"{SVG}text")]
    assert texts == [theme.label for theme in found.themes if theme.label != OTHERS]
    box = [float(each) for each in str(root.get("viewBox")).split()]
    for use in root.iter(f"{SVG}use"):
        assert 0 <= float(str(use.get("x"))) <= box[2]
        assert 0 <= float(str(use.get("y"))) <= box[3]


def test_notebooks_show_the_drawing_and_the_themes(searcher: Searcher) -> None:
    found = searcher.map("galaxy")
    tree, other = (html.fromstring(each._repr_html_()) for each in (found, searcher.map_papers([found[0].id])))
    assert len(tree.xpath("//svg//use")) == len(found)
    assert {each.removeprefix("#") for each in tree.xpath("//use/@href")} <= set(tree.xpath("//@id"))
    assert not set(tree.xpath("//@id")) & set(other.xpath("//@id"))
    assert [text_of(row) for row in tree.xpath("//tbody/tr/td[2]")] == [theme.label for theme in found.themes]
    assert set(tree.xpath("//svg//a/@target")) == {"_blank"}
    table = found.to_dataframe()
    assert table["id"].tolist() == [point.id for point in found]
    assert table["x"].tolist() == [point.x for point in found]
    labels = [found.themes[point.theme].label for point in found if point.theme is not None]
    assert table["theme"].tolist() == labels


@given(
    st.lists(st.tuples(st.text("abc", min_size=1, max_size=30), st.floats(0, 360), st.floats(0, 280)), max_size=12),
    st.floats(8, 13),
)
def test_labels_are_within_the_map_and_do_not_cover_each_other(
    drawn: list[tuple[str, float, float]], size: float
) -> None:
    labels = [label for label, _, _ in drawn]
    points = [(x, y) for _, x, y in drawn]
    found = place_labels(labels, points, size, (360, 280), points)
    places = [(label, place) for label, place in zip(labels, found, strict=True) if place]
    assert found[:1] == [place for _, place in places[:1]]
    for at, (label, (x, y)) in enumerate(places):
        width, height = label_width(label, size), size * HEIGHT_OF_SIZE
        assert width / 2 <= x <= 360 - width / 2
        assert height / 2 <= y <= 280 - height / 2
        for other, (x2, y2) in places[:at]:
            is_beside = abs(x - x2) >= (width + label_width(other, size)) / 2 - 1e-6
            assert is_beside or abs(y - y2) >= height - 1e-6


def test_a_map_names_its_themes_for_wide_and_narrow_screens(web: httpx.Client, searcher: Searcher) -> None:
    tree = read_page(web, "/map?q=galaxy&mode=lexical", 200)
    themes = [theme.label for theme in searcher.map("galaxy", mode="lexical").themes if theme.label != OTHERS]
    for labels in ("map-labels", "map-labels small-screen"):
        assert [text_of(each) for each in tree.xpath(f'//*[@class="{labels}"]/*')] == themes
        assert tree.xpath(f'//*[@class="{labels}"]/*[not(@visibility)]')


def test_command_and_http_return_the_map(searcher: Searcher, web: httpx.Client, tmp_path: Path) -> None:
    expected: PaperMap = searcher.map("galaxy", mode="lexical")
    options = ("--index", str(searcher.snapshot.layout.directory), "-m", "lexical")
    assert run_json("map", "galaxy", *options) == {"schema_version": 1, **expected.to_json()}
    done = run("map", "galaxy", *options)
    assert all(f"{theme.papers}  {theme.label}" in done.stdout for theme in expected.themes)
    drawing = tmp_path / "map.svg"
    assert run("map", "galaxy", *options, "--svg", str(drawing)).stdout == ""
    assert drawing.read_text("utf-8") == expected.to_svg()
    params = {"q": "galaxy", "mode": "lexical"}
    assert web.get("/v1/map", params=params).json() == {"schema_version": 1, **expected.to_json()}
    response = web.get("/v1/map", params={**params, "format": "svg"})
    assert (response.headers["content-type"], response.text) == ("image/svg+xml", expected.to_svg())


def test_the_page_has_the_map_and_its_themes(web: httpx.Client, searcher: Searcher) -> None:
    found = searcher.map("galaxy", mode="lexical")
    tree = read_page(web, "/map?q=galaxy&mode=lexical&sort=newest&page=1", 200)
    assert len(tree.xpath('//*[@class="map-frame"]/*[@class="paper-map"]//a')) == len(found)
    items = tree.xpath('//*[@class="map-themes"]//details')
    labels = [text_of(item.xpath("summary/span[1]")[0]) for item in items]
    assert labels == [theme.label for theme in found.themes]
    narrowed = items[0].xpath("p/a/@href")[0]
    assert {("q", "galaxy"), ("mode", "lexical"), ("theme", labels[0])} <= query_pairs(narrowed)
    status = text_of(read_page(web, narrowed, 200).xpath('//*[@role="status"]')[0])
    assert str(found.themes[0].papers) in status
    listed = items[0].xpath("ul//a/@href")
    assert listed == [f"/paper/{point.id}" for point in found.papers_of(0)[: len(listed)]]
    for link in tree.xpath("//figcaption//a/@href"):
        assert web.get(link).status_code == 200
    assert not read_page(web, "/map", 200).xpath('//*[@class="paper-map"]')


def test_every_interface_maps_a_list(web: httpx.Client, searcher: Searcher) -> None:
    ids = [f"arxiv:2000.{number:05}" for number in range(3)]
    web.post("/v1/lists/reading", json={"ids": ids})
    href = read_page(web, "/lists/reading", 200).xpath('//a[text()="Map"]/@href')[0]
    tree = read_page(web, href, 200)
    downloads = [web.get(each) for each in tree.xpath("//figcaption//a/@href")]
    assert [each.status_code for each in downloads] == [200, 200]
    assert sorted(point["id"] for point in downloads[1].json()["points"]) == ids
    assert sorted(tree.xpath('//*[@class="paper-map"]//a/@href')) == [f"/paper/{each}" for each in ids]
    assert read_page(web, "/map?list=none", 404) is not None
    options = ("--list", "reading", "--index", str(searcher.snapshot.layout.directory))
    assert run_json("map", *options) == downloads[1].json() == web.get("/v1/lists/reading/map").json()
    assert web.get("/v1/lists/none/map").status_code == 404
    assert "--list cannot be combined" in run("map", "galaxy", *options).stderr
    assert "--list cannot be combined" in run("map", "--from", "2024", *options).stderr
