"A server on loopback that speaks as much of the Hugging Face hub's interface as uploading and bringing back needs; commits are compared with their parent."
import base64
import hashlib
import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import unquote, urlsplit

LARGE = (".parquet", ".safetensors", ".onnx", ".png")   # what goes by way of LFS


class Hub:
    "`repos[kind, name]` is a list of commits, each a dict of name -> bytes; `token` is the one that may write."
    def __init__(self, token="hub-secret"):
        self.token, self.repos, self.blobs, self.private, self.asked, self.lock = token, {}, {}, set(), [], Lock()

    def __enter__(self):
        hub = self
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def log_message(self, *_): pass
            def do_GET(self): hub.answer(self, "GET")
            def do_HEAD(self): hub.answer(self, "HEAD")
            def do_POST(self): hub.answer(self, "POST")
            def do_PUT(self): hub.answer(self, "PUT")
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    @property
    def env(self): return {"HF_ENDPOINT": self.url, "HF_TOKEN": self.token, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}

    def files(self, kind, name): return self.repos[kind, name][-1]

    def sha(self, kind, name, n=-1):
        n = n % len(self.repos[kind, name])
        return hashlib.sha1(f"{kind}/{name}/{n}".encode()).hexdigest()

    def answer(self, h, verb):
        body = h.rfile.read(int(h.headers.get("Content-Length") or 0))
        path = unquote(urlsplit(h.path).path)
        self.asked.append((verb, path))
        with self.lock: status, say, headers = self.say(verb, path, body, h.headers.get("Authorization"))
        data = say if isinstance(say, bytes) else json.dumps(say).encode()
        h.send_response(status)
        for k, v in ({"Content-Type": "application/json", "Content-Length": str(len(data))} | headers).items(): h.send_header(k, v)
        h.end_headers()
        if verb != "HEAD": h.wfile.write(data)

    def say(self, verb, path, body, signed):
        if path.startswith("/blobs/") and verb == "PUT":
            self.blobs[path.split("/")[-1]] = body
            return 200, {}, {}
        if signed != f"Bearer {self.token}": return 401, {"error": "Invalid username or password."}, {}
        if path == "/api/validate-yaml": return 200, {"errors": [], "warnings": []}, {}
        if path == "/api/repos/create": return self.create(json.loads(body))
        if m := re.fullmatch(r"/(?:(dataset|space)s/)?([^/]+/[^/]+)\.git/info/lfs/objects/batch", path): return 200, self.batch(json.loads(body)), {}
        if m := re.fullmatch(r"/(?:(dataset|space)s/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path): return self.resolve(m[1] or "model", m[2], m[4])
        m = re.fullmatch(r"/api/(model|dataset|space)s/([^/]+/[^/]+?)(?:/(preupload|commit|revision|tree)/([^/]+)(?:/(.*))?)?", path)
        if not m: return 404, {"error": f"this server does not know {path}"}, {}
        kind, name, what = m[1], m[2], m[3]
        if (kind, name) not in self.repos: return 404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}
        if what == "preupload":
            return 200, {"files": [{"path": f["path"], "uploadMode": "lfs" if f["path"].endswith(LARGE) else "regular", "shouldIgnore": False} for f in json.loads(body)["files"]]}, {}
        if what == "commit": return self.commit(kind, name, list(map(json.loads, body.splitlines())))
        if what == "tree": return 200, [self.entry(n, c) for n, c in self.files(kind, name).items()], {}
        return 200, {"id": name, "sha": self.sha(kind, name), "private": (kind, name) in self.private, "tags": [], "siblings": [{"rfilename": n} for n in self.files(kind, name)]}, {}

    def entry(self, name, content): return {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}

    def create(self, asked):
        kind = asked.get("type", "model")
        name = f"{asked['organization']}/{asked['name']}" if asked.get("organization") else asked["name"]
        say = {"url": f"{self.url}/{'' if kind == 'model' else kind + 's/'}{name}", "id": name}
        if (kind, name) in self.repos: return 409, say | {"error": "You already created this repo"}, {}
        assert kind != "space" or asked["sdk"] == "static"
        self.repos[kind, name] = [{".gitattributes": b"*.parquet filter=lfs\n"}]
        if asked.get("private") or asked.get("visibility") == "private": self.private.add((kind, name))
        return 200, say, {}

    def batch(self, asked):
        return {"transfer": "basic", "objects": [{"oid": o["oid"], "size": o["size"], "actions": {"upload": {"href": f"{self.url}/blobs/{o['oid']}"}}} for o in asked["objects"]]}

    def commit(self, kind, name, lines):
        head, files = lines[0]["value"], dict(self.files(kind, name))
        if head.get("parentCommit") not in (None, self.sha(kind, name)): return 412, {"error": "A commit has happened since. Please refresh and try again."}, {}
        for line in lines[1:]:
            what, value = line["key"], line["value"]
            if what == "file": files[value["path"]] = base64.b64decode(value["content"])
            if what == "lfsFile": files[value["path"]] = self.blobs[value["oid"]]
            if what == "deletedFile": del files[value["path"]]
        self.repos[kind, name].append(files)
        return 200, {"commitUrl": f"{self.url}/{kind}s/{name}/commit/{self.sha(kind, name)}", "commitOid": self.sha(kind, name), "success": True}, {}

    def resolve(self, kind, name, file):
        if (content := self.files(kind, name).get(file)) is None: return 404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound"}
        return 200, content, {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": self.sha(kind, name)}
