"""The bundled sample: what it promises in `skillnb/sample/README.md`."""
import gzip
import html
import json
import re
import unicodedata
from collections import Counter
from itertools import combinations
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import skillnb
from skillnb.schema import KINDS, SECTIONS, TABLES, conform

SAMPLE = Path(skillnb.__file__).parent/"sample"
NOTEBOOK = Path(__file__).parents[1]/"nbs"/"make"/"sample.ipynb"
BOILERPLATE = {"title", "place", "facts", "heading", "benefits", "salary", "legal", "contact"}
TAGGED = {"intro", "duty", "stack", "required", "preferred"}

def read_truth(folder):
    with gzip.open(folder/"truth.jsonl.gz", "rt", encoding="utf-8") as f: return [json.loads(line) for line in f]

def strip(raw):
    "Text without tags, entities and runs of blanks."
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", raw)).split())

@pytest.fixture(scope="module")
def sightings(): return pq.read_table(SAMPLE/"sightings.parquet").to_pandas()

@pytest.fixture(scope="module")
def truth(): return read_truth(SAMPLE)

@pytest.fixture(scope="module")
def trends(): return json.loads((SAMPLE/"trends.json").read_text(encoding="utf-8"))

def sentences(truth): return [s for ad in truth for s in ad["sentences"]]

def test_counts(sightings, truth, trends):
    assert len(truth) >= 240 and 600 <= len(sightings) <= 800
    assert list(sightings.collected_on.unique()) == trends["weeks"] and len(trends["weeks"]) == 12
    assert Counter(ad["language"] for ad in truth)["de"] == Counter(ad["language"] for ad in truth)["fr"] == 6
    assert {ad["style"] for ad in truth} == {"bullets", "html", "prose", "wall"}
    assert sum(p.stat().st_size for p in SAMPLE.iterdir()) < 1_000_000

def test_lengths(truth):
    "An ad is as long as a short real one."
    lengths = [len(" ".join(s["text"] for s in ad["sentences"])) for ad in truth]
    assert 1200 <= sum(lengths) / len(lengths) <= 2200

def test_schema(sightings):
    assert list(sightings.columns) == ["collected_on", *TABLES["sightings"].schema.names]
    assert conform("sightings", sightings.drop(columns="collected_on")).num_rows == len(sightings)
    assert set(sightings.source) == {"sample"} and sightings.url.str.startswith("https://jobs.example/").all()

def test_truth_covers_sightings(sightings, truth):
    "Every sighting belongs to exactly one ad, with the day, the place and the poster it says."
    seen = sightings.set_index("source_id")
    ours = [entry for ad in truth for entry in ad["source_ids"]]
    assert sorted(e["source_id"] for e in ours) == sorted(sightings.source_id)
    assert all(seen.collected_on[e["source_id"]] == e["collected_on"] and seen.place[e["source_id"]] == e["place"] for e in ours)
    assert all(seen.company[e["source_id"]] == (e["agency"] or ad["company"]) for ad in truth for e in ad["source_ids"])

def test_postings_are_not_sightings(truth):
    "Weekly re-posts, stubborn ones, city copies and agencies are all there."
    weeks = [len({e["collected_on"] for e in ad["source_ids"]}) for ad in truth]
    assert sum(w > 1 for w in weeks) > 100 and sum(w >= 8 for w in weeks) >= 3
    assert sum(len({e["place"] for e in ad["source_ids"]}) > 1 for ad in truth) >= 10
    assert sum(any(e["agency"] for e in ad["source_ids"]) for ad in truth) >= 10

def test_spans_slice_to_words(truth):
    "Spans are in order, do not overlap, and neither begin nor end inside a word."
    for s in sentences(truth):
        assert s["section"] in SECTIONS and (s["part"] in TAGGED or not s["spans"])
        end = 0
        for span in s["spans"]:
            before, words, after = s["text"][:span["start"]], s["text"][span["start"]:span["end"]], s["text"][span["end"]:]
            assert span["kind"] in KINDS and span["start"] >= end and words == words.strip() != ""
            assert not before[-1:].isalnum() and not after[:1].isalnum(), s["text"]
            end = span["end"]

def test_surface_forms(truth):
    "One skill has many spellings, and an abbreviation in brackets is a span of its own."
    forms = {}
    for s in sentences(truth):
        for span in s["spans"]: forms.setdefault(span["skill"], set()).add(s["text"][span["start"]:span["end"]])
    assert {"Kubernetes", "K8s"} <= forms["Kubernetes"] and {"PyTorch", "Pytorch"} <= forms["PyTorch"]
    assert "RAG" in forms["RAG"] and "retrieval-augmented generation" in forms["RAG"]
    assert not [f for found in forms.values() for f in found if re.search(r"\w \(\w+\)$", f)]

def test_text_is_clean(truth):
    "No notation, no markup, no character that Unicode normalisation would change."
    for s in sentences(truth):
        assert s["text"] == " ".join(s["text"].split()) == unicodedata.normalize("NFKC", s["text"])
        assert not re.search(r"[<>{}\[\]]|&(amp|lt|gt|nbsp|#\w+);|\$[a-z]", s["text"])

