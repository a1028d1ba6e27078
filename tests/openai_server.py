"""An OpenAI-compatible server on loopback: it answers as it is told, fails as it is told, and counts what it bills."""
import json
import re
import threading
import time
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100, "prompt_tokens_details": {"cached_tokens": 400}}


def sentences(request):
    "The numbered sentences of the posting in a request."
    lines = request["messages"][-1]["content"].split("\n")[1:-1]
    return dict((int(n), text) for n, text in (re.match(r"(\d+)\| (.*)", line, re.S).groups() for line in lines))


def line(n, *words, section="required"):
    "What a reply says of one sentence."
    return dict(n=n, section=section, words=list(words))


def hard(*lines):
    "A reply."
    return {"hard": list(lines), "soft": []}


def mark(*words):
    "A teacher that marks these words wherever they stand."
    def answer(request):
        found = {n: sorted((m.start(), w) for w in words for m in re.finditer(re.escape(w), s)) for n, s in sentences(request).items()}
        return hard(*(line(n, *(w for _, w in at)) for n, at in found.items() if at))
    return answer


def choice(content="", refusal=None, finish_reason="stop"):
    "One choice of a completion."
    return {"index": 0, "finish_reason": finish_reason, "message": {"role": "assistant", "content": content, "refusal": refusal}}


def error(status, message="told to fail", headers=None, **about):
    "A failure as the API words it."
    return status, headers or {}, {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None} | about}


class Server:
    """`answer(request)` gives a reply's JSON, a `choice`, an `error`, raw bytes, or None for no answer at all.
    `requests` are the chat requests it saw, `billed` those it answered with a completion, `batches` what was uploaded and started."""
    def __init__(self, answer, headers=None, pending=1):
        self.answer, self.headers, self.pending = answer, headers or {}, pending
        self.requests, self.billed, self.files, self.batches, self.creations = [], [], {}, {}, 0
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, args=(.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()

    def reply(self, request):
        "(status, headers, body) of a chat request; None for silence."
        self.requests.append(request)
        made = self.answer(request)
        if made is None or isinstance(made, (tuple, bytes)): return made
        self.billed.append(request)
        body = made if "message" in made else choice(json.dumps(made))
        return 200, {}, {"id": "x", "object": "chat.completion", "created": 0, "model": request["model"], "choices": [body], "usage": USAGE}

    def upload(self, content_type, data):
        "Keep an uploaded file."
        parts = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + data).iter_parts()
        fields = {p.get_param("name", header="content-disposition"): p.get_payload(decode=True) for p in parts}
        assert fields["purpose"] == b"batch"
        name = f"file-{len(self.files)}"
        self.files[name] = fields["file"].decode()
        return {"id": name, "object": "file", "bytes": len(data), "created_at": 0, "filename": "x", "purpose": "batch", "status": "processed"}

    def start(self, asked):
        "Answer a batch at once; `pending` looks will find it unfinished."
        self.creations += 1
        good, bad = [], []
        for request in map(json.loads, self.files[asked["input_file_id"]].split("\n")):
            status, _, body = self.reply(request["body"])
            (good if status == 200 else bad).append({"id": "r", "custom_id": request["custom_id"], "response": {"status_code": status, "body": body}, "error": None})
        number = f"batch_{len(self.batches)}"
        made = {"id": number, "object": "batch", "endpoint": asked["endpoint"], "input_file_id": asked["input_file_id"], "completion_window": "24h",
                "created_at": 0, "status": "completed", "metadata": asked.get("metadata"), "looks": self.pending}
        for kind, lines in (("output_file_id", good), ("error_file_id", bad)):
            if lines: made[kind] = name = f"file-{number}-{kind}"; self.files[name] = "\n".join(map(json.dumps, lines)) + "\n"
        self.batches[number] = made
        return self.look(number)

    def look(self, number):
        made = self.batches[number]
        made["looks"] -= 1
        return {k: v for k, v in made.items() if k != "looks"} if made["looks"] < 0 else {k: v for k, v in made.items() if not k.endswith("file_id") or k[0] == "i"} | {"status": "in_progress"}

    def get(self, path):
        if m := re.fullmatch(r"/v1/batches/(\w+)", path): return self.look(m[1])
        if m := re.fullmatch(r"/v1/files/([\w-]+)/content", path): return self.files[m[1]].encode()
        if path.startswith("/v1/batches"): return {"object": "list", "data": [{k: v for k, v in b.items() if k != "looks"} for b in self.batches.values()], "has_more": False}

    def handler(server):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                data = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/v1/files": return self.send(200, {}, server.upload(self.headers["Content-Type"], data))
                if self.path == "/v1/batches": return self.send(200, {}, server.start(json.loads(data)))
                made = server.reply(json.loads(data))
                if made is None: time.sleep(5); return self.close()
                if isinstance(made, bytes): made = 200, {}, made
                self.send(*made)

            def do_GET(self):
                body = server.get(self.path)
                self.send(404 if body is None else 200, {}, body or {"error": {"message": "no such thing"}})

            def close(self): self.close_connection = True

            def send(self, status, headers, body):
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                try:
                    self.send_response(status)
                    for k, v in {"Content-Type": "application/json", "Content-Length": str(len(data)), **server.headers, **headers}.items(): self.send_header(k, v)
                    self.end_headers()
                    self.wfile.write(data)
                except ConnectionError: pass   # the client was killed

            def log_message(self, *_): pass
        return Handler
