"""A small synthetic store for the site's tests: nine weeks, forty skills, and as many skills and postings that attack the page."""
import random
import shutil

import numpy as np
import pandas as pd
from payloads import PAYLOADS
from statsmodels.stats.proportion import proportion_confint

from skillnb.finish import finished
from skillnb.plot import ASSETS, map_fragment
from skillnb.schema import TABLES
from skillnb.site import framed
from skillnb.store import Store

SKILLS = {
    "programming": "Python, SQL, Java, C++, Rust, Scala, Go, Git, Linux, Bash",
    "models": "PyTorch, TensorFlow, scikit-learn, deep learning, computer vision, NLP, LLMs, transformers, XGBoost, reinforcement learning",
    "platforms": "AWS, Azure, GCP, Kubernetes, Docker, Terraform, Airflow, Spark, Kafka, MLflow",
    "people": "teamwork, communication, mentoring, ownership, curiosity, leadership, planning, empathy, writing, presenting",
}
DAYS = [f"{d:%Y-%m-%d}" for d in pd.date_range("2025-02-09", periods=9, freq="7D")]


def vocabulary():
    rows = [(n.lower().replace("+", "p").replace(" ", "-"), n, "soft" if c == "people" else "hard", c) for c, names in SKILLS.items() for n in names.split(", ")]
    return pd.DataFrame(rows + [(attack(k), p, "hard", "models") for k, p in enumerate(PAYLOADS)], columns=["skill_id", "name", "kind", "cluster"])


def attack(k): return f"attack-{k:02}"


def _odds(skill_id, k, late):
    "How often a posting names a skill: the popular come first, `rust` grows, some attacks are popular and the longest are rare."
    if skill_id.startswith("attack"): return .7 if k % 10 == 2 else .02 if len(PAYLOADS[k - 40]) > 1000 else .15
    return (.85 - .07 * (k % 10)) * (late if skill_id == "rust" else 1) * .8


def _advert(rng, i, day, vocab):
    "One posting: sentences, each naming a skill, as segments and mentions."
    late, text, spans = DAYS.index(day) / (len(DAYS) - 1), "", []
    wanted = [r for k, r in enumerate(vocab.itertuples()) if rng.random() < _odds(r.skill_id, k, late) or r.skill_id == attack(i)] or [next(vocab.itertuples())]
    for r in wanted:
        before = f"{rng.choice(['You know', 'We work with', 'Experience in', 'Every day we use'])} "
        start = len(text) + len(before)
        spans.append((len(text), start, start + len(r.name), r, rng.choice(["required", "preferred", "duty", "other"])))
        text += f"{before}{r.name} {rng.choice(['in projects that matter', 'at scale', 'with the whole team'])}.\n"
        spans[-1] += (len(text) - 1,)
    return f"{i:016x}", text, spans


def fill(root, n=22):
    "Write the whole store; returns it."
    rng, vocab, rows = random.Random(7), vocabulary(), {t: [] for t in TABLES}
    for w, day in enumerate(DAYS):
        part = {t: [] for t in ("sightings", "texts", "postings", "segments", "mentions", "links")}
        for i in range(w * n, w * n + n):
            pid, text, spans = _advert(rng, i, day, vocab)
            title, company, url = [PAYLOADS[i]] * 3 if i < len(PAYLOADS) else ("ML engineer", f"Company {i % 17}", f"https://example.org/{i}")
            place, seniority = (PAYLOADS[i],) * 2 if i < len(PAYLOADS) else ("Bern", "senior")
            for copy in range(rng.choice([1, 1, 2, 4])):
                part["sightings"].append({"source": "sample", "source_id": f"{pid}-{copy}", "posted_at": day, "url": url, "title": title, "company": company, "place": place, "seniority": seniority, "raw": text})
                part["texts"].append(("sample", f"{pid}-{copy}", pid, title, company, "en", text))
            part["postings"].append((pid, title, company, "sample", url, "en", text, day, day, 1, None))
            for a, start, end, r, section, b in spans:
                part["segments"].append((pid, a, b, section, None, "en"))
                part["mentions"].append((pid, start, end, text[start:end], r.kind, section, round(rng.uniform(.6, 1), 3), "tiny-tagger"))
                part["links"].append((pid, start, end, r.skill_id, "exact", 1.0))
                rows["trends"].append((r.skill_id, day, pid))
        for t, found in part.items(): Store(root).write(t, pd.DataFrame(found, columns=TABLES[t].schema.names), day)
    _measures(Store(root), vocab, pd.DataFrame(rows["trends"], columns=["skill_id", "day", "posting_id"]), n, rng)
    return Store(root)


