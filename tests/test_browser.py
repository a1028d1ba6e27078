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

import pytest
from payloads import PAYLOADS
from site_store import attack

from skillnb.finish import finished
from skillnb.plot import seen

LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SITES = ["planted", "demo", pytest.param("real", marks=pytest.mark.slow)]


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


@pytest.fixture(scope="session", params=SITES)
def site(request):
    "The folder of a finished site."
    made = request.getfixturevalue(request.param)
    return made/"site" if request.param == "demo" else made


@pytest.fixture
def look(browser, served):
    "Open a site in a fresh window; the test fails for a console error, a dialog, a 404, or a request to anybody else."
    wrong, windows = [], []
    def opened(folder, width=1280, theme="light", **more):
        base = served(folder)
        window = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce", **more)
        windows.append(window)
        tab = window.new_page()
        tab.on("console", lambda m: wrong.append(f"{tab.url}: {m.text}") if m.type == "error" else None)
        tab.on("pageerror", lambda e: wrong.append(f"{tab.url}: {e}"))
        tab.on("dialog", lambda d: (wrong.append(f"{tab.url}: dialog {d.message}"), d.dismiss()))
        tab.on("response", lambda r: wrong.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        tab.on("request", lambda r: wrong.append(f"{tab.url}: asks for {r.url}") if not r.url.startswith((base, "data:", "blob:")) else None)
        tab.show = lambda address: tab.goto(base + address)
        return tab
    yield opened
    for w in windows: w.close()
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


@pytest.mark.parametrize("width, theme", [(1280, "light"), (360, "dark"), (1280, "dark"), (360, "light")])
def test_every_page_is_sound(look, site, request, width, theme):
    "No error, no sideways scrolling, headings in order, and no violation of WCAG 2.2 AA that axe knows of."
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe() if (width == 1280) == (theme == "light") else None   # both widths and both themes, each once
    page, wrong = look(site, width, theme), []
    for address in addresses(site, 6):
        page.show(address)
        drawn(page)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"): wrong.append((address, "wider than the window"))
        levels = outline(page)
        if levels.count(1) != 1 or any(b > a + 1 for a, b in zip([0, *levels], levels)): wrong.append((address, "headings", levels))
        if axe:
            found = axe.run(page, options={"runOnly": {"type": "tag", "values": LEVELS}, "resultTypes": ["violations"]}).response["violations"]
            wrong += [(address, v["id"], v["nodes"][0]["html"][:200], v["nodes"][0].get("failureSummary", "")[:200], len(v["nodes"])) for v in found]
        keep(page, f"{request.node.callspec.params['site']}-{address.replace('/', '-').removesuffix('.html')}-{width}-{theme}")
    assert wrong == []


def links(page): return page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")


def test_every_link_leads_somewhere(look, site, served):
    "From page to page without a 404, and to the parts of pages that are named."
    page, base, there, parts = look(site), served(site), {}, set()
    for address in addresses(site, 12):
        page.show(address)
        there[address] = set(page.eval_on_selector_all("[id]", "all => all.map(x => x.id)"))
        parts |= {l.removeprefix(base) for l in links(page) if l.startswith(base)}
    missing = {p for p in parts if not (site/p.split("#")[0].split("?")[0]).is_file()} - {""}
    assert missing == set()
    assert {p for p in parts if "#" in p and p.split("#")[0] in there and "=" not in p and p.split("#")[1] and p.split("#")[1] not in there[p.split("#")[0]]} == set()


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
FOCUSED = "() => { const e = document.activeElement, s = getComputedStyle(e); return [e.dataset.stop ?? null, s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0 || s.boxShadow !== 'none']; }"


def test_the_keyboard_reaches_every_control_and_shows_where_it_is(look, planted):
    page = look(planted)
    for address in addresses(planted, 1):
        page.show(address)
        drawn(page)
        n, stops, unseen = page.evaluate(CONTROLS), set(), set()
        for _ in range(n + 3):
            page.keyboard.press("Tab")
            stop, shown = page.evaluate(FOCUSED)
            if stop is not None:
                stops.add(int(stop))
                if not shown: unseen.add(int(stop))
        missed = sorted(set(range(n)) - stops | unseen)
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


def test_the_theme_follows_the_system_until_it_is_chosen(look, site):
    def paper(): return page.evaluate("getComputedStyle(document.body).backgroundColor")
    page = look(site, theme="dark")
    page.show("index.html")
    dark = paper()
    page.click(".quarto-color-scheme-toggle")
    light = paper()
    assert light != dark
    page.show("trends.html")
    assert paper() == light
    other = look(site, theme="light")
    other.show("index.html")
    assert other.evaluate("getComputedStyle(document.body).backgroundColor") == light


def test_pages_are_light_and_the_map_is_drawn_only_where_it_stands(look, site):
    page, loaded = look(site), {}
    page.on("response", lambda r: loaded.setdefault(r.url.rsplit("/", 1)[1], len(gzip.compress(r.body()))))
    for address in addresses(site, 1):
        loaded.clear()
        page.show(address)
        drawn(page)
        page.wait_for_load_state("networkidle")
        assert ("map.js" in loaded) == (address == "map.html"), address
        assert sum(loaded.values()) < (300_000 if address == "index.html" else 1_000_000), loaded


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
    for address in addresses(planted, 2):
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


@pytest.mark.parametrize("width", [1280, 360])
def test_planted_text_is_text_on_every_page(look, planted, width):
    "No element, no handler and no address came from a posting, and no page is wider than the window."
    page, wrong, told = look(planted, width), [], ""
    for address in addresses(planted, None if width == 360 else 20):
        page.show(address)
        drawn(page)
        wrong += [(address, i) for i in page.evaluate(INTRUDERS)]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"): wrong.append((address, "wider than the window"))
        if page.evaluate("getComputedStyle(document.body).display") == "none" or page.query_selector("h1").inner_text() == "loud": wrong.append((address, "rewritten"))
        told += words(page.evaluate("document.body.textContent"))
    assert wrong == []
    assert [p for p in PAYLOADS if words(p)[:40] not in told] == []


def test_planted_skills_have_pages_that_say_their_names(look, planted):
    page, shown = look(planted), 0
    for k, payload in enumerate(PAYLOADS):
        if not (planted/"skill"/f"{attack(k)}.html").is_file(): continue
        page.show(f"skill/{attack(k)}.html")
        shown += 1
        assert words(page.inner_text("h1"))[:60] == words(payload)[:60].strip(), payload
        marks = page.locator("blockquote mark")
        assert marks.count() == 0 or words(payload)[:40] in words(marks.first.text_content()), payload
    assert shown >= 40


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
