"""What the pages of the report say, made from a small synthetic store through the real stage; in a browser, what a reader chooses."""
import os
import re
from html.parser import HTMLParser

import nbformat
import numpy as np
import pytest
from scipy import sparse
from site_store import attack

from skillnb import about, explore, skillpages
from skillnb import pages as pages_of
from skillnb.pages import LEAST, MOST
from skillnb.plot import ASSETS
from skillnb.site import SiteError, render, site_settings
from skillnb.together import next_skills
from skillnb.trends import wilson

PAGES = ("index", "trends", "skills", "groups", "map", "next", "model", "data", "method")


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
def pages(planted): return {p: Tags((planted/f"{p}.html").read_text(encoding="utf-8")) for p in PAGES}


@pytest.fixture(scope="module")
def report(planted): return pages_of.Report(planted.parent/"store", {}, planted.parent/"elsewhere")


def test_every_page_has_banner_footer_and_navigation(pages, planted):
    assert [f"{p}.ipynb" for p in PAGES] == [l["href"] for l in site_settings()["website"]["navbar"]["left"]]
    for name, page in pages.items() | {"skill": Tags((planted/"skill"/"python.html").read_text(encoding="utf-8"))}.items():
        assert "these postings are fictional" in page.text, name
        assert "n = 198 distinct postings" in page.text and "Profile demo · tagger tiny-tagger" in page.text, name
        links = [a["href"].removeprefix("../") for t, a in page.tags if t == "a" and "nav-link" in a.get("class", "")]
        assert links[:len(PAGES)] == [f"{p}.html" for p in PAGES], name


def test_figures_say_how_many_over_which_weeks_by_which_method(pages):
    for name in ("index", "groups", "map", "next"):
        assert re.search(r"n = [\d,]+ .*? · .*? · method 2", pages[name].text), name
    assert re.search(r"\d+\u00a0% \(\d+–\d+\) *\d+ of 22", pages["index"].text)
    assert re.search(r"of \d+ skills with enough data", pages["index"].text) and "±19 points" in pages["index"].text


def test_home_is_one_screen(pages):
    assert sum(t == "table" for t, _ in pages["index"].tags) == 2 and sum(t == "tr" for t, _ in pages["index"].tags) <= 22


def test_groups_model_data_and_method_tell_what_they_stand_on(pages):
    for name, said in {"groups": ("Soft skills", "Hard skills, required", "Place: "), "model": ("0.812 (0.790–0.830)", "0.520 (0.490–0.550)", "88\u00a0% (74–95)"),
                       "data": ("language not covered: fr", "Date posted", "the same words, nearly", "English"), "method": ("20 postings by 5 employers", "method 2, floor 20", "method 1, floor 20")}.items():
        for s in said: assert s in pages[name].text, (name, s)


def test_a_skill_has_a_page_with_all_that_stands_behind_it(planted):
    page = Tags((planted/"skill"/"python.html").read_text(encoding="utf-8"))
    for said in ("Share this week", "could be 1 to ", "Does it rise or fall?", "Required", "Place: ", "imagined it 1 times", "Python (computer programming)", "PYTHON", "score 0.", "method 2, floor 20", "8 of "):
        assert said in page.text, said
    assert sum(t == "mark" for t, _ in page.tags) == 8 and any(a.get("href", "").startswith("https://example.org/") and "noopener" in a["rel"] for _, a in page.tags)
    assert any(a.get("href") == "../trends.html#skills=python" for _, a in page.tags) and any(a.get("href") == f"../skill/{attack(0)}.html" for _, a in page.tags)


def test_pages_of_skills_are_bounded_and_evidence_is_sampled(planted, report):
    made = {p.stem for p in (planted/"skill").iterdir()}
    assert made == report.paged and len(made) <= MOST and set(report.skills.skill_id[report.skills.n_postings >= LEAST]) == made
    for p in (planted/"skill").iterdir(): assert p.read_text(encoding="utf-8").count("<blockquote>") <= 8
    assert f'id="skill-{next(k for k in report.skills.skill_id if k not in made)}"' in (planted/"skills.html").read_text(encoding="utf-8")


def test_a_number_without_enough_postings_is_not_given(report):
    strict = pages_of.Report(report.store.root, {"trends": {"floor": 50}}, report.out)
    assert "Not enough data: 22 distinct postings" in pages_of.top_skills(strict).html
    few = skillpages.skill(strict, skillpages.behind(strict), next(r for _, r in strict.skills.iterrows() if r.n_postings < 20))
    assert few["sections"] is None and few["moved"].startswith(("Not enough data", "The data cannot tell"))