def test_ads_differ(truth):
    "No two ads share more than a fifth of their sentences outside boilerplate, nor much of anything else."
    texts = [{s["text"] for s in ad["sentences"] if s["part"] not in BOILERPLATE} for ad in truth]
    assert max(len(a & b) / min(len(a), len(b)) for a, b in combinations(texts, 2)) <= 0.2
    tagged = Counter(s["text"] for s in sentences(truth) if s["spans"])
    assert len(tagged) > 0.9 * sum(tagged.values())

def test_sentences_are_in_raw(sightings, truth):
    "After a simple tag strip each sentence stands in the raw text of the ad's own listings."
    raw = {i: strip(r) for i, r in zip(sightings.source_id, sightings.raw)}
    for ad in truth:
        for entry in ad["source_ids"]:
            for s in ad["sentences"]:
                text = s["text"].replace(ad["place"], entry["place"]) if s["part"] == "place" else s["text"]
                assert text in raw[entry["source_id"]], (ad["ad_id"], text)

def test_styles_look_it(sightings, truth):
    raw = dict(zip(sightings.source_id, sightings.raw))
    first = {style: [raw[ad["source_ids"][0]["source_id"]] for ad in truth if ad["style"] == style] for style in ("html", "wall")}
    assert all("<" in text for text in first["html"])
    assert sum("\n" not in text for text in first["wall"]) > 0.5 * len(first["wall"])
    assert sightings.raw.str.contains("Show more Show less").any() and sightings.raw.str.contains("&amp;").any()
    assert sum(bool(re.search(r"[a-z]:[A-Z]", text)) for text in first["wall"]) > 10   # a heading glued to its list
    assert sum(bool(re.search(r":\S+,\S+,\S+[,;/]", text)) for text in first["wall"]) > 3, "Requirements:Python,SQL,..."

def test_personal_data_is_planted(sightings):
    "Addresses, telephone numbers and names to be removed, all of them reserved for fiction."
    mails = set(sightings.raw.str.findall(r"[\w.]+@[\w.-]+\w").explode().dropna())
    assert len(mails) > 20 and all(re.search(r"@(example\.(com|org)|[a-z-]+\.example)$", m) for m in mails), mails
    assert sightings.raw.str.contains(r"555[)-] ?01").any() and sightings.raw.str.contains("Alex Example").any()

def test_names_that_do_not_count(truth):
    "Blurbs and benefits name technologies, and the truth leaves them alone."
    untagged = " ".join(s["text"] for s in sentences(truth) if s["part"] in ("blurb", "benefits"))
    assert all(words in untagged for words in ["AI platform", "react fast", "go-to-market", "machine learning suite", "python named"])

def test_trends(truth, trends):
    "The spans say what `trends.json` says, and it is near what was intended."
    asked = {ad["ad_id"]: {span["skill"] for s in ad["sentences"] for span in s["spans"]} for ad in truth}
    listed = [[ad["ad_id"] for ad in truth if any(e["collected_on"] == week for e in ad["source_ids"])] for week in trends["weeks"]]
    assert [len(ads) for ads in listed] == trends["open"]
    for name, t in trends["skills"].items():
        assert [round(sum(name in asked[ad] for ad in ads) / len(ads), 3) for ads in listed] == t["realised"], name
        assert max(abs(a - b) for a, b in zip(t["intended"], t["realised"])) <= 0.1, name

@pytest.mark.parametrize("name, first, last", [("RAG", (0, 0.12), (0.35, 0.55)), ("TensorFlow", (0.35, 0.5), (0.08, 0.22)),
                                               ("Model Context Protocol", (0, 0), (0.15, 0.3)), ("Hadoop", (0.15, 0.3), (0, 0))])
def test_shapes(trends, name, first, last):
    share = trends["skills"][name]["realised"]
    assert first[0] <= share[0] <= first[1] and last[0] <= share[-1] <= last[1]

def test_steady(trends):
    steady = {name: t["realised"] for name, t in trends["skills"].items() if t["shape"] == "steady"}
    assert len(steady) >= 13 and min(steady["Python"]) > 0.6
    assert all(max(share) - min(share) < 0.2 for share in steady.values())

@pytest.mark.slow
def test_notebook_makes_the_same(tmp_path):
    "The notebook, run again into another folder, writes what is bundled."
    papermill = pytest.importorskip("papermill")
    papermill.execute_notebook(NOTEBOOK, tmp_path/"sample.ipynb", {"out": str(tmp_path)}, cwd=NOTEBOOK.parent, progress_bar=False)
    assert read_truth(tmp_path) == read_truth(SAMPLE)
    assert (tmp_path/"trends.json").read_bytes() == (SAMPLE/"trends.json").read_bytes()
    ours, again = SAMPLE/"sightings.parquet", tmp_path/"sightings.parquet"
    assert pq.read_table(again).equals(pq.read_table(ours))
    if pq.read_metadata(ours).created_by == pq.read_metadata(again).created_by:   # another pyarrow may write other bytes
        assert again.read_bytes() == ours.read_bytes()
