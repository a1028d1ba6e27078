"""Clean: nothing lost, nothing personal, nothing hostile, and the sample's planted data gone."""
import gzip
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import skillnb
from skillnb.clean import clean, clean_text, posting_id
from skillnb.fetch import SampleSource, TextFolder, collect
from skillnb.schema import TABLES, conform

COLUMNS = TABLES["sightings"].schema.names


def sightings(*raws):
    return pd.DataFrame([{"source": "text", "source_id": str(n), "raw": r} for n, r in enumerate(raws)], columns=COLUMNS, dtype=object)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(st.characters(codec=None), max_size=300), max_size=5))
def test_any_text_ends_in_one_of_two_tables(raws):
    texts, dropped = clean(sightings(*raws), min_chars=10)
    assert len(texts) + len(dropped) == len(raws)
    assert set(texts.source_id) | {i.removeprefix("text/") for i in dropped.id} == {str(n) for n in range(len(raws))}
    assert conform("texts", texts).num_rows + conform("dropped", dropped).num_rows == len(raws)


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("aÄ <>&;/pbr\n\u202e\u200b\u00a0\ud800@.1+"), max_size=80))
def test_clean_text_is_plain(text):
    found = clean_text(text)
    assert not re.search("[\u202a-\u202e\u200b\u00a0\ud800\\x00]|\n\n\n| \n|  ", found)
    assert found == found.strip() and found.encode() is not None


@pytest.mark.parametrize("html, text", [
    ("<div><p>One</p><p>Two &amp; three</p></div>", "One\n\nTwo & three"),
    ("<ul>\n<li>Python</li>\n<li>C++</li>\n</ul>", "Python\n\nC++"),
    ("&lt;p&gt;Escaped&lt;/p&gt;", "Escaped"),
    ("<style>p{}</style><script>alert(1)</script><!-- hidden --><p>Shown</p>", "Shown"),
    ("<table><tr><td>Place</td><td>Berlin</td></tr></table>", "Place\n\nBerlin"),
    ("<p>Unclosed <b>bold", "Unclosed bold"),
    ("x < 3 and y > 4, vector<int>", "x < 3 and y > 4, vector<int>"),
])
def test_markup_becomes_lines(html, text):
    assert clean_text(html) == text


@pytest.mark.parametrize("unit", ["<div>", "<b>x", "&lt;p ", "1 ", "jane@", "Contact ", "\ud800", "(", "Lensa is a career site "])
def test_hostile_length_ends(unit):
    texts, dropped = clean(sightings(unit * (300_000 // len(unit))))
    assert len(texts) + len(dropped) == 1


def test_bounds_are_told():
    _, dropped = clean(sightings("x" * 79, "x " * 200_000, "a\n" * 20_001, "y" * 2_000_001, " \u200b\n"))
    assert dropped.reason.tolist() == ["shorter than 80 characters", "longer than 200000 characters", "more than 20000 lines",
                                       "longer than 2000000 characters before cleaning", "no text"]


def test_the_same_words_are_the_same_posting():
    texts, _ = clean(sightings("We use Python and SQL. " * 5, "<p>we use  PYTHON and SQL.</p>" * 5))
    assert texts.posting_id.nunique() == 1 and posting_id(texts.text[0]) == texts.posting_id[0]


def test_personal_data_in_titles():
    rows = sightings("We use Python and SQL every day, and we like it a lot. Join us in Berlin and see.", )
    texts, _ = clean(rows.assign(title="ML engineer <jane@works.example>\n", company="\u202eWorks\x00"), min_chars=10)
    assert texts.title[0] == "ML engineer <[email]>" and texts.company[0] == "Works"


def test_planted_personal_data_of_the_sample_is_gone():
    rows = pd.read_parquet(Path(skillnb.__file__).parent/"sample"/"sightings.parquet")   # as it was before fetch made it plain
    texts, dropped = clean(rows)
    assert dropped.empty and len(texts) == len(rows)
    everything = "\n".join(texts.text)
    assert not re.search(r"[\w.]+@[\w.]+\.(?:example|com)|Show more|</?(?:p|li|ul|br)\b|&(?:amp|nbsp);", everything)
    truth = Path(skillnb.__file__).parent/"sample"/"truth.jsonl.gz"
    with gzip.open(truth, "rt", encoding="utf-8") as f: contacts = [s["text"] for ad in map(json.loads, f) for s in ad["sentences"] if s["part"] == "contact"]
    phones = {p for c in contacts for p in re.findall(r"\+?\d[\d ()./-]{7,}\d", c)}
    names = {n for c in contacts for n in re.findall(r"\b[A-Z]\w+ (?:Sample|Example|Exemple|Musterfrau|Beispiel|Fictional|Placeholder|Testperson)\b", c)}
    assert phones and not [p for p in phones if p in everything]
    assert len(names) > 5 and not [n for n in names if n in everything]


def test_languages_of_the_sample():
    rows = collect([SampleSource()]).sightings
    assert set(clean(rows)[0].language) == {"en", "de", "fr"}


def test_idempotent_on_real_postings(shared):
    rows = collect([TextFolder(shared/"postings")]).sightings
    texts, dropped = clean(rows)
    assert len(texts) + len(dropped) == len(rows) == 516
    again = [clean_text(t) for t in texts.text.head(60)]
    assert again == texts.text.head(60).tolist()
    assert not re.search(r"[\w.]+@[\w-]+\.\w+|Ljbffr|Jobot Job is hosted by", "\n".join(texts.text))