def _measures(store, vocab, named, n, rng):
    "The tables that sum up: skills, trends, changes, scores, dropped, runs."
    def write(t, found): store.write(t, pd.DataFrame(found, columns=TABLES[t].schema.names), DAYS[-1])
    total, center = named.groupby("skill_id").posting_id.nunique(), {c: [rng.uniform(-4, 4) for _ in "uvxyz"] for c in SKILLS}
    write("skills", [(r.skill_id, r.name, r.kind, [r.name.lower(), r.name.upper()], total[r.skill_id], r.cluster, *(c + rng.gauss(0, .8) for c in center[r.cluster]))
                     for r in vocab.itertuples() if r.skill_id in total])
    weekly, monday = named.groupby(["skill_id", "day"]).posting_id.nunique().unstack(fill_value=0), {d: pd.Timestamp(d) - pd.Timedelta(days=6) for d in DAYS}
    write("trends", [(k, monday[d], c, n, n, c / n, *proportion_confint(c, n, method="wilson"), "share") for k, row in weekly.iterrows() for d, c in row.items()])
    changes = []
    for k, row in weekly.iterrows():
        a, b, m = row.iloc[1:5].sum(), row.iloc[5:].sum(), 4 * n
        d, e = b / m - a / m, 1.96 * ((a / m * (1 - a / m) + b / m * (1 - b / m)) / m) ** .5
        changes.append((k, a, m, a / m, b, m, b / m, d, d - e, d + e, 17, .5, "rising" if d - e > .1 else "falling" if d + e < -.1 else "can't tell", None, d, 0., 0., 0.))
    write("changes", changes)
    write("comparisons", [(k, "raw", *row) for k, *row in (c[:10] for c in changes)])
    write("scores", [("held-out postings", "strict F1, hard", .812, .79, .83, 940, "tiny-tagger"), ("held-out postings", "strict F1, hard", .52, .49, .55, 940, "floor: memorised spans"),
                     ("held-out postings", "strict F1, soft", .61, .55, .67, 210, "tiny-tagger")])
    write("dropped", [("clean", f"sample/x{i}", "no text") for i in range(7)] + [("tag", "sample/fr", "language not covered: fr")] + [("clean", p, p) for p in PAYLOADS])
    write("sources", [("sample", PAYLOADS[0], PAYLOADS[2], PAYLOADS[6], PAYLOADS[31], "followed", True)])
    write("facets", [("place", p, "python", 21, 30, 30., .7, .5, .85, "share") for p in PAYLOADS])
    write("pairs", [("python", attack(k), 21, 30, 25, 90, 2., 1.4, 2.6, .01, "together") for k in range(len(PAYLOADS))])
    _closer(write, vocab, weekly, monday, n)
    write("runs", [("20250413T060000", s, "2025-04-13T06:00:00+00:00", 3.2 + i, 210.0 + 90 * i, 100 * i, "done") for i, s in enumerate(("fetch", "clean", "dedup", "train", "tag"))])


