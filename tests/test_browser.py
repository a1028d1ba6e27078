"""The site in a real browser: of a planted store that attacks every page, of the demo, and of real postings.

SKILLNB_SHOTS names a folder that gets a picture of every page at two widths and in two themes.
"""
import functools
import gzip
import os
import re
import threading
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from payloads import PAYLOADS
from site_store import attack

from skillnb.finish import finished
from skillnb.plot import seen

LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
REAL = pytest.param("real", marks=pytest.mark.slow)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args): pass


@pytest.fixture(scope="session")
def served():
    "Serve a folder on loopback; returns its address."
    servers = {}
    def serve(folder):
        if folder not in servers:
            servers[folder] = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
            threading.Thread(target=servers[folder].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[folder].server_port}/"
    yield serve
    for s in servers.values():
        s.shutdown()
        s.server_close()


def _folder(request):
    "The folder of a finished site, by its name."
    made = request.getfixturevalue(request.param)
    return made/"site" if request.param == "demo" else made


@pytest.fixture(scope="session", params=["demo", REAL])
def site(request): return _folder(request)


@pytest.fixture(scope="session")
def opened(browser, served):
    "Open a site in a fresh window; what goes wrong there (a console error, a dialog, a 404, a request to anybody else) is written into the list that it is given."
    def made(folder, wrong, width=1280, theme="light", **more):
        base = served(folder)
        tab = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce", **more).new_page()
        tab.on("console", lambda m: wrong.append(f"{tab.url}: {m.text}") if m.type == "error" else None)
        tab.on("pageerror", lambda e: wrong.append(f"{tab.url}: {e}"))
        tab.on("dialog", lambda d: (wrong.append(f"{tab.url}: dialog {d.message}"), d.dismiss()))
        tab.on("response", lambda r: wrong.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        tab.on("request", lambda r: wrong.append(f"{tab.url}: asks for {r.url}") if not r.url.startswith((base, "data:", "blob:")) else None)
        tab.show = lambda address: tab.goto(base + address)
        return tab
    return made


@pytest.fixture
def look(opened):
    "Open a site in a fresh window; the test fails for whatever goes wrong there."
    wrong, tabs = [], []
    def fresh(folder, *args, **more):
        tabs.append(opened(folder, wrong, *args, **more))
        return tabs[-1]
    yield fresh
    for tab in tabs: tab.context.close()
    assert wrong == []


def addresses(folder, each=None):
    "Every page, or of the pages in folders (one a skill) only the first few."
    pages = sorted(str(p.relative_to(folder).as_posix()) for p in folder.rglob("*.html"))
    return [p for p in pages if "/" not in p] + [p for p in pages if "/" in p][:each]


def drawn(page):
    "Wait until every figure is drawn."
    if page.query_selector(".sheet"): page.wait_for_selector(".sheet.drawn")


def outline(page): return [int(t[1]) for t in page.eval_on_selector_all("h1, h2, h3, h4, h5, h6", "all => all.filter(h => h.checkVisibility()).map(h => h.tagName)")]


def keep(page, name):
    "A picture for whoever wants to look."
    if not (folder := os.environ.get("SKILLNB_SHOTS")): return
    Path(folder).mkdir(parents=True, exist_ok=True)
    page.screenshot(path=Path(folder)/f"{name}.png", full_page=page.evaluate("document.documentElement.scrollHeight") < 8000)


def links(page): return page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")


# One look at every page serves the tests that follow: each page is loaded once, then made narrow and dark.

LOOKS = [(1280, "light"), (1280, "dark"), (360, "dark"), (360, "light")]   # of each page; axe sees the first and the third: both widths and both themes
TOO_WIDE = """async () => { const wide = () => document.documentElement.scrollWidth > innerWidth;   // a figure follows its window a moment later
  for (let i = 0; i < 60 && wide(); i++) await new Promise(done => setTimeout(done, 50)); return wide(); }"""
BOXES = """() => [...document.querySelectorAll('.box')].filter(b => b.scrollWidth > b.clientWidth + 1).map(b => b.innerText.slice(0, 60))"""


def faults(page, width, axe):
    "What is wrong with a page as it stands: too wide, hidden parts that show, headings out of order, a violation of WCAG 2.2 AA that axe knows of."
    levels = outline(page)
    if page.evaluate(TOO_WIDE): yield "wider than the window"
    if width == 360: yield from (("scrolls in its box", b) for b in page.evaluate(BOXES))
    yield from (("hidden, yet seen", e) for e in page.evaluate("[...document.querySelectorAll('[hidden]')].filter(e => e.checkVisibility()).map(e => e.outerHTML.slice(0, 80))"))
    if levels.count(1) != 1 or any(b > a + 1 for a, b in zip([0, *levels], levels)): yield "headings", levels
    if not axe: return
    found = axe.run(page, options={"runOnly": {"type": "tag", "values": LEVELS}, "resultTypes": ["violations"]}).response["violations"]
    yield from ((v["id"], v["nodes"][0]["html"][:200], v["nodes"][0].get("failureSummary", "")[:200], len(v["nodes"])) for v in found)


@pytest.fixture(scope="session", params=["planted", "demo", REAL])
def seen_whole(request, opened, served):
    "Every page of a site, and some skills: their faults, links and named parts, and the scripts they load."
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    folder, wrong, loaded = _folder(request), [], set()
    found = SimpleNamespace(folder=folder, base=served(folder), wrong=wrong, links={}, parts={}, scripts={}, figures={}, bytes={})
    page = opened(folder, wrong)
    page.on("response", lambda r: loaded.add(r.url))
    for address in addresses(folder, 4):
        loaded.clear()
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1280, "height": 900})
        page.show(address)
        drawn(page)
        page.wait_for_load_state("networkidle")
        found.bytes[address] = sum(len(gzip.compress((folder/u.removeprefix(found.base).split("?")[0]).read_bytes())) for u in loaded)
        found.scripts[address], found.figures[address] = [u.rsplit("/", 1)[1] for u in loaded], bool(page.query_selector(".sheet"))
        found.links[address], found.parts[address] = links(page), set(page.eval_on_selector_all("[id]", "all => all.map(x => x.id)"))
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        for width, theme in LOOKS:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=theme)
            keep(page, f"{request.param}-{address.replace('/', '-').removesuffix('.html')}-{width}-{theme}")
            wrong += [(address, width, theme, f) for f in faults(page, width, axe if (width == 1280) == (theme == "light") else None)]
    page.context.close()
    return found