def test_an_empty_store_says_what_to_do_next(tmp_path):
    empty, said = pages_of.Report(tmp_path/"store", {}, tmp_path/"out"), ""
    for module, names in ((pages_of, "banner foot lead top_skills movers made_of front"), (explore, "compare skill_map clusters groups group_parts kinds facets what_next"), (skillpages, "skill_list"),
                          (about, "scores tagger_card audited training label_costs coverage sources fields folds sentences languages dropped stage_runs settings vintages")):
        for piece in (getattr(module, f)(empty) for f in names.split()): said += "".join(p.html for p in (piece if isinstance(piece, list) else [piece]))
    assert "Run `skillnb trends`" in said and "Run `skillnb map`" in said and "this needs two weeks" in said and "fictional" not in said


def test_pages_that_are_not_there_are_named(tmp_path):
    with pytest.raises(SiteError, match="missing: index.ipynb"): render(tmp_path, tmp_path/"out")


def _pages(folder):
    "Executed pages with next to nothing on them."
    folder.mkdir()
    settings = site_settings()["website"]
    for href in {l["href"] for part in ("navbar", "page-footer") for l in settings[part]["left"]}:
        if not href.endswith(".ipynb"): (folder/href).write_text("{}")
        else: nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_raw_cell(f"---\ntitle: {href.removesuffix('.ipynb')}\n---")]), folder/href)
    return folder


def _quarto(folder, monkeypatch, script):
    "A program called quarto, first on the PATH."
    folder.mkdir()
    (folder/"quarto").write_text("#!/bin/sh\n" + script)
    (folder/"quarto").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_quarto_renders_where_it_is_installed(tmp_path, monkeypatch):
    _quarto(tmp_path/"bin", monkeypatch, 'cd "$2" && test -f assets/site.css && mkdir _site && for p in *.ipynb; do echo "<html lang=en><main>by quarto</main></html>" > _site/${p%.ipynb}.html; done\n')
    assert "by quarto" in render(_pages(tmp_path/"pages"), tmp_path/"out").read_text()


def test_a_quarto_that_fails_is_told_and_replaced(tmp_path, monkeypatch):
    _quarto(tmp_path/"bin", monkeypatch, "echo no pandoc here >&2; exit 3\n")
    with pytest.warns(UserWarning, match="status 3.*no pandoc here"): first = render(_pages(tmp_path/"pages"), tmp_path/"out")
    assert '<h1 class="title">index</h1>' in first.read_text()
    with pytest.raises(SiteError, match="status 3"): render(tmp_path/"pages", tmp_path/"out", renderer="quarto")


def test_fragments_name_no_script_that_is_not_there():
    for name in re.findall(r'src="assets/([\w.-]+)"', (ASSETS/"fragments.html.j2").read_text(encoding="utf-8")): assert (ASSETS/name).is_file(), name


# In a browser: what a reader chooses is what the tables say.

@pytest.fixture(scope="module")
def tab(planted, browser):
    wrong, tab = [], browser.new_page(viewport={"width": 1280, "height": 900})
    tab.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    tab.on("pageerror", lambda e: wrong.append(str(e)))
    def show(name):     # a new page even where only the part behind # differs
        tab.goto("about:blank")
        tab.goto(f"{planted.as_uri()}/{name}")
    tab.show = show
    yield tab
    tab.close()
    assert wrong == []


def numbers(tab): return tab.eval_on_selector_all("#compare-table tbody tr", "rows => rows.map(r => [...r.cells].map(c => c.textContent))")


def test_trends_draw_what_the_tables_say(tab, report):
    tab.show("trends.html#skills=rust,python")
    t = report.trends[report.trends.skill_id == "rust"].sort_values("week", ascending=False)
    assert tab.eval_on_selector_all("#compare-table thead th", "all => all.map(c => c.textContent)")[1:] == ["Python", "Rust"]
    said = [f"{'<1' if 0 < r.share < .005 else round(100 * r.share)}\u00a0% ({round(100 * r.low)}–{round(100 * r.high)}) {r.n_postings} of {r.n_total}" for r in t.itertuples()]
    found = [row[2] for row in numbers(tab)]
    assert len(found) == len(said) == 9 and sum(a == b for a, b in zip(found, said)) >= 8   # a half may be rounded either way
    assert tab.locator(".lines .line").count() == 2 and sorted(tab.locator(".lines .name").all_text_contents()) == ["Python", "Rust"]
    assert "n = 22 open postings a week · 9 weeks" in tab.inner_text("figcaption >> nth=0")


