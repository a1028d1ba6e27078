"""The report site, made from a small synthetic store through the real stage, and looked at in a real browser."""
import json
import os
import re
import shutil
from html.parser import HTMLParser

import nbformat
import pytest
from site_store import ATTACK, fill

from skillnb import pages as pages_of
from skillnb.config import load
from skillnb.flow import run
from skillnb.site import SiteError, render

PAGES = ("index", "trends", "map", "skills", "model", "data")
BROWSER = next((b for b in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if b), None)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    fill(folder/"store")
    run(load("demo", (f"report.out={folder/'out'}",), root=str(folder/"store"), environ={}), "report", "report")
    return folder/"out"


class Tags(HTMLParser):
    "Every start tag of a page, and the text outside scripts."
    def __init__(self, page):
        super().__init__()
        self.tags, self.text, self.inside = [], "", ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, tag): self.inside = ""

    def handle_data(self, data): self.text += data if self.inside != "script" else ""


@pytest.fixture(scope="module")
def pages(site): return {p: Tags((site/f"{p}.html").read_text(encoding="utf-8")) for p in PAGES}


def test_six_pages_with_banner_footer_and_navigation(pages):
    for name, page in pages.items():
        assert "these postings are fictional" in page.text
        assert "n = 198 distinct postings" in page.text and "Profile demo · tagger tiny-tagger" in page.text
        links = [a["href"] for t, a in page.tags if t == "a" and "nav-link" in a.get("class", "")]
        assert links == [f"{p}.html" for p in PAGES], name


def test_every_link_leads_somewhere(site, pages):
    for page in pages.values():
        for tag, a in page.tags:
            target = a.get("href") or a.get("src") or ""
            if not target or target.startswith(("https://example.org/", "#", "data:")): continue
            assert "://" not in target and (site/target.split("#")[0]).is_file(), target


def test_nothing_is_asked_of_another_host(site, pages):
    for page in pages.values():
        loads = [a.get("src") or a.get("href") for t, a in page.tags if t in ("script", "link", "img", "iframe", "source")]
        assert not [x for x in loads if x and re.match(r"(https?:)?//", x)]
        assert any(t == "meta" and "default-src 'none'" in a.get("content", "") for t, a in page.tags)


def test_plotly_is_there_once(site):
    assert [p.name for p in site.rglob("*.js") if p.stat().st_size > 1e6] == ["plotly.min.js"]
    for page in site.rglob("*.html"): assert page.stat().st_size < 1e6


def test_outside_text_stays_text(site, pages):
    names = {t for p in pages.values() for t, _ in p.tags}
    assert "img" not in names and "b" not in {t for t, a in pages["skills"].tags if "onmouseover" in a}
    assert not [a for p in pages.values() for _, a in p.tags if any(k.startswith("on") for k in a)]
    assert ATTACK["skill"] in pages["skills"].text
    for f in (site/"evidence").glob("*.js"):
        panel = Tags(json.loads(re.fullmatch(r'skillnb\.show\("[a-z0-9-]+", (".*")\);\n', f.read_text(encoding="utf-8"))[1]))
        assert not {"script", "img", "iframe"} & {t for t, _ in panel.tags}, f.name
        assert not [a for _, a in panel.tags if any(k.startswith("on") for k in a) or a.get("href", "").startswith("javascript")]


def test_evidence_is_sampled(site):
    for f in (site/"evidence").glob("*.js"): assert f.read_text(encoding="utf-8").count("<blockquote>") <= 8
    assert len(list((site/"evidence").glob("*.js"))) == 41


def test_numbers_carry_interval_and_denominator(pages):
    assert re.search(r"\d+\u00a0% \(\d+–\d+\) *\d+ of 22 postings", pages["index"].text)
    assert "Of 41 skills compared" in pages["index"].text and "the data cannot tell" in pages["index"].text
    assert "0.812 (0.790–0.830)" in pages["model"].text and "0.520 (0.490–0.550)" in pages["model"].text
    assert "language not covered: fr" in pages["data"].text


def test_an_empty_store_says_what_to_do_next(tmp_path):
    report = pages_of.Report(tmp_path/"store", {}, tmp_path/"out")
    said = "".join(getattr(pages_of, f)(report).html for f in ("lead", "top_skills", "compare", "skill_map", "skill_list", "clusters", "scores", "training",
                                                              "coverage", "languages", "dropped", "sources", "stage_runs", "banner", "foot", "tagger_card"))
    assert "Run `skillnb trends`" in said and "Run `skillnb map`" in said and "fictional" not in said
    assert "this needs two weeks" in pages_of.movers(report)[0].html


def test_pages_that_are_not_there_are_named(tmp_path):
    with pytest.raises(SiteError, match="missing: index.ipynb"): render(tmp_path, tmp_path/"out")


def _pages(folder):
    "Six executed pages with next to nothing on them."
    folder.mkdir()
    for p in PAGES: nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_raw_cell(f"---\ntitle: {p}\n---")]), folder/f"{p}.ipynb")
    return folder


