"""From surface forms to skills: what is one, what stays apart, and what no text can do."""
import itertools
import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from skillnb.prompt import truth
from skillnb import resolve
from skillnb.cells import bare, guarded
from skillnb.normalise import canonical, plain, rows, table, widened
from skillnb.resolve import counted, decide, lineage, kept, read
from skillnb.schema import conform

SAME = [("PyTorch", "Pytorch", "pytorch framework", "PyTorch 2", "py-torch"), ("Kubernetes", "K8s", "k8s clusters"), ("C++", "C++17", "C++ programming"),
        ("natural language processing", "NLP", "natural language processing (NLP)", "Natural-Language Processing"), ("SQL", "SQL skills", "sql queries"),
        ("machine learning", "ML", "Machine-Learning", "machine learning models", "machine learning (ML)"), ("scikit-learn", "sklearn", "Scikit learn"),
        ("AWS", "Amazon Web Services", "Amazon AWS", "amazon web services (AWS)"), ("fine-tuning", "Fine Tuning", "finetuning", "fine\u2011tuning"),
        ("optimization", "optimisation", "optimization techniques"), ("A/B testing", "A/B tests", "AB testing", "a/b\u00a0test"), ("Go", "Golang", "Go language"),
        ("CI/CD", "CICD", "ci / cd", "continuous integration and delivery"), ("REST APIs", "RESTful API", "REST api's"), ("Node.js", "NodeJS", "node js"),
        ("RAG", "retrieval-augmented generation", "Retrieval Augmented Generation (RAG)"), ("LLM", "LLMs", "Large Language Models", "large language model")]
APART = [("C", "C++", "C#", "Objective-C"), (".NET", ".NET Core", "net"), ("Go", "go-to-market", "going"), ("React", "react to change", "React Native"),
         ("Java", "JavaScript"), ("R", "R&D", "RR", "R2"), ("Spark", "spark a discussion"), ("Azure", "Azure ML", "Azure DevOps"), ("SQL", "NoSQL", "MySQL", "SQL Server"),
         ("Excel", "excellence"), ("machine learning", "deep learning", "machine learning operations"), ("TensorFlow", "TensorFlow Lite"), ("GPT", "BERT"),
         ("data science", "data engineering", "data analysis"), ("GitHub", "Git", "GitLab"), ("AWS", "AWS Lambda", "AWS certification")]


@pytest.mark.parametrize("forms", SAME, ids=lambda f: f[0])
def test_one_skill(forms):
    assert len({canonical(f).skill_id for f in forms}) == 1


@pytest.mark.parametrize("forms", APART, ids=lambda f: f[0])
def test_not_one_skill(forms):
    for a, b in itertools.combinations(forms, 2): assert canonical(a).skill_id != canonical(b).skill_id, (a, b)


def test_soft_skills_lose_their_trimmings():
    assert {canonical(s, "soft").name for s in ("communication", "strong communication skills", "Communication abilities")} == {"communication"}
    assert canonical("stubbornness skills", "soft").skill_id == canonical("Stubbornness", "soft").skill_id == "stubbornness"


def test_ids_are_safe_and_names_are_short():
    for s in ("../../etc/passwd", "C:\\Windows", "<script>alert(1)</script>", "x" * 10_000, "", " ", "\u0000", "\u202e", "{{< include >}}", "'; DROP TABLE", "CON", "机器学习"):
        skill = canonical(s)
        assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", skill.skill_id) and len(skill.name) <= 80


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60), st.sampled_from(["hard", "soft"]))
def test_any_text_is_a_skill(text, kind):
    skill = canonical(text, kind)
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", skill.skill_id)
    assert canonical(text.upper().lower(), kind).skill_id and skill == canonical(text, kind)
    assert plain(plain(text)) == plain(text)


def test_table_is_in_order():
    names = [n for n, _, _ in rows()]
    assert len(names) == len(set(names)) == len({n.skill_id for n in table().values()}) > 700
    for name, _, others in rows():
        for form in (name, *others): assert canonical(form).name == name, form


def mentions_of(forms):
    out, at = [], 0
    for posting_id, text, kind in forms:
        out.append((posting_id, at, at + len(text), text, kind, "required", .9, "m"))
        at += len(text) + 1
    return pd.DataFrame(out, columns=["posting_id", "start", "end", "text", "kind", "section", "score", "model"])