def test_a_view_of_trends_has_an_address(tab):
    tab.show("trends.html")
    for box in tab.query_selector_all(".options input:checked"): box.uncheck()
    tab.check('.options input[value="sql"]')
    tab.check('[name="counting"][value="new"]')
    tab.select_option("#span", "6")
    assert tab.url.endswith("#skills=sql&counting=new&weeks=6")
    before = numbers(tab)
    tab.show(tab.url.rsplit("/", 1)[1])
    assert numbers(tab) == before and len(before) == 6 and "of 11" in before[0][1]
    tab.fill(".choose input[type=search]", "pytorch")
    assert tab.locator(".options label:visible").all_inner_texts() == ["PyTorch"]
    tab.show("trends.html#skills=no-such-skill,%3Cb%3E&counting=all&weeks=99")
    assert tab.locator(".lines .nothing").inner_text() == "Choose a skill."


def test_the_chart_reads_a_week_aloud(tab):
    tab.show("trends.html#skills=python")
    box = tab.locator(".lines svg").bounding_box()
    tab.mouse.move(box["x"] + 60, box["y"] + 100)
    assert "Week of 3 Feb 2025" in tab.inner_text(".readout") and "of 22" in tab.inner_text(".readout")


def test_what_next_counts_as_the_library_does(tab, report):
    data = explore.next_data(report)
    tab.show("next.html#have=python,sql&enough=0.5")
    rows = tab.eval_on_selector_all("#next-table tbody tr", "rows => rows.map(r => [...r.cells].map(c => c.textContent))")
    wants = np.zeros((len(data["postings"]), 400))
    for i, (n, *skills) in enumerate(data["postings"]): wants[i, [*skills, *range(200 + len(skills), 200 + n)]] = 1   # those beyond the choice count too
    known = np.array([s["id"] in ("python", "sql") for s in data["skills"]] + [False] * (400 - len(data["skills"])))
    told = next_skills(sparse.csr_array(wants), known).head(len(data["skills"]))
    names = [s["name"] for s in data["skills"]]
    assert f"{told.n_open[0]} of {len(data['postings'])} postings are open to you" in tab.inner_text("#next-said").replace(",", "")
    assert rows and all(row[1].split()[0] == str(told.n_opened[names.index(row[0])]) for row in rows)
    assert int(rows[0][1].split()[0]) == told.n_opened.max()
    tab.check('[name="enough"][value="1"]')
    assert tab.url.endswith("#have=sql,python&enough=1")


def test_an_order_from_nothing_follows_the_switch(tab, report):
    "For one half it is what the library counted; for all of a posting it is another one, and what one then has of a posting grows with every step."
    tab.show("next.html")
    def order(): return tab.eval_on_selector_all("#next-path tbody tr", "rows => rows.map(r => [...r.cells].map(c => c.textContent))")
    data, half = explore.next_data(report), order()
    wants = np.zeros((len(data["postings"]), len(data["skills"]) + max(p[0] for p in data["postings"])))
    for i, (n, *skills) in enumerate(data["postings"]): wants[i, [*skills, *range(len(data["skills"]), len(data["skills"]) + n - len(skills))]] = 1
    known, counted_on = np.zeros(wants.shape[1], bool), wants[1::2]
    for name, _, has, opened in half:
        best = next_skills(sparse.csr_array(wants[::2]), known).progress[:len(data["skills"])]
        k = [s["name"] for s in data["skills"]].index(name)
        assert best[k] == pytest.approx(best.max())
        known[k] = True
        assert opened.startswith(f"{next_skills(sparse.csr_array(counted_on), known).n_open[0]} of {len(counted_on)} ") and has == f"{100 * (counted_on @ known / counted_on.sum(1)).mean():.0f}\u00a0%"
    tab.check('[name="enough"][value="1"]')
    all_of_it = order()
    assert len(half) == len(all_of_it) == 10 and [row[3] for row in half] != [row[3] for row in all_of_it]
    assert "Starting from nothing" in tab.inner_text("#next-path caption") and not tab.locator("#next-table").is_visible()
    assert not tab.locator("#next-start").is_visible()   # what stands there without a script


def test_search_filters_and_headings_sort(tab):
    tab.show("skills.html")
    tab.fill("#find", "learn")
    shown = tab.locator("#skills tbody tr:visible th").all_inner_texts()
    assert sorted(shown) == ["deep learning", "reinforcement learning", "scikit-learn"] and tab.inner_text("#found") == "3 skills"
    tab.click("#skills thead button >> nth=0")
    assert tab.locator("#skills tbody tr:visible th").all_inner_texts() == sorted(shown)
    tab.select_option("#kind", "soft")
    assert tab.inner_text("#found") == "No skill matches"


def test_interval_of_the_page_is_that_of_the_library(tab):
    tab.show("trends.html")
    for share, worth in ((.5, 22.), (0., 7.5), (1., 300.), (.013, 41.2)):
        assert tab.evaluate(f"skillnb.wilson({share}, {worth}, 1.959964)") == pytest.approx([float(x[0]) for x in wilson([share * worth], [worth])], abs=1e-6)
