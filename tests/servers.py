"""Servers that tests start on loopback: job-posting interfaces in their documented shapes, and every fault they are known for."""
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

KEY = "a-key-that-opens-nothing"
INVALID = {"message": "Invalid API key. Go to https://docs.rapidapi.com/docs/keys for more info."}
NOT_SUBSCRIBED = {"message": "You are not subscribed to this API."}
A_SECOND = {"message": "You have exceeded the rate limit per second for your plan, BASIC, by the API provider"}
A_MONTH = {"message": "You have exceeded the MONTHLY quota for Requests on your current plan, BASIC. Upgrade your plan at https://rapidapi.com/x"}
BAD_GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body><script>alert(1)</script></body></html>"


@contextmanager
def serving(handler):
    "Run a request handler on a free port of this machine; yields its address."
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try: yield f"http://127.0.0.1:{server.server_port}"
    finally: server.shutdown(); server.server_close()


class Server:
    """A server whose next replies may be faults; `calls` holds the (path, query) of each call.

    `replies` are given once each, in order, before the true answer. None: the true answer. (status, body, headers): that.
    "cut": the connection ends inside the body. "silent": nothing comes until the client gives up. "closed": the connection
    ends without a reply. "half": half of a JSON, of the length that was announced. A function is called with the server
    before the true answer is given: rows may move."""
    def __init__(self, replies=()):
        self.replies, self.calls, self.over = list(replies), [], threading.Event()

    def answer(self, path, query, headers): raise NotImplementedError

    def reply(self, path, query, headers):
        "(status, body, headers, how it is sent) of one call."
        self.calls.append((path, query))
        fault = self.replies.pop(0) if self.replies else None
        if callable(fault): fault = fault(self)
        if isinstance(fault, tuple): return (*(*fault, {})[:3], "")
        return (*self.answer(path, query, headers), fault or "")

    def send(self, handler):
        there = urlsplit(handler.path)
        status, body, headers, how = self.reply(there.path, {k: v[0] for k, v in parse_qs(there.query).items()}, handler.headers)
        data = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        if how == "half": data = data[:len(data) // 2]
        if how == "silent": self.over.wait(20)
        if how in ("silent", "closed"): return handler.connection.close()
        handler.send_response(status)
        for k, v in {**headers, "Content-Length": str(len(data))}.items(): handler.send_header(k, v)
        handler.end_headers()
        handler.wfile.write(data[:len(data) // 2] if how == "cut" else data)

    @contextmanager
    def serve(self):
        "Yields the address."
        outer = self
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                try: outer.send(self)
                except OSError: pass   # the client went away
            def log_message(self, *args): pass
            def finish(self):
                try: super().finish()
                except (OSError, ValueError): pass
        with serving(Handler) as address:
            try: yield address
            finally: self.over.set()


def job(n, **fields):
    "One object as LinkedIn Job Search serves it: every field present, most of them null."
    empty = dict.fromkeys("""organization_url date_validthrough locations_raw location_type location_requirements_raw salary_raw source_type source_domain
        organization_logo cities_derived counties_derived regions_derived countries_derived timezones_derived lats_derived lngs_derived linkedin_org_employees
        linkedin_org_url linkedin_org_size linkedin_org_slogan linkedin_org_industry linkedin_org_followers linkedin_org_headquarters linkedin_org_type
        linkedin_org_foundeddate linkedin_org_locations linkedin_org_description linkedin_org_recruitment_agency_derived seniority directapply linkedin_org_slug
        no_jb_schema external_apply_url ats_duplicate""".split())
    return empty | {"id": str(1_885_779_000 + n), "date_posted": "2025-10-13T13:28:00.7", "date_created": "2025-10-13T13:33:37.272802", "title": f"ML engineer {n}",
            "organization": "Fictional Works", "employment_type": ["FULL_TIME"], "url": f"https://www.linkedin.com/jobs/view/ml-engineer-{1_885_779_000 + n}",
            "source": "linkedin", "locations_derived": ["Atlanta, Georgia, United States"], "remote_derived": False, "linkedin_org_specialties": [""],
            "description_text": f"Posting {n}: we use Python and SQL every day. Show more Show less"} | fields


class LinkedInServer(Server):
    "LinkedIn Job Search (RapidAPI): a bare list, paged by offset, quota in headers and counted down, errors as objects."
    def __init__(self, jobs=(), replies=(), jobs_left=200_000, requests_left=25_000):
        super().__init__(replies)
        self.jobs, self.jobs_left, self.requests_left = list(jobs), jobs_left, requests_left

    def answer(self, path, query, headers):
        if not headers.get("x-rapidapi-host"): return 400, {"message": "Missing x-rapidapi-host"}, {}
        if headers.get("x-rapidapi-key") != KEY: return 403, {"message": f"You are not subscribed to this API. ({headers.get('x-rapidapi-key')})"}, {}
        if path not in ("/active-jb-7d", "/active-jb-24h", "/active-jb-6m"): return 404, {"message": f"Endpoint '{path}' does not exist"}, {}
        if self.requests_left < 1: return 429, A_MONTH, self.quota()
        return 200, self.page(path, query), self.quota()

    def page(self, path, query):
        most = 500 if "6m" in path else 100
        limit, offset = min(max(int(query.get("limit", most)), 10), most), int(query.get("offset", 0))
        rows = self.jobs[offset:offset + limit][:max(self.jobs_left, 0)]
        self.jobs_left, self.requests_left = self.jobs_left - len(rows), self.requests_left - 1
        if "description_type" in query: return rows
        return [{k: v for k, v in r.items() if k != "description_text"} if isinstance(r, dict) else r for r in rows]

    def quota(self):
        return {"x-ratelimit-jobs-limit": "200000", "x-ratelimit-jobs-remaining": str(self.jobs_left), "x-ratelimit-jobs-reset": "2505077",
                "x-ratelimit-requests-limit": "25000", "x-ratelimit-requests-remaining": str(self.requests_left)}


def comment(n, text, story=100, **fields):
    "A comment of a thread as `/items` serves it."
    return {"id": n, "created_at": "2026-05-01T15:01:10.000Z", "created_at_i": 1777647670, "type": "comment", "author": f"user{n}", "title": None, "url": None,
            "text": text, "points": None, "parent_id": story, "story_id": story, "options": [], "children": []} | fields


class HNServer(Server):
    "Hacker News through Algolia: stories of the hiring account, and whole threads; the search ends at 1,000 hits."
    def __init__(self, comments=(), replies=(), title="Ask HN: Who is hiring? (May 2026)"):
        super().__init__(replies)
        stories = [(103, "Ask HN: Who wants to be hired? (May 2026)"), (102, "Ask HN: Freelancer? Seeking freelancer? (May 2026)"), (100, title)]
        self.stories, self.threads = stories, {100: list(comments)}

    def answer(self, path, query, headers):
        if path == "/search_by_date" and "story" in query.get("tags", "").split(","): return 200, self.hits([self.story(i, t) for i, t in self.stories], query), {}
        if path == "/search_by_date":
            thread = int(query["tags"].split("story_")[1])
            return 200, self.hits([self.hit(c) for c in self.threads[thread]], query), {}
        thread = path.removeprefix("/items/")
        if not thread.isdecimal() or int(thread) not in self.threads: return 404, {"status": 404, "error": "Not Found"}, {}
        return 200, comment(int(thread), "Please state the location.", type="story", author="whoishiring", children=self.threads[int(thread)]), {}

    def hits(self, rows, query):
        size, page = min(int(query.get("hitsPerPage", 20)), 1000), int(query.get("page", 0))
        return {"hits": rows[:1000][page * size:page * size + size], "nbHits": len(rows), "page": page, "nbPages": -(-min(len(rows), 1000) // size),
                "hitsPerPage": size, "exhaustiveNbHits": True, "query": "", "params": "", "processingTimeMS": 4}

    def story(self, i, title):
        return {"objectID": str(i), "created_at": "2026-05-01T15:00:00Z", "created_at_i": 1777647600, "author": "whoishiring", "title": title, "points": 300,
                "story_text": "Please state the location.", "num_comments": 397, "_tags": ["story", "author_whoishiring", f"story_{i}"]}

    def hit(self, c): return {"objectID": str(c["id"]), "comment_text": c["text"], "author": c["author"], "parent_id": c["parent_id"], "story_id": c["story_id"]}


def greenhouse_job(n, **fields):
    return {"id": 8559344000 + n, "internal_job_id": 4144381000 + n, "title": "ML Engineer", "company_name": "Acme", "updated_at": "2026-08-03T07:12:33-04:00",
            "first_published": "2026-06-29T02:02:50-04:00", "application_deadline": None, "requisition_id": "FEQ327R203", "language": "en",
            "location": {"name": "Tokyo, Japan; Bern"}, "absolute_url": f"https://acme.example/jobs?gh_jid={8559344000 + n}",
            "metadata": [{"id": 1, "name": "Category", "value": ["Field Engineering"], "value_type": "multi_select"}, {"id": 2, "name": "x", "value": "y", "value_type": "single_select"}],
            "content": "&lt;p data-x=&quot;1&quot;&gt;We use Python &amp;amp; SQL.&lt;/p&gt;&lt;ul&gt;&lt;li&gt;Kubernetes&lt;/li&gt;&lt;/ul&gt;", "departments": [], "offices": []} | fields


def lever_job(n, **fields):
    return {"id": f"33538a2f-d27d-4a96-8f05-{n:012d}", "text": "Machine Learning Engineer", "country": "US", "workplaceType": "hybrid",
            "categories": {"commitment": "Full-time", "department": "Engineering", "location": "Arlington, TX", "team": "ML", "allLocations": ["Arlington, TX"]},
            "createdAt": 1553186035299, "opening": "<div>Hi</div>", "openingPlain": "Hi", "description": "<div>We build things.</div>", "descriptionPlain": "We build things.",
            "lists": [{"text": "Qualifications", "content": "<li>Python</li><li>Rust</li>"}], "additional": "", "additionalPlain": "Apply soon.",
            "salaryRange": {"currency": "USD", "interval": "per-year-salary", "min": 100000, "max": 150000}, "hostedUrl": f"https://jobs.lever.co/acme/{n}",
            "applyUrl": f"https://jobs.lever.co/acme/{n}/apply"} | fields


def ashby_job(n, **fields):
    return {"id": f"8fb1615c-{n:04d}", "title": "ML Engineer", "department": "R&D", "team": "ML", "employmentType": "FullTime", "location": "San Francisco",
            "secondaryLocations": [{"location": "Bern", "address": {}}], "publishedAt": "2026-03-12T16:38:15.322+00:00", "isListed": True, "isRemote": None,
            "workplaceType": None, "address": {"postalAddress": {"addressCountry": "United States"}}, "jobUrl": f"https://jobs.ashbyhq.com/acme/{n}",
            "applyUrl": f"https://jobs.ashbyhq.com/acme/{n}/application", "descriptionHtml": "<p>We use Go.</p>", "descriptionPlain": "We use Go.",
            "compensation": {"compensationTierSummary": "$81K – $87K", "summaryComponents": [
                {"compensationType": "EquityPercentage", "interval": "NONE", "currencyCode": None, "minValue": 0.5, "maxValue": 1.75},
                {"compensationType": "Salary", "interval": "1 YEAR", "currencyCode": "USD", "minValue": 81000, "maxValue": 87000}]}} | fields


def arbeitnow_job(n, **fields):
    return {"slug": f"ml-engineer-bern-{n}", "company_name": "acme", "title": "ML Engineer", "description": "&lt;div&gt;We use Python.&lt;/div&gt;" if n % 2 else "<div>We use Python.</div>",
            "remote": bool(n % 2), "url": f"https://www.arbeitnow.com/jobs/companies/acme/{n}", "tags": ["Machine Learning (515)"], "job_types": [], "location": "Bern",
            "created_at": 1785801338} | fields


LEGAL = {"last_updated": 1785719389, "legal": "API Terms of Service: Please link back (with follow, and without nofollow!) to the URL on Remote OK"}


def remoteok_job(n, **fields):
    return {"slug": f"remote-ml-engineer-{n}", "id": str(1136000 + n), "epoch": 1785719389, "date": "2026-08-03T01:09:49+00:00", "company": "Acme", "company_logo": "",
            "position": "ML Engineer", "tags": ["python"], "description": "We use Pythonâ€™s tools<br><br>every day", "location": "Cambridge, ",
            "apply_url": f"https://remoteOK.com/remote-jobs/{n}", "salary_min": 0, "salary_max": 0, "logo": "", "url": f"https://remoteOK.com/remote-jobs/{n}"} | fields


def remotive_job(n, **fields):
    return {"id": 2091000 + n, "url": f"https://remotive.com/remote-jobs/data/ml-engineer-{n}", "title": "ML Engineer", "company_name": "Acme", "company_logo": "https://x.example",
            "category": "Data", "tags": ["python"], "job_type": "full_time", "publication_date": "2026-07-28T14:23:05", "candidate_required_location": "Americas, Europe",
            "salary": "", "description": "<p>We use Python.</p>"} | fields


class BoardsServer(Server):
    "Greenhouse, Lever, Ashby, Arbeitnow, Remote OK and Remotive on one address; `boards` maps (source, company) to rows."
    def __init__(self, boards=(), replies=(), per_page=100):
        super().__init__(replies)
        self.boards, self.per_page = dict(boards), per_page

    def answer(self, path, query, headers):
        parts = [unquote(p) for p in path.strip("/").split("/")]
        if parts[:2] == ["v1", "boards"]: return self.greenhouse(parts[2], query)
        if parts[:2] == ["v0", "postings"]: return self.lever(parts[2], query)
        if parts[:2] == ["posting-api", "job-board"]:
            rows = self.boards.get(("ashby", parts[2]))
            return (404, "Not Found", {}) if rows is None else (200, {"apiVersion": "1", "jobs": rows}, {})
        if parts == ["api", "job-board-api"]: return self.arbeitnow(int(query.get("page", 1)))
        if parts == ["api"]: return 200, [LEGAL, *self.boards.get(("remoteok", ""), ())], {}
        if parts == ["api", "remote-jobs"]:
            rows = self.boards.get(("remotive", ""), ())
            return 200, {"00-warning": "…", "0-legal-notice": "Remotive API Legal Notice", "job-count": len(rows), "total-job-count": len(rows), "jobs": rows}, {}
        return 404, {"error": "Not Found"}, {}

    def greenhouse(self, board, query):
        rows = self.boards.get(("greenhouse", board))
        if rows is None: return 404, {"status": 404, "error": "Job not found"}, {}
        if query.get("content") != "true": rows = [{k: v for k, v in r.items() if k not in ("content", "departments", "offices")} for r in rows]
        return 200, {"jobs": rows, "meta": {"total": len(rows)}}, {}

    def lever(self, site, query):
        rows = self.boards.get(("lever", site))
        if rows is None: return 404, {"ok": False, "error": "Document not found"}, {}
        skip, limit = int(query.get("skip", 0)), int(query.get("limit", len(rows) or 1))
        return 200, rows[skip:skip + limit][:self.per_page if len(rows) > self.per_page else None], {}

    def arbeitnow(self, page):
        "The feed turns: every call begins one row later."
        rows, size = self.boards.get(("arbeitnow", ""), ()), self.per_page
        turned = [*rows[len(self.calls) - 1:], *rows[:len(self.calls) - 1]] if len(rows) > size else rows
        part, base = turned[(page - 1) * size:page * size], "https://www.arbeitnow.com/api/job-board-api"
        return 200, {"data": part, "links": {"first": f"{base}?page=1", "last": None, "prev": None, "next": f"{base}?page={page + 1}" if part else None},
                     "meta": {"current_page": page, "path": base, "per_page": size}}, {}
