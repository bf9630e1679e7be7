"""Pages as a browser shows them: silent, without requests, accessible, printable, on a phone and in the dark."""

import re
import shutil
import subprocess
import sys

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
sync_api = pytest.importorskip("playwright.sync_api")
sync_playwright = pytest.importorskip("axe_playwright_python.sync_playwright")

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
PAGES = {
    "report": ("report", "neocloud-1k-h100"),
    "story": ("report", "colossus-1"),
    "risk": ("risk", "neocloud-1k-h100", "--trials", "200"),
    "sweep": (
        "sweep",
        "colossus-1",
        "--over",
        "lease.rate_usd_per_gpu_h=1:4:3",
        "--over",
        "lease.billed_share=0.5:1:3",
    ),
    "compare": ("compare", "colossus-1", "colossus-1@isolation"),
}
HOSTILE = """
name: evil
title: "<script>window.ran = 1</script><img src=x onerror='window.ran = 2'><svg onload='window.ran = 3'>"
pools: [{name: a, gpu: h100-sxm, count: 64}]
"""


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as driver:
        # Chromium as root, as in a container, runs without its own sandbox only.
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The page of a command, by a name of ``PAGES``; each is written once."""
    folder = tmp_path_factory.mktemp("pages")

    def write(name):
        path = folder / f"{name}.html"
        if not path.exists():
            command = [sys.executable, "-m", "colocalc", *PAGES[name], "-o", str(path)]
            subprocess.run(command, check=True, capture_output=True)
        return path

    return write


@pytest.fixture
def shown(browser, written):
    """A page shown, with what it said and asked for: ``shown("report", PHONE, "dark")``."""
    contexts = []

    def show(name, size=DESK, scheme="light", path=None):
        context = browser.new_context(viewport=size, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("dialog", lambda dialog: (page.said.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto((path or written(name)).as_uri())
        return page

    yield show
    for context in contexts:
        context.close()


@pytest.mark.parametrize(
    ("name", "scheme"), [*((name, "light") for name in PAGES), ("report", "dark"), ("sweep", "dark")]
)
def test_a_page_is_silent_asks_for_nothing_and_is_accessible(shown, name, scheme):
    page = shown(name, scheme=scheme)
    found = sync_playwright.Axe().run(page).response["violations"]

    assert page.said == []
    assert page.asked == [page.url]
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_phone_and_its_tables_scroll_by_themselves(shown, name):
    page = shown(name, PHONE)

    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.evaluate("[...document.querySelectorAll('.scroll')].some(one => one.scrollWidth > one.clientWidth)")
    assert page.evaluate("[...document.querySelectorAll('svg')].every(one => one.getBoundingClientRect().height > 40)")


def test_a_page_is_dark_where_that_is_asked_for_and_charts_with_it(shown):
    found = {}
    for scheme in ("light", "dark"):
        page = shown("report", PHONE, scheme)
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        ink = page.evaluate("getComputedStyle(document.querySelector('svg text')).fill")
        found[scheme] = (ground, ink, page.screenshot())

    assert found["light"][:2] == ("rgb(255, 255, 255)", "rgb(28, 33, 40)")
    assert found["dark"][:2] == ("rgb(20, 24, 29)", "rgb(230, 233, 237)")
    assert found["light"][2] != found["dark"][2]
    assert min(len(shot) for *_, shot in found.values()) > 20_000  # a blank page takes a tenth


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_prints_on_a4_in_ink(shown, scheme, tmp_path):
    page = shown("report", scheme=scheme)
    data = page.pdf(prefer_css_page_size=True)

    assert data.startswith(b"%PDF")
    assert 8 <= len(re.findall(rb"/Type\s*/Page\b", data)) <= 40
    assert {(round(float(wide)), round(float(high))) for wide, high in _media(data)} == {(595, 842)}
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('svg text')).fill") == "rgb(28, 33, 40)"
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"


def _media(data):
    return re.findall(rb"/MediaBox\s*\[\s*0\s+0\s+([\d.]+)\s+([\d.]+)\s*\]", data)


def test_no_table_is_wider_than_paper(shown):
    page = shown("story", {"width": 703, "height": 1000})  # 186 mm at 96 dots an inch
    page.emulate_media(media="print")

    assert page.evaluate("Math.max(...[...document.querySelectorAll('table')].map(one => one.scrollWidth))") <= 703


def test_a_page_can_be_read_by_keyboard_from_the_skip_link_on(shown):
    page = shown("report")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.url.endswith("#summary")


def test_a_fleet_full_of_scripts_runs_none_and_shows_them(shown, tmp_path):
    fleet, path = tmp_path / "evil.yaml", tmp_path / "evil.html"
    fleet.write_text(HOSTILE, encoding="utf-8")
    command = [sys.executable, "-m", "colocalc", "h100e", str(fleet), "-o", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    page = shown("evil", path=path)

    assert page.evaluate("window.ran") is None
    assert page.inner_text("h1").startswith("<script>window.ran = 1</script><img")
    assert (page.said, page.asked) == ([], [page.url])


def test_the_policy_of_a_page_holds_a_script_back(shown):
    page = shown("report")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = 1\">')")
    page.wait_for_timeout(100)

    assert page.evaluate("window.ran") is None
    assert any("Content Security Policy" in text for text in page.said)
