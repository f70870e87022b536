"""Screenshots in the documentation: taken with PAPERS_SCREENSHOTS=1, and always present and shown."""

import os
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from chromium import DESKTOP, PHONE, Visit
from page_objects import results

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "screenshots"
PAGES = {
    "start": "/",
    "results": "/?q=models for video and images",
    "selected": "/?q=models for video and images",
    "filtered": "/?q=models for video and images&author=Guorui Zhou&from=2026&to=2026",
    "paper": "/paper/arxiv:2604.24432",
    "author": "/author?name=Guorui Zhou",
    "no-close-match": "/?q=zebrafish embryo heart surgery",
    "recommend": "/recommend",
    "map": "/map?q=models",
    "trends": "/trends?q=recommendation&q=video generation&from=2023",
    "error": "/?q=attention&from=2026-02-30",
}
SCREENSHOTS = (
    "start-light-desktop.png",
    "start-dark-phone.png",
    "results-light-desktop.png",
    "results-dark-desktop.png",
    "results-light-phone.png",
    "results-dark-phone.png",
    "selected-light-desktop.png",
    "filtered-dark-desktop.png",
    "paper-light-desktop.png",
    "paper-dark-phone.png",
    "author-light-desktop.png",
    "recommend-light-desktop.png",
    "trends-light-desktop.png",
    "map-light-desktop.png",
    "no-close-match-light-desktop.png",
    "error-dark-desktop.png",
)
STARRED = ("arxiv:2604.24432", "arxiv:2602.09843")
"""Papers that others are recommended for."""
MAX_BYTES = 100_000


@pytest.mark.skipif(not os.environ.get("PAPERS_SCREENSHOTS"), reason="set PAPERS_SCREENSHOTS=1 to retake them")
@pytest.mark.parametrize("name", SCREENSHOTS)
def test_take_screenshots(visit: Callable[..., Visit], name: str) -> None:
    page_name, scheme, size = name.removesuffix(".png").rsplit("-", 2)
    phone = {"viewport": PHONE, "is_mobile": True, "has_touch": True}
    visitor = visit(color_scheme=scheme, **(phone if size == "phone" else {"viewport": DESKTOP}))
    if page_name == "recommend":
        for paper in STARRED:
            visitor.page.request.post("/star", form={"add": paper}, headers={"Sec-Fetch-Site": "same-origin"})
    page = visitor.open(PAGES[page_name], 422 if page_name == "error" else 200)
    if page_name == "selected":
        for row in range(3):
            results(page).nth(row).get_by_label("Select").check()
        page.get_by_role("form", name="Selected papers").locator("summary").click()
        page.evaluate("scrollTo(0, 0)")
    image = Image.open(BytesIO(page.screenshot())).convert("RGB")
    image.quantize(256, dither=Image.Dither.NONE).save(FOLDER / name, optimize=True)


@pytest.mark.parametrize("name", SCREENSHOTS)
def test_screenshots_exist_and_are_small(name: str) -> None:
    assert (FOLDER / name).read_bytes().startswith(b"\x89PNG")
    assert (FOLDER / name).stat().st_size < MAX_BYTES


def test_documentation_shows_every_screenshot() -> None:
    pages = (ROOT / "docs").glob("*.md")
    shown = {name for page in pages for name in re.findall(r"screenshots/([\w-]+\.png)", page.read_text("utf-8"))}
    assert shown == set(SCREENSHOTS)
    assert shown == {each.name for each in FOLDER.iterdir()}