def _closer(write, vocab, weekly, monday, n):
    "The tables of the pages that look closer: groups, countings, sections, first steps, an audit, what was published."
    groups = {"programming": "languages", "models": "methods", "platforms": "platforms and cloud", "people": "soft skills"}
    write("vocabulary", [(r.skill_id, r.name, r.kind, groups[r.cluster], [], 1, 1) for r in vocab.itertuples()])
    def rows(c, n): return c, n, n, c / n, *proportion_confint(c, n, method="wilson"), "share" if n >= 20 else "not enough data"
    write("countings", [(way, k, monday[d], *rows(c // 2, n // 2)) for k, row in weekly.iterrows() for d, c in row.items() for way in ("new", "sightings")])
    write("sections", [(k, s, *rows(row.sum() // part, row.sum())) for k, row in weekly.iterrows() for s, part in (("required", 2), ("preferred", 4), ("duty", 5), ("other", 9)) if row.sum()])
    write("kinds", [(monday[DAYS[-1]], kind, s, *rows(c, n)) for kind, s, c in (("hard", "required", 20), ("hard", "preferred", 12), ("soft", "required", 9))])
    write("steps", [(1, "python", 40, 40, 99, .4, .31, .5, .2), (2, "sql", 5, 45, 99, .45, .36, .55, .3)])
    write("corrected", [("python", 80, 88, .91, .83, .95, 40, 30, 4, 1, .96, .84, .99, .88, .74, .95, .98, .9, 1., "corrected")])
    write("concepts", [("python", 1, "http://data.europa.eu/esco/skill/1", "Python (computer programming)", 1., True)])
    write("drift", [("mean score", .9, .85, .95, n, 8, .7, .99, False, "tiny-tagger")])
    write("promotions", [("2025-04-13T06:00:00", "tiny-tagger", "promoted", "shipped", 40, .81, .02, .01, .03, PAYLOADS[0])])
    write("folds", [(f"{i:016x}", f"{i - 1:016x}", "text", .8) for i in (150, 151)])
    write("published", [("python", monday[d], 20, 22, .9, .72, .97, f"{m}, floor 20, 95%", "0.1.0-abc", "tiny-tagger") for m, d in enumerate(DAYS[-2:], 1)])


def crowded(n=20_000, weeks=20, seed=3):
    "Rows of `skills` and `trends` for a map of many skills: demand as in real weeks (few are asked by many), places in crowds."
    rng = np.random.default_rng(seed)
    demand = np.maximum(1, (3000 / np.arange(1, n + 1) ** .8).astype(int))
    crowd = rng.integers(0, 12, n)
    places = rng.normal(0, 3, (12, 5))[crowd] + rng.normal(0, 1, (n, 5))
    words = [f"{a}{b}" for a in "ba ke li mo nu ra se ti vo zu".split() for b in "dra fel gon lim mar nos pix rum ton vex".split()]
    skills = pd.DataFrame({"skill_id": [f"skill-{i}" for i in range(n)], "name": [f"{words[i % 100]} {words[i // 100 % 100]} {i}" for i in range(n)], "kind": "hard", "n_postings": demand,
                           "cluster": [f"crowd {c}" for c in crowd], **dict(zip("uvxyz", places.T))})
    rows = []
    for week in pd.date_range("2025-01-06", periods=weeks, freq="7D"):
        k = rng.binomial(demand, 1 / weeks)
        at = np.flatnonzero(k)
        low, high = proportion_confint(k[at], 4000, method="wilson")
        rows.append(pd.DataFrame({"skill_id": skills.skill_id.values[at], "week": week, "n_postings": k[at], "n_total": 4000, "share": k[at] / 4000, "low": low, "high": high}))
    return skills, pd.concat(rows, ignore_index=True)


def map_page(folder, skills, trends, paged=50):
    "The page of the map alone, with what it needs beside it; returns the folder."
    body = map_fragment(skills, trends, paged, "a map for a test")
    (folder/"assets").mkdir(parents=True)
    for name in ("site.css", "site.js", "map.js", "icon.svg"): shutil.copy(ASSETS/name, folder/"assets"/name)
    (folder/"map.html").write_text(finished(framed("Skill map", body, "map.html"), "map.html"), encoding="utf-8")
    return folder
