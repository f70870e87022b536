"""The map in a browser: keys, wheel and buttons."""

from collections.abc import Callable

from chromium import Visit, expect

MAP = "/map?q=attention in language models"


def test_keys_and_wheel_move_through_the_map(visit: Callable[..., Visit]) -> None:
    page = visit().open(MAP)
    drawing, paper = page.locator(".paper-map"), page.locator(".map-paper")
    whole = drawing.get_attribute("viewBox")
    drawing.locator("a[tabindex='0']").focus()
    first = paper.inner_text()
    assert first
    for key in ("ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    expect(paper).not_to_have_text("")
    assert drawing.locator("a[tabindex='0']").count() == 1
    page.keyboard.press("+")
    expect(drawing).not_to_have_attribute("viewBox", whole or "")
    page.keyboard.press("0")
    expect(drawing).to_have_attribute("viewBox", whole or "")
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Show the whole map").click()
    expect(drawing).to_have_attribute("viewBox", whole or "")
    drawing.hover()
    page.mouse.wheel(0, -300)
    expect(drawing).not_to_have_attribute("viewBox", whole or "")
    link = drawing.locator("a[tabindex='0']")
    target = link.get_attribute("href")
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{target}")
