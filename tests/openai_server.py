"""An OpenAI-compatible server on loopback: it answers as it is told, fails as it is told, and counts."""
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def sentences(request):
    "The numbered sentences of the posting in a request."
    lines = request["messages"][-1]["content"].splitlines()[1:-1]
    return dict((int(n), text) for n, text in (re.match(r"(\d+)\| (.*)", line).groups() for line in lines))


def mark(*words):
    "A teacher that marks these words wherever they stand."
    def answer(request):
        spans = [dict(sentence=n, text=w, kind="hard", section="required") for n, s in sentences(request).items()
                 for w in words for _ in range(s.count(w))]
        return {"spans": spans}
    return answer


def choice(content="", refusal=None, finish_reason="stop"):
    "One choice of a completion."
    return {"index": 0, "finish_reason": finish_reason, "message": {"role": "assistant", "content": content, "refusal": refusal}}


class Server:
    "`answer(request)` gives the reply's JSON, a `choice`, an (HTTP status, headers) pair, or None for no answer at all."
    def __init__(self, answer):
        self.answer, self.requests = answer, []
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, args=(.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()

    def reply(self, request):
        made = self.answer(request)
        if isinstance(made, tuple): return made[0], made[1], {"error": {"message": f"told to fail with {made[0]}"}}
        body = made if "message" in made else choice(json.dumps(made))
        usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100, "prompt_tokens_details": {"cached_tokens": 400}}
        return 200, {}, {"id": "x", "object": "chat.completion", "created": 0, "model": request["model"], "choices": [body], "usage": usage}

    def handler(server):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.requests.append(request)
                if server.answer is None: return time.sleep(5)
                status, headers, body = server.reply(request)
                data = json.dumps(body).encode()
                self.send_response(status)
                for k, v in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items(): self.send_header(k, v)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_): pass
        return Handler
