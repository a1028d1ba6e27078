#!/usr/bin/env python
"""Whether the trends can be believed: coverage, false discoveries and power where the truth is known, and on real threads.

    python benchmarks/trends.py            # writes benchmarks/trends.md; seeds are fixed
    python benchmarks/trends.py --quick    # a tenth of the runs, writes nothing

The Hacker News series is read from `data/hn/` of the folder named by SKILLNB_SHARED (by default `../shared` beside the
checkout), and left out where it is not there.
"""
import json
import os
import re
import resource
import sys
import time
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from skillnb.changes import changes, comparisons, contrast, verdicts
from skillnb.correct import audit, corrected
from skillnb.prompt import truth
from skillnb.normalise import canonical
from skillnb.together import pairs, ratio
from skillnb.trends import likeness, membership, panel, weekly_shares, wilson

HERE = Path(__file__).resolve().parent
RUNS = 10 if "--quick" in sys.argv else 100
HEAD = """# trends

Made by `python benchmarks/trends.py`; seeds are fixed, so the figures come out the same. Stated everywhere: 95 % intervals, and at most
5 % false alarms among the changes announced.

"""


def table(rows, columns):
    "Markdown."
    cells = [[f"{x:.3f}" if isinstance(x, float) else str(x) for x in r] for r in rows]
    return "\n".join(["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns), *("| " + " | ".join(r) + " |" for r in cells)])


# --- changes: employers post in bursts, a fifth of the skills changes ---

def world(rng, employers, effect, rho, burst=.8, overlap=.3, skills=200, changed=40):
    "Postings asked, their employers, weights before and after, the true change of each skill, and which change."
    of = np.repeat(np.arange(employers), np.minimum(rng.zipf(1.7, employers), 40))
    side = np.where(rng.random(employers) < burst, rng.integers(0, 2, employers), -1)[of]
    when = np.where(side >= 0, side, rng.choice(3, len(of), p=[(1 - overlap) / 2, (1 - overlap) / 2, overlap]))   # 0 before, 1 after, 2 both
    share, rho = np.exp(rng.uniform(np.log(.02), np.log(.5), skills)), rng.uniform(0, rho, skills) + 1e-6
    habit = rng.beta(share * (1 / rho - 1), (1 - share) * (1 / rho - 1), (employers, skills))[of]
    more = np.where(np.arange(skills) < changed, effect * share, 0)          # in postings that are only in the later window
    asks = rng.random(habit.shape) < np.where((when == 1)[:, None], habit + (1 - habit) * more / (1 - share), habit)
    before, after = 1. * (when != 1), 1. * (when != 0)
    return sparse.csr_array(1. * asks), of, before / before.sum(), after / after.sum(), more * (when == 1).sum() / after.sum(), more > 0


def bootstrap(rng, asked, of, before, after, draws=200):
    "Percentile interval of the change, employers drawn with replacement."
    times = np.array([np.bincount(rng.integers(0, of.max() + 1, of.max() + 1), minlength=of.max() + 1)[of] for _ in range(draws)], float)
    shares = [(times * w) @ asked / (times @ w)[:, None] for w in (before, after)]
    return np.quantile(shares[1] - shares[0], [.025, .975], axis=0)


def judged(asked, of, before, after, true, moved, rng=None):
    "Coverage, false discoveries, power of each way to treat employers."
    member, enough = membership(pd.Series(of)), asked.sum(0) >= 20
    shrunk, common = likeness(asked, member)
    for way, rho in (("every ad for itself", 0.0), ("one likeness for all skills", common), ("each skill its own, drawn to the common one", shrunk)):
        found = contrast(asked, before, after, member, rho)
        told = np.isin(verdicts(found, enough)[1], ["rising", "falling"])
        right = told & moved & (found.change > 0)
        yield way, (((found.low <= true) & (true <= found.high))[enough].mean(), (told & ~moved).sum() / max(1, told.sum()), right.sum() / max(1, (moved & enough).sum()))
    if rng is not None:
        low, high = bootstrap(rng, asked, of, before, after)
        yield "bootstrap of employers", (((low <= true) & (true <= high))[enough].mean(), np.nan, np.nan)


def change_grid():
    rows = []
    for employers, effect, rho, burst in [(100, 0, .5, .8), (100, 1, .5, .8), (300, 0, .5, .8), (300, 1, .05, .8), (300, 1, .5, .8), (300, 1, .8, .8), (300, 1, .5, 0), (1000, .25, .5, .8), (1000, .5, .5, .8)]:
        rng, found = np.random.default_rng(20260105), {}
        for i in range(RUNS):
            w = world(rng, employers, effect, rho, burst)
            for way, x in judged(*w, rng if i < 20 else None): found.setdefault(way, []).append(x)
        for way, x in found.items():
            cover, false, power = np.mean(x, 0)
            rows.append((employers, len(w[1]), effect, rho, burst, way, float(cover), "–" if np.isnan(false) else f"{false:.3f}", "–" if np.isnan(power) or not effect else f"{power:.3f}"))
    return table(rows, ["employers", "postings (last run)", "effect", "likeness up to", "in bursts", "way", "coverage", "false discoveries", "power"])


# --- shares of a week, corrected shares, lifts ---

def store(asks, of=None):
    "A panel of one week from a matrix of who asks for what."
    ids, names = np.array([f"{i:05}" for i in range(len(asks))], dtype=object), np.array([f"k{k:04}" for k in range(asks.shape[1])], dtype=object)
    postings = pd.DataFrame({"posting_id": ids, "duplicate_of": None, "language": "en", "company": None if of is None else [f"E{e}" for e in of]}, dtype=object)
    i, k = np.nonzero(asks)
    return panel(pd.DataFrame({"posting_id": ids, "source": "s", "collected_on": "2026-01-05"}), postings, postings, pd.DataFrame({"posting_id": ids[i], "skill_id": names[k]}))


def numbers(names): return np.array([int(n[1:]) for n in names])


def share_grid():
    rows = []
    for employers, rho in [(60, 0.0), (60, .3), (300, .05), (300, .3), (300, .6)]:
        rng, ours, plain = np.random.default_rng(1), [], []
        for _ in range(max(5, RUNS // 2)):
            of, true = np.repeat(np.arange(employers), np.minimum(rng.zipf(1.8, employers), 20)), rng.uniform(.05, .5, 100)
            habit = rng.beta(true * (1 / rho - 1), (1 - true) * (1 / rho - 1), (employers, 100)) if rho else np.tile(true, (employers, 1))
            t = weekly_shares(store(rng.random((len(of), 100)) < habit[of], of))
            held = true[numbers(t.skill_id)]
            ours.append(((t.low <= held) & (held <= t.high)).mean())
            low, high = wilson(t.n_postings, t.n_total)
            plain.append(((low <= held) & (held <= high)).mean())
        rows.append((employers, rho, float(np.mean(plain)), float(np.mean(ours))))
    return table(rows, ["employers", "likeness", "coverage, every ad for itself", "coverage, effective number"])


def corrected_grid():
    rows = []
    for name, draw in {"recall about 0.8": lambda r, n: r.beta(8, 2, n), "recall about 0.6": lambda r, n: r.beta(12, 8, n), "half read at 0.9, half at 0.6": lambda r, n: np.where(np.arange(n) % 2, .9, .6)}.items():
        for audited in (40, 60, 150):
            rng, held = np.random.default_rng(2), []
            for _ in range(max(4, RUNS // 5)):
                true, recall, false = rng.beta(1, 8, 200), draw(rng, 200), rng.beta(1, 120, 200)
                asks = rng.random((250 + audited, 200)) < true
                says = np.where(asks, rng.random(asks.shape) < recall, rng.random(asks.shape) < false)
                whole = [pd.DataFrame({"posting_id": [f"{i:05}" for i in np.nonzero(x)[0]], "skill_id": [f"k{k:04}" for k in np.nonzero(x)[1]]}) for x in (asks, says)]
                p = store(says[:250])
                f = corrected(p, audit(*whole, [f"{i:05}" for i in range(250, 250 + audited)], p.skills))
                t = true[numbers(f.skill_id)]
                asked = f.n_postings >= 10
                held.append((((f.low <= t) & (t <= f.high)).mean(), ((f.corrected_low <= t) & (t <= f.corrected_high)).mean(), ((f.corrected_low <= t) & (t <= f.corrected_high))[asked].mean(),
                             ((f.corrected_high - f.corrected_low) / (f.high - f.low))[asked].mean()))
            rows.append((name, audited, *map(float, np.mean(held, 0))))
    return table(rows, ["tagger", "audited postings", "coverage as read", "coverage corrected", "of skills in 10 postings or more", "width, × as read"])


def lift_grid():
    rows = []
    for n in (100, 250, 1000):
        for likes in (1.0, 1.5, 2.5):
            rng, held, told, tested = np.random.default_rng(3), [], 0, 0
            for _ in range(RUNS * 5):
                pa, pb = rng.uniform(.1, .35, 2)
                a = rng.random(n) < pa
                b = rng.random(n) < np.where(a, min(.99, likes * pb), (pb - pa * min(.99, likes * pb)) / (1 - pa))
                true = min(.99, likes * pb) / pb
                if min(a.sum(), b.sum()) < 20: continue
                rare, other = (a, b) if a.sum() <= b.sum() else (b, a)
                low, high = ratio((a & b).sum() / rare.sum(), other.mean(), rare.sum(), n)
                held.append(low <= true <= high)
                told, tested = told + len(pairs(store(np.column_stack([a, b])))), tested + 1
            rows.append((n, likes, tested, float(np.mean(held)), told / max(1, tested)))
    return table(rows, ["postings", "true lift", "pairs", "coverage", "announced, tested alone"])


# --- the sample, whose trends were planted ---

def sample_table():
    ads, planted = truth(), json.loads(files("skillnb").joinpath("sample/trends.json").read_text(encoding="utf-8"))
    texts = pd.DataFrame([(ad["ad_id"], "sample", x["collected_on"]) for ad in ads for x in ad["source_ids"]], columns=["posting_id", "source", "collected_on"])
    postings = pd.DataFrame([(ad["ad_id"], None, "en", ad["company"]) for ad in ads], columns=["posting_id", "duplicate_of", "language", "company"])
    links = pd.DataFrame(sorted({(ad["ad_id"], canonical(s).skill_id) for ad in ads for s in ad["skills"]}), columns=["posting_id", "skill_id"])
    found = changes(panel(texts, postings, postings, links)).set_index("skill_id")
    rows = []
    for name, s in planted["skills"].items():
        r = found.loc[canonical(name, s["kind"]).skill_id]
        if s["shape"] != "steady" or r.verdict in ("rising", "falling"):
            rows.append((name, s["shape"], f"{r.n_before} of {r.total_before}", f"{r.n_after} of {r.total_after}", f"{r.change:+.3f} ({r.low:+.3f} to {r.high:+.3f})", r.verdict + (f", {r.note}" if isinstance(r.note, str) else "")))
    others = found.drop([canonical(n, s["kind"]).skill_id for n, s in planted["skills"].items() if s["shape"] != "steady"])
    told = others[others.verdict.isin(["rising", "falling"])]
    return table(rows, ["skill", "planted", "before", "after", "change", "verdict"]) + f"\n\nOf {len(others)} other skills, {(others.q.notna()).sum()} of them tested, {len(told)} are announced. The 15 planted as steady: " + \
        ", ".join(f"{n} {v}" for v, n in found.loc[[canonical(n, s['kind']).skill_id for n, s in planted["skills"].items() if s["shape"] == "steady"]].verdict.value_counts().items()) + "."


# --- Hacker News, whose history everybody knows ---

KNOWN = [("React", "rising", 2014, 2018), ("TypeScript", "rising", 2016, 2022), ("Kubernetes", "rising", 2015, 2020), ("Docker", "rising", 2013, 2017),
         ("Rust", "rising", 2016, 2023), ("golang", "rising", 2012, 2018), ("AWS", "rising", 2012, 2019), ("Machine Learning", "rising", 2012, 2018),
         ("AI", "rising", 2016, 2024), ("GPT", "rising", 2020, 2024), ("Postgresql", "rising", 2012, 2020), ("GraphQL", "rising", 2015, 2020), ("Terraform", "rising", 2015, 2021),
         ("Next.js", "rising", 2018, 2024), ("jQuery", "falling", 2012, 2020), ("Backbone", "falling", 2013, 2019), ("Ruby", "falling", 2012, 2022),
         ("Rails", "falling", 2012, 2022), ("PHP", "falling", 2012, 2020), ("Hadoop", "falling", 2013, 2021), ("CoffeeScript", "falling", 2013, 2019),
         ("AngularJS", "falling", 2015, 2022), ("MySQL", "falling", 2012, 2022), ("Objective-C", "falling", 2013, 2020), ("Perl", "falling", 2012, 2020)]

def hacker_news(path):
    "Month -> (postings, term -> count), oldest first. The file is a JavaScript object: its keys get quotes, its numbers a leading zero; nothing is evaluated."
    text = path.read_text(encoding="utf-8")
    def fixed(m): return (f'"{m[2]}":' if m[2] else m[1]) + ("0." if m[3] else "")
    strict = re.sub(r'("(?:[^"\\]|\\.)*":?|(?<![\w"])([A-Za-z_$][\w$]*):)(\.(?=\d))?', fixed, text[text.index("=") + 1:].strip().rstrip(";"))
    return {m["month"]: (m["num_comments"], {t: v["count"] for t, v in m["terms"].items()}) for m in reversed(json.loads(strict))}


def threads(first, second):
    "Two windows of threads compared: one row a term. A company posts in every thread, so twelve threads are taken for one (groups of twelve, all alike)."
    terms = sorted(set.intersection(*(set(n) for _, n in first + second)))
    (total1, a), (total2, b) = ((sum(t for t, _ in w), np.array([sum(n[t] for _, n in w) for t in terms])) for w in (first, second))
    asks = sparse.csr_array(np.vstack([np.arange(total1)[:, None] < a, np.arange(total2)[:, None] < b]) * 1.)
    half, groups = np.repeat([1., 0.], [total1, total2]), pd.Series(np.concatenate([np.arange(total1) // len(first), -1 - np.arange(total2) // len(second)]))
    found = contrast(asks, half / total1, (1 - half) / total2, membership(groups), 1.0)
    verdict = verdicts(found, a + b >= 20)[1]
    return found.assign(term=terms, before=a, after=b, total_before=total1, total_after=total2, tested=a + b >= 20, verdict=verdict).set_index("term")


def hn_table(series):
    months, rows, made = list(series), [], {}
    def year(y):
        end = months.index(f"May{y % 100}")
        return [series[m] for m in months[end - 11:end + 1]]
    for term, expected, first, second in KNOWN:
        r = made.setdefault((first, second), threads(year(first), year(second))).loc[term]
        rows.append((term, f"{first}: {r.before} of {r.total_before}", f"{second}: {r.after} of {r.total_after}", f"{r.change:+.3f} ({r.low:+.3f} to {r.high:+.3f})", r.verdict, expected))
    def told(pairs_):
        both = [threads(a, b) for a, b in pairs_]
        n, tested = (sum(int(x.sum()) for x in xs) for xs in ([t.verdict.isin(["rising", "falling"]) for t in both], [t.tested for t in both]))
        return len(both), tested, n, n / tested
    one = [[series[m]] for m in months]
    calm = [("a thread and the next", zip(one, one[1:])), ("January, March, May … against February, April …", [(year(y)[::2], year(y)[1::2]) for y in range(2012, 2025)])]
    calm += [(f"a year and the {'next' if g == 1 else f'{g}th after'}", [(year(y), year(y + g)) for y in range(2012, 2025 - g)]) for g in (1, 5, 10)]
    quiet = table([(name, *told(p)) for name, p in calm], ["windows", "comparisons", "terms tested", "announced", "part announced"])
    right, wrong = sum(r[-1] == r[-2] for r in rows), sum({r[-1], r[-2]} == {"rising", "falling"} for r in rows)
    return f"{right} of {len(rows)} well-known rises and falls are found, {wrong} with the wrong sign.\n\n" + \
        table(rows, ["term", "before", "after", "change", "verdict", "known as"]) + "\n\nAnd it keeps quiet where nothing happens:\n\n" + quiet


# --- size ---

def size_table():
    "Seconds of each function beside one pandas pivot of the same links, and the peak memory of this process."
    rows = []
    for n, skills in ((2_000, 2_000), (20_000, 5_000), (100_000, 10_000)):
        rng, ids = np.random.default_rng(0), np.array([f"{i:06}" for i in range(n)], dtype=object)
        weeks = pd.to_datetime("2025-01-06") + pd.to_timedelta(7 * rng.integers(0, 26, n), unit="D")
        texts = pd.concat([pd.DataFrame({"posting_id": ids, "source": "s", "collected_on": weeks + pd.Timedelta(days=7 * k)}) for k in range(3)])
        names = np.array([f"k{k:05}" for k in range(skills)], dtype=object)
        links = pd.DataFrame({"posting_id": np.repeat(ids, 20), "skill_id": names[np.minimum(rng.zipf(1.25, 20 * n) - 1, skills - 1)]})
        postings = pd.DataFrame({"posting_id": ids, "duplicate_of": None, "language": "en", "company": [f"E{e}" for e in np.minimum(rng.zipf(1.6, n), n // 4)]}, dtype=object)
        def clock(f):
            start = time.perf_counter()
            made = f()
            return time.perf_counter() - start, made
        floor, _ = clock(lambda: links.drop_duplicates().merge(texts, on="posting_id").groupby(["skill_id", "collected_on"]).size())
        made, p = clock(lambda: panel(texts, postings, links[["posting_id"]], links))
        each = [made, *(clock(f)[0] for f in (lambda: weekly_shares(p), lambda: changes(p), lambda: comparisons(p), lambda: pairs(p)))]
        rows.append((f"{n:,}", f"{skills:,}", *(f"{s / floor:.1f}" for s in each), f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB"))
    return table(rows, ["postings", "skills", "panel", "weekly_shares", "changes", "comparisons", "pairs", "peak memory so far"])


def main():
    hn = Path(os.environ.get("SKILLNB_SHARED", HERE.parent.parent/"shared"))/"data"/"hn"/"terms_2011_2024.js"
    parts = [("Changes", "Skills of shares 0.02 to 0.5, a fifth of which grow by `effect` (1: double) in the postings that are new in the second window; 30 % of the others stand in both. "
              "Employers have 1 to 40 postings, alike with an intra-class correlation drawn up to the one stated; `in bursts` is the part of employers that post in one window only. "
              "Without an effect, false discoveries are the part of runs in which anything is announced. "
              "The third way is the one used. The bootstrap covers a little less, and gives no p-value fine enough for a thousand tests.", change_grid),
             ("Shares of a week", "", share_grid),
             ("Corrected shares", "250 postings, 200 skills, false alarms in about 0.8 % of the postings.", corrected_grid),
             ("Lift", "Of pairs with a lift of 1 at most 5 % should be announced when each is tested alone.", lift_grid),
             ("The sample's planted trends", "Six weeks against six, from the truth of the bundled sample.", sample_table),
             ("Size", "Seconds as a multiple of one pandas merge and count of the same links by week; 20 links and three weeks a posting.", size_table)]
    text = HEAD + "\n\n".join(f"## {title}\n\n{note}\n\n{f()}" for title, note, f in parts) + "\n"
    if hn.is_file():
        text += "\n## Hacker News, \"Who is hiring\"\n\nA year of threads (June to May) against another, all terms tested together. Companies post again every month, so twelve threads count as one, which is the careful side. Counts of terms and postings by Ryan Williams, hiringtrends (MIT).\n\n" + hn_table(hacker_news(hn)) + "\n"
    print(text)
    if "--quick" not in sys.argv and hn.is_file(): (HERE/"trends.md").write_text(re.sub(r"\n{3,}", "\n\n", text), encoding="utf-8")


if __name__ == "__main__": main()