def _quarto(folder, monkeypatch, script):
    "A program called quarto, first on the PATH."
    folder.mkdir()
    (folder/"quarto").write_text("#!/bin/sh\n" + script)
    (folder/"quarto").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_quarto_renders_where_it_is_installed(tmp_path, monkeypatch):
    _quarto(tmp_path/"bin", monkeypatch, 'cd "$2" && test -f assets/site.css && mkdir _site && for p in *.ipynb; do echo "by quarto" > _site/${p%.ipynb}.html; done\n')
    assert render(_pages(tmp_path/"pages"), tmp_path/"out").read_text() == "by quarto\n"


def test_a_quarto_that_fails_is_told_and_replaced(tmp_path, monkeypatch):
    _quarto(tmp_path/"bin", monkeypatch, "echo no pandoc here >&2; exit 3\n")
    with pytest.warns(UserWarning, match="status 3.*no pandoc here"): first = render(_pages(tmp_path/"pages"), tmp_path/"out")
    assert '<h1 class="title">index</h1>' in first.read_text()
    with pytest.raises(SiteError, match="status 3"): render(tmp_path/"pages", tmp_path/"out", renderer="quarto")


# In a browser.

@pytest.fixture(scope="module")
def browser():
    sync = pytest.importorskip("playwright.sync_api", reason="no playwright: the site is not looked at in a browser")
    if not BROWSER: pytest.skip("no Chromium on this machine: the site is not looked at in a browser")
    with sync.sync_playwright() as p:
        b = p.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--enable-unsafe-swiftshader"])
        yield b
        b.close()


@pytest.fixture
def page(browser, site):
    "A page that fails the test for a console error, a dialog, or a request that is not for a file of the site."
    wrong, tab = [], browser.new_page(viewport={"width": 390, "height": 844})
    tab.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    tab.on("pageerror", lambda e: wrong.append(str(e)))
    tab.on("dialog", lambda d: (wrong.append(d.message), d.dismiss()))
    tab.on("request", lambda r: wrong.append(r.url) if not r.url.startswith((site.as_uri(), "data:", "blob:", "about:")) else None)
    tab.show = lambda name: tab.goto(f"{site.as_uri()}/{name}")
    yield tab
    tab.close()
    assert wrong == []


@pytest.mark.parametrize("name", PAGES)
def test_pages_open_without_error_and_fit_a_phone(page, name):
    page.show(f"{name}.html")
    for _ in range(8): page.mouse.wheel(0, 700)
    for figure in page.query_selector_all("[data-figure]"):
        figure.scroll_into_view_if_needed()
        figure.wait_for_selector(".main-svg")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_search_filters_and_headings_sort(page):
    page.show("skills.html")
    page.fill("#find", "learn")
    shown = page.locator("#skills tbody tr:visible th").all_inner_texts()
    assert sorted(shown) == ["deep learning", "reinforcement learning", "scikit-learn"]
    assert page.inner_text("#found") == "3 skills"
    page.click("#skills thead button >> nth=0")
    assert page.locator("#skills tbody tr:visible th").all_inner_texts() == sorted(shown)
    page.select_option("#kind", "soft")
    assert page.inner_text("#found") == "No skill matches"


def test_a_skill_has_an_address_and_its_evidence(page):
    page.show("skills.html#python")
    page.wait_for_selector("#panel[open] mark")
    assert page.inner_text("#panel-title") == "Python"
    assert set(page.locator("#panel mark").all_inner_texts()) == {"Python"} and page.locator("#panel blockquote").count() == 8
    assert page.get_attribute("#panel .evidence a", "href").startswith("https://example.org/")
    page.keyboard.press("Escape")
    page.wait_for_selector("#panel", state="hidden")
    page.click('#skills a[href="#rust"]')
    page.wait_for_selector("#panel[open] mark")
    assert page.inner_text("#panel-title") == "Rust" and page.url.endswith("#rust")


def test_hostile_posting_shows_as_text(page):
    page.show("skills.html#bold")
    page.wait_for_selector("#panel[open] mark")
    assert page.inner_text("#panel-title") == ATTACK["skill"] and page.inner_text("#panel mark") == ATTACK["skill"]
    assert ATTACK["title"] in page.inner_text("#panel .evidence") and not page.query_selector("#panel .evidence a")


def test_chosen_skills_are_compared_and_linked(page):
    page.show("trends.html#skills=rust,python")
    page.wait_for_selector(".main-svg")
    assert page.locator("#compare-table thead th").all_inner_texts()[1:] == ["Python", "Rust"]
    page.check('.options input[value="sql"]')
    page.wait_for_selector('#compare-table thead th:nth-child(4)')
    assert "sql" in page.url


def test_theme_switches(page):
    page.show("index.html")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click(".quarto-color-scheme-toggle")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
