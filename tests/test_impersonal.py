"""No person's data reaches a table: planted in every field of every source, and searched for in every file of a store."""
import json
import re

import pyarrow.parquet as pq
import pytest

from servers import KEY, BoardsServer, HNServer, LinkedInServer, arbeitnow_job, ashby_job, comment, greenhouse_job, job, lever_job, remoteok_job, remotive_job
from skillnb.boards import KINDS, Board
from skillnb.config import FetchConfig, HNConfig, LinkedInConfig
from skillnb.fetch import collect
from skillnb.files import TableFile, TextFolder
from skillnb.hn import HackerNews
from skillnb.linkedin import LinkedIn
from skillnb.store import Store
from skillnb.web import Web

PLANTED = ("mary.poppins@example.com", "+1 415-555-2671", "415-555-0134", "Mary Poppins", "linkedin.com/in/mary-poppins", "poppins_hn")
HERE = ("Contact: Mary Poppins, mary.poppins@example.com, phone 415-555-0134 or +1 415-555-2671, https://www.linkedin.com/in/mary-poppins. "
        "We use Python for machine learning.")
SAFE = ("id", "slug", "objectID", "created_at", "parent_id", "story_id", "children", "internal_job_id", "isListed", "workplaceType", "isRemote")


def planted(row):
    "`row` with the data of a person in every field: in texts, in lists of texts, in objects, and in fields that should be something else."
    def into(value, key=""):
        if isinstance(value, dict): return {k: into(v, k) for k, v in value.items()} | {"recruiter": HERE}
        if isinstance(value, list): return [into(v) for v in value] + [HERE]
        if isinstance(value, str) and value.startswith("http"): return f"{value}?to=mary.poppins@example.com"
        return f"ML engineer. {HERE}"
    return {k: v if k in SAFE else into(v, k) for k, v in row.items()}


PEOPLE = {"recruiter_name": "Mary Poppins", "recruiter_title": "Recruiter Mary Poppins", "recruiter_url": "https://www.linkedin.com/in/mary-poppins",
          "ai_hiring_manager_name": "Mary Poppins", "ai_hiring_manager_email_address": "mary.poppins@example.com"}


def web(name): return Web(name, 5, 0, key=KEY, backoff=0)


def linkedin(tmp_path):
    server = LinkedInServer([planted(job(1)) | PEOPLE, job(2, description_text=HERE + " Ask MARY POPPINS.", url="https://www.linkedin.com/in/mary-poppins") | PEOPLE,
                             job(3, id="mary.poppins@example.com") | PEOPLE, job(4, description_text=None, id="mary.poppins@example.com 4") | PEOPLE, HERE])
    with server.serve() as address: return collect([LinkedIn(LinkedInConfig(base_url=address), web("linkedin"))])


def hn(tmp_path):
    with HNServer([planted(comment(1, "")) | {"author": "poppins_hn"}, comment(2, f"Acme (mary.poppins@example.com) | ML Engineer, contact Mary Poppins | 415-555-0134<p>{HERE}", author="poppins_hn"),
                   comment(3, None, author="poppins_hn")]).serve() as address:
        return collect([HackerNews(HNConfig(base_url=address), web("hn"), ())])


def files(tmp_path):
    (tmp_path/"05-01-2026").mkdir()
    (tmp_path/"05-01-2026"/"mary.poppins@example.com.txt").write_text(HERE)
    (tmp_path/"05-01-2026"/"415-555-0134.txt").write_text(HERE)
    (tmp_path/"05-01-2026"/"mary.poppins@example.com.pdf").write_text(HERE)
    keys = ("title", "company", "place", "url", "remote", "seniority", "employment_type", "salary_min", "salary_currency", "salary_period", "posted_at", "collected_on", "id")
    (tmp_path/"mary.poppins@example.com.jsonl").write_text("\n".join(map(json.dumps, [{"text": HERE} | dict.fromkeys(keys, HERE), {"text": None, "id": HERE}, HERE])))
    return collect([TextFolder(tmp_path), TableFile(tmp_path/"mary.poppins@example.com.jsonl")])


JOBS = {"greenhouse": greenhouse_job, "lever": lever_job, "ashby": ashby_job, "arbeitnow": arbeitnow_job, "remoteok": remoteok_job, "remotive": remotive_job}

def board(name):
    def fetch(tmp_path):
        company = "acme" if "{}" in KINDS[name].path else ""
        with BoardsServer({(name, company): [planted(JOBS[name](1)), planted(JOBS[name](2)) | {"id": HERE, "slug": HERE}]}).serve() as address:
            settings = {"base_url": address} | ({"companies": (company,)} if company else {})
            return collect([Board(KINDS[name], FetchConfig(**{name: settings}, topic=()), web(name))])
    return fetch


@pytest.mark.parametrize("fetch", [linkedin, hn, files, *map(board, JOBS)], ids=["linkedin", "hn", "files", *JOBS])
def test_nothing_planted_is_in_any_file(fetch, tmp_path):
    (tmp_path/"in").mkdir()
    found, store = fetch(tmp_path/"in"), Store(tmp_path/"store")
    assert len(found.sightings) and not found.dropped.reason.str.contains("skillnb").any()
    for t in ("sightings", "dropped"):
        for day, part in getattr(found, t).groupby("collected_on"): store.write(t, part.drop(columns="collected_on"), day)
    store.write("sources", found.sources, found.day)
    store.write("calls", found.calls, found.day)
    tables = [pq.read_table(p, partitioning=None).to_pandas().to_csv() for p in (tmp_path/"store").rglob("*.parquet")]
    whole = "\n".join(tables)
    assert len(tables) >= 3 and "Python" in whole
    assert not [p for p in PLANTED if p.lower() in whole.lower()], whole[:2000]
    assert not re.search(r"[\w.]+@[\w-]+\.\w", whole)
