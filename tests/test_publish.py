"""What the site offers beside its pages: files that equal the tables, feeds, the list of pages, pictures, a policy on every page."""
import json
import re
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from lxml import etree
from payloads import PAYLOADS
from PIL import Image

from skillnb.cells import guarded
from skillnb.finish import card_name
from skillnb.plot import ASSETS
from skillnb.publish import COUNTED, DOWNLOADS, meaning_of
from skillnb.schema import conform
from skillnb.store import Store

SITES = ["planted", "demo"]


@pytest.fixture(scope="module", params=SITES)
def made(request):
    "A finished site and the store it was made from."
    folder = request.getfixturevalue(request.param)
    return (folder/"site", Store(folder/"data")) if request.param == "demo" else (folder, Store(folder.parent/"store"))


def pages(site): return sorted(str(p.relative_to(site).as_posix()) for p in site.rglob("*.html"))


def test_downloads_equal_the_tables(made):
    site, store = made
    offered = {p.stem for p in (site/"downloads").glob("*.parquet")}
    assert {"trends", "changes", "skills", "dropped", *COUNTED} <= offered and not offered & {"postings", "segments", "texts", "labels"}
    for name in offered & set(DOWNLOADS):
        if name == "runs": continue   # the run that made the site is written down after it
        table = conform(name, store.read(name).drop(columns="collected_on"))
        key = [(c, "ascending") for c in table.column_names if c != "aliases"]
        exact = pq.read_table(site/"downloads"/f"{name}.parquet")
        assert exact.sort_by(key).equals(table.sort_by(key)), name
        assert len(pd.read_csv(next((site/"downloads").glob(f"{name}.csv*")), low_memory=False, lineterminator="\n")) == table.num_rows, name


def test_no_cell_of_a_csv_file_is_a_formula(planted):
    names = pd.read_csv(planted/"downloads"/"skills.csv").name
    assert set(names) & {guarded(p) for p in PAYLOADS} and not names.str.match(r"[=+\-@]").any()


def test_every_column_has_a_meaning(made):
    site, _ = made
    text = (site/"downloads.html").read_text(encoding="utf-8")
    for file in (site/"downloads").glob("*.parquet"):
        assert f'id="table-{file.stem}"' in text and all(meaning_of(file.stem, c) for c in pq.read_schema(file).names)


def test_feeds_parse_and_say_the_same(made):
    site, store = made
    atom, feed = etree.parse(site/"feed.xml").getroot(), json.loads((site/"feed.json").read_text(encoding="utf-8"))
    assert atom.tag == "{http://www.w3.org/2005/Atom}feed" and feed["version"] == "https://jsonfeed.org/version/1.1"
    entries = atom.findall("{*}entry")
    assert [e.findtext("{*}title") for e in entries] == [i["title"] for i in feed["items"]]
    assert [e.findtext("{*}id") for e in entries] == [i["id"] for i in feed["items"]] and len({i["id"] for i in feed["items"]}) == len(entries)
    assert len(entries) == min(26, store.read("trends").week.nunique()) and all(e.findtext("{*}updated") for e in entries)
    for item in feed["items"]:
        inside = etree.HTML(item["content_html"])
        assert not {e.tag for e in inside.iter()} - {"html", "body", "p", "ol", "ul", "li", "strong"}, item["id"]
        assert "fictional" in item["content_html"]
    assert "fictional" in feed["title"]


def test_the_sitemap_names_every_page(made):
    site, _ = made
    found = [l.text for l in etree.parse(site/"sitemap.xml").iter("{*}loc")]
    assert sorted(found) == [p for p in pages(site) if p != "search.html"]
    assert "Allow: /" in (site/"robots.txt").read_text()


def test_every_page_has_a_policy_a_picture_and_its_own_title(made):
    site, _ = made
    titles = set()
    for address in pages(site):
        head = (site/address).read_text(encoding="utf-8").split("</head>")[0]
        rule = re.search(r'Content-Security-Policy" content="([^"]+)"', head)[1]
        assert rule.startswith("default-src 'none'; script-src 'self'") and "http" not in rule and ("wasm" in rule) == (address == "search.html"), address
        assert f"cards/{card_name(address)}" in head and 'property="og:title"' in head
        titles.add(re.search("<title>(.*?)</title>", head, re.S)[1])
        with Image.open(site/"cards"/card_name(address)) as picture: assert picture.size == (1200, 630)
    assert len(titles) == len(pages(site))


def test_plotly_is_there_once_in_part_and_as_new_as_the_library():
    import plotly
    def version(file): return re.search(r"plotly\.js .*?v(\d+\.\d+\.\d+)", file.read_text(encoding="utf-8")[:400])[1]
    ours, whole = ASSETS/"plotly-gl3d.min.js", Path(plotly.__file__).parent/"package_data"/"plotly.min.js"
    assert version(ours) == version(whole) and ours.stat().st_size < whole.stat().st_size / 2