def test_every_page_is_sound(seen_whole):
    "No error, no sideways scrolling, headings in order, and no violation of WCAG 2.2 AA that axe knows of."
    assert seen_whole.wrong == []


def test_every_link_leads_somewhere(seen_whole):
    "From page to page without a 404, and to the parts of pages that are named."
    there = seen_whole.parts
    parts = {l.removeprefix(seen_whole.base) for of in seen_whole.links.values() for l in of if l.startswith(seen_whole.base)}
    assert {p for p in parts if not (seen_whole.folder/p.split("#")[0].split("?")[0]).is_file()} - {""} == set()
    assert {p for p in parts if "#" in p and p.split("#")[0] in there and "=" not in p and p.split("#")[1] and p.split("#")[1] not in there[p.split("#")[0]]} == set()


def test_home_is_light_and_the_map_is_loaded_only_where_it_stands(seen_whole):
    assert 0 < seen_whole.bytes["index.html"] < 300_000
    assert {a for a, names in seen_whole.scripts.items() if "map.js" in names} == {a for a, figure in seen_whole.figures.items() if figure}


def test_navigation_reaches_every_page_on_a_phone_by_keyboard(look, site):
    page = look(site, 390)
    page.show("index.html")
    names = page.eval_on_selector_all(".nav-link", "all => all.map(a => a.getAttribute('href'))")[:-3]
    assert not page.locator(".navbar-nav").is_visible() and "trends.html" in names
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.tagName") == "MAIN"
    page.focus(".navbar-toggler")
    page.keyboard.press("Enter")
    assert page.locator(".navbar-nav").is_visible() and page.get_attribute(".navbar-toggler", "aria-expanded") == "true"
    page.keyboard.press("Escape")
    assert not page.locator(".navbar-nav").is_visible() and page.evaluate("document.activeElement.className") == "navbar-toggler"
    page.keyboard.press("Enter")
    page.focus('.navbar-nav a[href="trends.html"]')
    page.keyboard.press("Enter")
    page.wait_for_url("**/trends.html")
    assert page.get_attribute('.navbar-nav a[href="trends.html"]', "aria-current") == "page"