def look(names):
    "Vectors that make no two names alike."
    return np.eye(max(len(names), 1), 4096, dtype=np.float32)[:len(names)]


def linked(m):
    said = read(m, {})
    return resolve.link(said, decide(counted(said), look))


def vocabulary(m, links): return resolve.vocabulary(read(m, {}), links).assign(category="")


def test_vocabulary_counts_postings_once():
    m = mentions_of([("a", "K8s", "hard"), ("a", "Kubernetes", "hard"), ("b", "k8s", "hard"), ("b", "data lineage", "hard"), ("c", "Data Lineage", "hard"),
                     ("d", "Data Lineage", "soft"), ("d", "<script>", "hard")])
    v = vocabulary(m, linked(m)).set_index("skill_id")
    assert v.loc["kubernetes", ["name", "n_mentions", "n_postings"]].tolist() == ["Kubernetes", 3, 2]
    assert v.loc["data-lineage", ["name", "kind", "n_postings"]].tolist() == ["Data Lineage", "hard", 3]
    assert v.loc["kubernetes", "aliases"] == ["K8s", "k8s"]
    assert v.loc["script", "name"] == "<script>"     # text, to be escaped by whoever shows it
    assert conform("vocabulary", v.reset_index()).num_rows == 3


@pytest.mark.parametrize("span, after, tool", [("Go", "-to-market strategy", False), ("Go", ", Rust and C++", True), ("React", " to change", False), ("React", " and TypeScript", True),
    ("C", "-level executives", False), ("C", "/C++", True), ("R", "&D", False), ("R", " or Python", True), ("Spark", " a discussion", False), ("Spark", " on EMR", True),
    ("Excel", " in a fast team", False), ("Excel", ", PowerPoint", True)])
def test_what_follows_decides(span, after, tool):
    "An ordinary word is no tool, and the posting's own text says which it is."
    m = mentions_of([("a", span, "hard")])
    said = read(m, {"a": span + after})
    assert (canonical(said.form[0]).skill_id == canonical(span).skill_id) == tool == (widened(span, after) == span)


def test_an_id_outlives_a_week():
    first = decide(counted(read(mentions_of([("a", "data lineage", "hard"), ("b", "molecule design", "hard")]), {})), look)
    then = decide(counted(read(mentions_of([("a", "Data-Lineage", "hard"), ("b", "data lineage", "hard"), ("c", "Python", "hard")]), {})), look)
    assert set(kept(then, first).skill_id) == {"data-lineage", "python"}
    assert lineage(first, kept(then, first)).empty


@given(st.text(max_size=40))
def test_cells_are_safe_and_come_back(text):
    assert bare(guarded(text)) == text and not guarded(text).startswith(("=", "+", "-", "@", "\t", "\r"))


def pairs(truth_of):
    "Pairwise precision and recall of `canonical` against (form, kind, skill) triples, over distinct forms."
    forms = sorted({(f.casefold(), k, s) for f, k, s in truth_of})
    both = wanted = found = 0
    for (a, ka, sa), (b, kb, sb) in itertools.combinations(forms, 2):
        same, one = sa == sb, canonical(a, ka).skill_id == canonical(b, kb).skill_id
        both, wanted, found = both + (same and one), wanted + same, found + one
    return both / found, both / wanted


def test_sample_skills_are_found_again():
    spans = [(s["text"][p["start"]:p["end"]], p["kind"], p["skill"]) for ad in truth() if ad["language"] == "en" for s in ad["sentences"] for p in s["spans"]]
    precision, recall = pairs(spans)
    print(json.dumps({"precision": round(precision, 3), "recall": round(recall, 3)}))
    assert precision > .95 and recall > .8    # the truth of the sample also counts some related names as one


def test_real_forms_become_fewer(shared):
    labels = [json.loads(line) for line in (shared/"labels"/"labels.jsonl").open(encoding="utf-8")]
    forms = {(s["text"], s["kind"]) for p in labels for s in p["spans"]}
    skills = {canonical(*f).skill_id for f in forms}
    print(len({f for f, _ in forms}), "forms,", len(skills), "skills")
    assert len(skills) < .75 * len(forms)
