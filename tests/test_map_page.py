"""The map of the site in a real browser: twenty thousand skills, each of which can be found, reached and opened."""
import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd
import pytest
from site_store import crowded, map_page

from skillnb.plot import html_3d

SKILLS, TRENDS = crowded()
STATE = "() => { const m = document.querySelector('#map'); return { by: m.dataset.by, drawn: +m.dataset.drawn, labels: m.labels, said: document.querySelector('#map-said').textContent, tip: m.querySelector('.tip').hidden ? null : m.querySelector('.tip').innerText }; }"
SETTLED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
INK = """() => { const c = document.createElement('canvas'), p = document.querySelector('.points'); c.width = p.width; c.height = p.height; const x = c.getContext('2d'); x.drawImage(p, 0, 0);
  const d = x.getImageData(0, 0, c.width, c.height).data; let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n / (c.width * c.height); }"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args): pass


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = map_page(tmp_path_factory.mktemp("many")/"site", SKILLS, TRENDS)
    assert (folder/"map.html").stat().st_size < 5e6
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/map.html"
        server.shutdown()


@pytest.fixture
def opened(browser, address):
    "Open the map; the test fails for an error or a request to anybody else."
    wrong, windows = [], []
    def show(width=1280, before=None, **more):
        window = browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce", **more)
        windows.append(window)
        page = window.new_page()
        if before: page.add_init_script(before)
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" and "404" not in m.text else None)
        page.on("pageerror", lambda e: wrong.append(str(e)))
        page.on("request", lambda r: wrong.append(r.url) if not r.url.startswith((address.rsplit("/", 1)[0], "data:")) else None)
        page.goto(address)
        page.wait_for_selector(".sheet.drawn")
        page.see = lambda: (page.evaluate(SETTLED), page.evaluate(STATE))[1]
        return page
    yield show
    for w in windows: w.close()
    assert wrong == []


def apart(labels): return not any(a["l"] < b["r"] and b["l"] < a["r"] and a["t"] < b["b"] and b["t"] < a["b"] for i, a in enumerate(labels) for b in labels[:i])


PATCHED = "const real = HTMLCanvasElement.prototype.getContext; HTMLCanvasElement.prototype.getContext = function (kind, given) { %s };"
ANY = PATCHED % "return real.call(this, kind, { ...given, failIfMajorPerformanceCaveat: false });"     # also WebGL that the processor makes, as here
NONE = PATCHED % "return kind.startsWith('webgl') ? null : real.call(this, kind, given);"


@pytest.mark.parametrize("before, by", [(ANY, "webgl"), (NONE, "canvas")], ids=["webgl", "a browser without it"])
def test_every_skill_is_drawn_in_the_plane_and_in_space(opened, before, by):
    page = opened(before=before)
    plane = page.see()
    if by == "webgl" and plane["by"] == "canvas": pytest.skip("this Chromium has no WebGL")
    assert plane["by"] == by and plane["drawn"] == len(SKILLS) and .02 < page.evaluate(INK) < .9
    page.check("[name='map-view'][value='3']")
    space = page.see()
    assert space["drawn"] > .98 * len(SKILLS) and .01 < page.evaluate(INK) < .9 and apart(space["labels"])


@pytest.mark.parametrize("width, most", [(1280, 60), (390, 22)])
def test_names_come_with_coming_closer_and_never_collide(opened, width, most):
    page = opened(width)
    whole = page.see()["labels"]
    assert 10 < len(whole) <= most and apart(whole) and whole[0]["text"] == SKILLS.name[0]
    for _ in range(9): page.click("[aria-label='Zoom in']")
    close = page.see()
    assert close["drawn"] < 2000 and len(close["labels"]) > 5 and apart(close["labels"])
    assert max(k["i"] for k in close["labels"]) > 1000 > max(k["i"] for k in whole)   # rare skills get a name from near, the most asked from afar
    page.click("[aria-label='Show all']")
    assert page.see()["labels"] == whole


def test_search_finds_a_rare_skill_and_opens_it(opened, address):
    page = opened()
    page.fill("#map-find", SKILLS.name[17_431])
    found = page.see()
    assert [k["text"] for k in found["labels"]] == [SKILLS.name[17_431]] and "1 skill found" in found["said"]
    page.press("#map-find", "Enter")
    page.wait_for_url("**/skills.html#skill-skill-17431")


def test_the_pointer_reads_share_and_interval(opened):
    page = opened()
    page.fill("#map-find", SKILLS.name[0])     # the others step back and are not in the way
    box, first = page.locator(".points").bounding_box(), page.see()["labels"][0]
    week = TRENDS[TRENDS.week == TRENDS.week.max()].set_index("skill_id").loc["skill-0"]
    page.mouse.move(box["x"] + (first["l"] + first["r"]) / 2, box["y"] + first["b"] + 8)
    said = page.see()["tip"]
    assert SKILLS.name[0] in said and f"{round(100 * week.low)}–{round(100 * week.high)}" in said and f"{week.n_postings} of 4000" in said
    page.mouse.down(); page.mouse.up()
    page.wait_for_url("**/skill/skill-0.html")


def test_keys_move_the_map_and_read_it(opened):
    page = opened()
    page.focus(".points")
    page.keyboard.press("PageDown")
    said = page.see()["said"]
    assert said.startswith(SKILLS.name[0]) and "postings in all" in said and "Enter opens it" in said
    page.keyboard.press("PageDown")
    assert page.see()["said"].startswith(SKILLS.name[1])
    for key in ("+", "+", "ArrowLeft", "ArrowDown"): page.keyboard.press(key)
    assert page.see()["drawn"] < len(SKILLS)
    page.keyboard.press("0")
    assert page.see()["drawn"] == len(SKILLS)
    page.keyboard.press("PageDown"); page.keyboard.press("Enter")
    page.wait_for_url("**/skill/skill-0.html")


def test_a_finger_reads_first_and_opens_with_a_second_tap(opened):
    page = opened(390, has_touch=True)
    page.fill("#map-find", SKILLS.name[0])
    box, first = page.locator(".points").bounding_box(), page.see()["labels"][0]
    at = box["x"] + (first["l"] + first["r"]) / 2, box["y"] + first["b"] + 6
    page.touchscreen.tap(*at)
    assert SKILLS.name[0] in page.see()["tip"]
    page.touchscreen.tap(*at)
    page.wait_for_url("**/skill/skill-0.html")


@pytest.mark.parametrize("width, theme", [(1280, "light"), (390, "dark")])
def test_axe_finds_no_violation_and_the_focus_is_seen(opened, width, theme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = opened(width, color_scheme=theme)
    found = axe.run(page, options={"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}, "resultTypes": ["violations"]}).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"][:200]) for v in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.focus("[aria-label='Show all']")
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.matches('.points')"): break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_weeks_show_what_was_asked_in_them(opened):
    page = opened()
    page.evaluate("() => { const s = document.querySelector('#map-week'); s.value = 3; s.dispatchEvent(new Event('input')); }")
    week = sorted(TRENDS.week.unique())[3]
    shown = page.see()
    assert shown["drawn"] == (TRENDS.week == week).sum() and "4000 open postings" in shown["said"]


def test_a_cluster_can_stand_alone(opened):
    page, cluster = opened(), dict(zip(SKILLS.name, SKILLS.cluster))
    page.click(".legend button >> nth=0")
    first = page.inner_text(".legend button >> nth=0").strip()
    def shown(): return {cluster[k["text"]] for k in page.see()["labels"]}
    assert shown() == {first} and page.get_attribute(".legend button >> nth=0", "aria-pressed") == "true"
    page.click(".legend button >> nth=0")
    assert page.get_attribute(".legend button >> nth=0", "aria-pressed") == "false" and len(shown()) > 1


@pytest.mark.parametrize("n", [0, 1, 3])
def test_hardly_any_skills(browser, tmp_path, n):
    folder = map_page(tmp_path/"site", SKILLS.head(n).assign(name=["<script>alert(1)</script>", "../../etc/passwd", "C$"][:n]), pd.DataFrame({"week": []}))
    page, wrong = browser.new_page(), []
    page.on("pageerror", lambda e: wrong.append(str(e)))
    page.goto((folder/"map.html").as_uri())
    page.wait_for_selector(".sheet.drawn")
    assert int(page.get_attribute("#map", "data-drawn")) == n and wrong == []
    page.close()


def test_the_page_that_is_sent_to_somebody_draws_alone(browser, tmp_path):
    "Twenty thousand skills in space, coloured by cluster, in one file below 5 MB that asks nobody for anything."
    file = html_3d(SKILLS, tmp_path/"2025-04-13_3D_clustering.html", "cluster")
    page, wrong, asked = browser.new_page(), [], []
    page.on("pageerror", lambda e: wrong.append(str(e)))
    page.on("request", lambda r: asked.append(r.url))
    page.goto(file.as_uri())
    page.wait_for_selector("#scene canvas, .gl-container canvas")
    assert page.evaluate("document.querySelector('.js-plotly-plot').data.reduce((n, t) => n + t.x.length, 0)") == len(SKILLS)
    assert file.stat().st_size < 5e6 and wrong == [] and [u for u in asked if not u.startswith(("file:", "data:", "blob:"))] == []
    page.close()