CONTROLS = """() => { const all = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')].filter(e => !e.disabled && e.checkVisibility({ visibilityProperty: true }) && e.tabIndex >= 0);
  const radios = new Set(); return all.filter(e => e.type !== 'radio' || (e.checked || ![...document.getElementsByName(e.name)].some(r => r.checked)) && !radios.has(e.name) && radios.add(e.name)).map((e, i) => { e.dataset.stop = i; return i; }).length; }"""
FEW = """() => { for (const many of document.querySelectorAll('tbody, .options, ol, .halves')) [...many.children].slice(4).forEach(e => e.remove());   // what follows has the same controls once more
  window.stops = []; document.addEventListener('focusin', ({ target: e }) => { const s = getComputedStyle(e); stops.push([e.dataset.stop ?? -1, s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0 || s.boxShadow !== 'none']); }); }"""


def test_the_keyboard_reaches_every_control_and_shows_where_it_is(look, planted):
    page = look(planted)
    for address in addresses(planted, 1):
        page.show(address)
        drawn(page)
        page.evaluate(FEW)
        n = page.evaluate(CONTROLS)
        for _ in range(n + 3): page.keyboard.press("Tab")
        stops = {int(stop): shown for stop, shown in page.evaluate("stops")}
        missed = [k for k in range(n) if not stops.get(k)]
        assert missed == [], (address, page.eval_on_selector(f'[data-stop="{missed[0]}"]', "e => e.outerHTML.slice(0, 200)"))


def test_search_finds_a_skill_and_its_sentences(look, site):
    page = look(site)
    page.show("index.html")
    page.fill(".search input", "python")
    page.keyboard.press("Enter")
    page.wait_for_selector("#results a")
    assert "search.html?q=python" in page.url
    assert "python" in page.inner_text("#results li >> nth=0").lower()
    page.click("#results a >> nth=0")
    assert "python" in page.inner_text("main").lower()
    page.show("search.html?q=жжжжж")
    page.wait_for_selector("#said:not(:empty)")
    assert page.inner_text("#said") == "No page has these words"


def test_a_number_leads_to_the_sentences_behind_it(look, site):
    page = look(site)
    page.show("index.html")
    page.click("main .rows tbody a >> nth=0")
    page.wait_for_selector("blockquote mark")
    assert page.locator("blockquote").count() <= 12
    for link in page.query_selector_all(".evidence a"):
        assert re.match(r"https?://", link.get_attribute("href")) and "noopener" in link.get_attribute("rel")


def test_the_theme_follows_the_system_until_it_is_chosen(look, planted):
    def paper(): return page.evaluate("getComputedStyle(document.body).backgroundColor")
    page = look(planted, theme="dark")
    page.show("index.html")
    dark = paper()
    page.click(".quarto-color-scheme-toggle")
    light = paper()
    assert light != dark
    page.show("trends.html")
    assert paper() == light
    other = look(planted, theme="light")
    other.show("index.html")
    assert other.evaluate("getComputedStyle(document.body).backgroundColor") == light


def test_the_policy_stops_what_is_not_ours(browser, served, planted):
    page, asked = browser.new_page(), []
    page.on("requestfailed", lambda r: asked.append((r.url, r.failure)))
    page.on("requestfinished", lambda r: asked.append((r.url, "went out")))
    for address in ("index.html", "search.html"):
        page.goto(served(planted) + address)
        asked.clear()
        assert page.evaluate("""async () => {
            const said = [], tag = document.createElement('script');
            tag.textContent = 'window.ran = true'; document.body.append(tag); said.push(!!window.ran);
            document.body.insertAdjacentHTML('beforeend', '<img src="https://evil.test/p.png" onerror="window.ran = true"><iframe src="https://evil.test/"></iframe>');
            try { await fetch('https://evil.test/'); said.push(true); } catch { said.push(false); }
            await new Promise(done => setTimeout(done, 200)); said.push(!!window.ran);
            try { new Function('return 1')(); said.push(true); } catch { said.push(false); }    // only now: the test's own first lines are exempt
            return said; }""") == [False] * 4
        assert {how for url, how in asked if "evil" in url} <= {"csp"}   # refused before anything was sent
    page.close()


def test_a_renderers_own_scripts_run_and_a_planted_one_does_not(browser, served, tmp_path):
    "Quarto writes scripts and a handler around the content; the policy knows them by their hashes."
    page = browser.new_page()
    (tmp_path/"index.html").write_text(finished("""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A</title><script>window.ran = ["head"]</script></head><body>
        <a href="#" id="dark" onclick="window.ran.push(&quot;handler&quot;); return false;">Dark</a><main class="content"><script>window.ran.push("planted")</script>
        <b id="bold" onclick="window.ran.push('planted')">Bold</b></main><script type="module">window.ran.push("foot")</script></body></html>""", "index.html"), encoding="utf-8")
    page.goto(served(tmp_path) + "index.html")
    page.click("#dark")
    page.click("#bold")
    assert page.evaluate("window.ran") == ["head", "foot", "handler"]
    page.close()


