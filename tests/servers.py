"""Servers that tests start on loopback."""
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

KEY = "a-key-that-opens-nothing"


@contextmanager
def serving(handler):
    "Run a request handler on a free port of this machine; yields its address."
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try: yield f"http://127.0.0.1:{server.server_port}"
    finally: server.shutdown(); server.server_close()


def job(n, **fields):
    "One object as LinkedIn Job Search serves it: every field present, most of them null."
    return {"id": str(1_885_779_000 + n), "date_posted": "2025-10-13T13:28:00.7", "date_created": "2025-10-13T13:33:37.272802", "title": f"ML engineer {n}",
            "organization": "Fictional Works", "organization_url": None, "date_validthrough": None, "locations_raw": None, "salary_raw": None,
            "employment_type": ["FULL_TIME"], "url": f"https://www.linkedin.com/jobs/view/ml-engineer-{1_885_779_000 + n}", "source": "linkedin",
            "locations_derived": ["Atlanta, Georgia, United States"], "remote_derived": False, "linkedin_org_specialties": [""], "seniority": None,
            "ats_duplicate": None, "description_text": f"Posting {n}: we use Python and SQL every day. Show more Show less"} | fields


class LinkedInServer:
    """LinkedIn Job Search (RapidAPI): a bare list, paged by offset, quota in headers, errors as objects.

    `replies` holds faults, each given once and in order before the rows are served: (status, body, headers), "cut"
    (the connection ends inside the body), or a function that changes `self.jobs`."""
    def __init__(self, jobs=(), replies=(), jobs_left=200_000):
        self.jobs, self.replies, self.jobs_left, self.requests_left, self.calls = list(jobs), list(replies), jobs_left, 25_000, []

    def answer(self, path, query, headers):
        "(status, body, headers) of one call."
        self.calls.append((path, query))
        if not headers.get("x-rapidapi-host"): return 400, {"message": "Missing x-rapidapi-host"}, {}
        if headers.get("x-rapidapi-key") != KEY: return 403, {"message": f"You are not subscribed to this API. ({headers.get('x-rapidapi-key')})"}, {}
        if path not in ("/active-jb-7d", "/active-jb-24h", "/active-jb-6m"): return 404, {"message": f"Endpoint '{path}' does not exist"}, {}
        if self.replies and (reply := self.replies.pop(0)) is not None:
            if not callable(reply): return reply if reply == "cut" else (*reply, {})[:3]
            reply(self)
        return 200, self.page(query), self.quota()

    def page(self, query):
        most = 500 if "6m" in self.calls[-1][0] else 100
        limit, offset = min(int(query.get("limit", most)), most), int(query.get("offset", 0))
        rows = self.jobs[offset:offset + limit][:max(self.jobs_left, 0)]
        self.jobs_left, self.requests_left = self.jobs_left - len(rows), self.requests_left - 1
        if "description_type" in query: return rows
        return [{k: v for k, v in r.items() if k != "description_text"} if isinstance(r, dict) else r for r in rows]

    def quota(self):
        return {"x-ratelimit-jobs-limit": "200000", "x-ratelimit-jobs-remaining": str(self.jobs_left),
                "x-ratelimit-requests-limit": "25000", "x-ratelimit-requests-remaining": str(self.requests_left)}

    def handler(self):
        outer = self
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                there = urlsplit(self.path)
                reply = outer.answer(there.path, {k: v[0] for k, v in parse_qs(there.query).items()}, self.headers)
                cut = reply == "cut"
                status, body, headers = (200, outer.jobs, {}) if cut else reply
                data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
                self.send_response(status)
                for k, v in {**headers, "Content-Length": str(len(data))}.items(): self.send_header(k, v)
                self.end_headers()
                self.wfile.write(data[:len(data) // 2] if cut else data)
            def log_message(self, *args): pass
        return Handler