def test_without_a_script_everything_stands_there(look, planted):
    page = look(planted, 390, java_script_enabled=False)
    for address in addresses(planted, 1):
        page.show(address)
        assert page.locator(".navbar-nav").is_visible() and page.inner_text("h1").strip()
    page.show("index.html")
    assert page.locator("main table").count() >= 1 and not page.locator(".navbar-toggler").is_visible()


def test_a_site_opens_from_a_folder(browser, planted):
    page, wrong = browser.new_page(), []
    page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    for address in ("index.html", "trends.html", "map.html", "next.html", *addresses(planted, 1)[-1:]):
        page.goto((planted/address).as_uri())
        drawn(page)
        assert page.evaluate("getComputedStyle(document.querySelector('h1')).fontFamily").startswith('"Iowan')
    page.goto((planted/"search.html").as_uri())
    assert "python -m http.server" in page.inner_text("#said")
    page.close()
    assert wrong == []


def test_on_paper_there_is_no_navigation(look, planted):
    page = look(planted, theme="dark")
    page.show("index.html")
    page.emulate_media(media="print")
    assert not page.locator("#quarto-header").is_visible() and page.locator("main table >> nth=0").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


# What strangers wrote.

def words(text): return re.sub(r"\s+", " ", seen(text)).strip()


INTRUDERS = """() => [...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => a.name.startsWith('on') || /^\\s*(javascript|vbscript|data:text)/i.test(a.value) && ['href', 'src', 'action', 'data'].includes(a.name))
  || ['IFRAME', 'OBJECT', 'EMBED', 'BASE', 'VIDEO', 'MATH', 'PLAINTEXT', 'TEMPLATE'].includes(e.tagName) || e.closest('main') && ['STYLE', 'LINK', 'META', 'IMG'].includes(e.tagName) && !(e.src || '').startsWith('blob:')
  || e.tagName === 'SCRIPT' && e.closest('main') && e.type !== 'application/json' && !e.src.includes('/assets/')).map(e => e.outerHTML.slice(0, 120))"""


def test_planted_text_is_text_on_every_page(look, planted):
    "No element, no handler and no address came from a posting, no page is wider than the window, and a skill's page says its name, whatever that is."
    page, wrong, told, shown = look(planted, 360), [], "", 0
    names = {f"skill/{attack(k)}.html": p for k, p in enumerate(PAYLOADS)}
    for address in addresses(planted):
        page.show(address)
        drawn(page)
        wrong += [(address, i) for i in page.evaluate(INTRUDERS)]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"): wrong.append((address, "wider than the window"))
        if page.evaluate("getComputedStyle(document.body).display") == "none" or page.query_selector("h1").inner_text() == "loud": wrong.append((address, "rewritten"))
        told += words(page.evaluate("document.body.textContent"))
        if not (name := names.get(address)): continue
        marks, shown = page.locator("blockquote mark"), shown + 1
        if words(page.inner_text("h1"))[:60] != words(name)[:60].strip() or marks.count() and words(name)[:40] not in words(marks.first.text_content()): wrong.append((address, "another name"))
    assert wrong == [] and shown >= 40
    assert [p for p in PAYLOADS if words(p)[:40] not in told] == []


def test_planted_addresses_are_followed_only_when_they_are_of_the_web(planted):
    class Links(HTMLParser):
        def handle_starttag(self, tag, attrs): found.update(v for k, v in attrs if k == "href" and tag == "a")
    found = set()
    for address in addresses(planted): Links().feed((planted/address).read_text(encoding="utf-8"))
    strange = {h for h in found if re.match(r"\s*[a-z]+:", h, re.I) and not re.match(r"https?://", h)} | {h for h in found if h.startswith("//")}
    assert strange == set() and any(h.startswith("https://example.org/") for h in found)


def test_planted_words_are_found_and_shown_as_text(look, planted):
    page = look(planted)
    page.show("search.html?q=alert")
    page.wait_for_selector("#results li")
    assert not page.evaluate("document.querySelectorAll('#results script, #results img, #results b').length")
