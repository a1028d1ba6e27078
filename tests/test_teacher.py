"""The client of the teacher against a real server on loopback: every fault, every dollar counted, nothing paid twice."""
import json
import os
import subprocess
import sys
import time

import pytest
from openai_server import USAGE, Server, choice, error, hard, line

from skillnb.costs import Reply, Request, TeacherError, most, price
from skillnb.replies import Replies, key_of, teacher
from skillnb.teacher import Teacher

RATES = (2.5, 1.25, 10.0)
ONE = (600 * 2.5 + 400 * 1.25 + 100 * 10) / 1e6   # what the server bills for a reply


def question(n, limit=500):
    return Request([{"role": "system", "content": "Mark."}, {"role": "user", "content": f"BEGIN\n1| posting {n}\nEND"}], {"type": "object"}, limit)


QUESTIONS = [question(n) for n in range(8)]


@pytest.fixture
def at(tmp_path, monkeypatch):
    "A teacher at a server that answers as told: `at(answer, ...)` gives both; the server runs until the test ends."
    running = []
    def start(answer=lambda r: hard(), headers=None, pending=1, **settings):
        server = Server(answer, headers, pending).__enter__()
        running.append(server)
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        return Teacher("gpt-4o", str(tmp_path), **{"own_price": RATES, "timeout": 20, "max_retries": 2, "poll": .01} | settings), server
    yield start
    for s in running: s.__exit__()


def asked(someone, questions=QUESTIONS): return dict(someone.ask(questions, tell=lambda _: None))


def test_every_question_has_its_answer_and_its_bill(at):
    someone, server = at(lambda r: hard(line(1, r["messages"][-1]["content"].split()[-2])))
    replies = asked(someone)
    assert [json.loads(replies[n].content)["hard"][0]["words"] for n in range(8)] == [[str(n)] for n in range(8)]
    assert len(server.billed) == 8 and someone.budget.spent == pytest.approx(8 * ONE)
    assert all((r.prompt_tokens, r.cached_tokens, r.completion_tokens, r.how) == (1000, 400, 100, "asked") for r in replies.values())


def test_nothing_is_paid_twice(at):
    first = asked(at()[0])
    someone, server = at(lambda r: hard(line(1, "another")))
    again = asked(someone, QUESTIONS + [QUESTIONS[0], question(9), question(9)])
    assert [again[n].content for n in range(8)] == [first[n].content for n in range(8)]
    assert len(server.billed) == 1 and again[8].how == again[10].how == "kept"


def test_requests_run_side_by_side_within_a_bound(at):
    import threading
    now, peak, lock = [0], [0], threading.Lock()
    def answer(request):
        with lock: now[0] += 1; peak[0] = max(peak[0], now[0])
        time.sleep(.05)
        with lock: now[0] -= 1
        return hard()
    someone, _ = at(answer, workers=3)
    asked(someone, [question(n) for n in range(12)])
    assert peak[0] == 3


@pytest.mark.parametrize("failure", [error(429), error(429, headers={"Retry-After": "0"}), error(500), error(503, headers={"retry-after-ms": "1"}), error(408)])
def test_what_passes_is_tried_again_and_not_billed(at, failure):
    left = [failure]
    someone, server = at(lambda r: left.pop() if left else hard())
    assert not asked(someone, QUESTIONS[:1])[0].error
    assert len(server.requests) == 2 and len(server.billed) == 1 and someone.budget.spent == pytest.approx(ONE)


def test_retry_after_holds_everybody_back(at):
    moments, told = [], []
    def answer(request):
        moments.append(time.monotonic())
        if told: return hard()
        told.append(1)
        return error(429, headers={"Retry-After": "0.4"})
    someone, _ = at(answer, workers=1)
    asked(someone, QUESTIONS[:3])
    assert moments[1] - moments[0] >= .39 and len(moments) == 4


def test_a_long_wait_ends_the_run_and_keeps_what_is_there(at):
    someone, server = at(lambda r: hard() if len(server.requests) <= 2 else error(429, headers={"Retry-After": "7200"}), workers=1)
    replies = asked(someone)
    assert sum(not r.error for r in replies.values()) == 2 and "wait 120 minutes" in someone.stopped
    assert len(server.requests) == 3
    later, server = at()
    assert len(asked(later)) == 8 and len(server.billed) == 6


def test_the_bucket_is_filled_from_the_headers(at):
    headers = {"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6s"}   # ten a second
    someone, server = at(headers=headers, workers=4)
    start = time.monotonic()
    asked(someone)
    assert time.monotonic() - start >= .3 and len(server.billed) == 8   # the first four know nothing yet, the others wait in turn
    assert someone.pace.requests.capacity == 60


@pytest.mark.parametrize("headers", [{"x-ratelimit-limit-requests": "many", "x-ratelimit-remaining-requests": "", "x-ratelimit-reset-requests": "-1"},
                                     {"x-ratelimit-limit-tokens": "0", "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "0s"},
                                     {"Retry-After": "tomorrow"}])
def test_senseless_headers_are_ignored(at, headers):
    someone, _ = at(headers=headers)
    assert len(asked(someone)) == 8


def test_silence_may_have_been_billed(at):
    someone, server = at(lambda r: None, timeout=.3, max_retries=1)
    reply = asked(someone, QUESTIONS[:1])[0]
    assert "APITimeoutError" in reply.error and len(server.requests) == 2
    assert someone.budget.spent == pytest.approx(2 * most(QUESTIONS[0], price("x", own=RATES)))


def test_a_budget_is_not_crossed_whatever_happens(at):
    worst = most(question(10), price("x", own=RATES))
    for answer in (lambda r: hard(), lambda r: error(500), lambda r: None):
        someone, server = at(answer, max_usd=worst * 3.5, workers=8, timeout=.2, max_retries=3)
        asked(someone, [question(n) for n in range(100, 140)])
        assert someone.budget.spent <= worst * 3.5 and len(server.billed) * ONE <= worst * 3.5


def test_a_budget_is_used_up_before_it_ends_a_run(at):
    worst = most(question(10), price("x", own=RATES))
    someone, server = at(max_usd=worst + 20 * ONE, workers=8)
    asked(someone, [question(n) for n in range(10, 60)])
    assert "label.max_usd" in someone.stopped and 20 <= len(server.billed) <= 22
    assert someone.budget.spent == pytest.approx(len(server.billed) * ONE)


def test_no_money_no_request(at):
    someone, server = at(max_usd=0.0)
    assert asked(someone) == {} and server.requests == []


def test_starting_again_is_no_second_budget(at):
    worst = most(question(10), price("x", own=RATES))
    first, server = at(max_usd=worst + 4 * ONE, workers=1)
    asked(first)
    paid = len(server.billed)
    assert 0 < paid < 8
    again, server = at(max_usd=worst + 4 * ONE, workers=1)
    asked(again)
    assert server.billed == [] and again.stopped


def test_a_forecast_comes_before_the_first_call(at):
    someone, server = at(max_usd=.5)
    said = someone.forecast(QUESTIONS)
    assert said.startswith("8 requests to gpt-4o, 0 answered before: probably $0.0") and said.endswith("the budget is $0.5") and server.requests == []


def test_five_failures_in_a_row_end_a_run(at):
    someone, server = at(lambda r: error(500), max_retries=0, workers=1)
    replies = asked(someone)
    assert "5 requests in a row failed" in someone.stopped and len(server.requests) == len(replies) == 5


@pytest.mark.parametrize("failure, words", [(error(401), "Check OPENAI_API_KEY"), (error(403), "Check OPENAI_API_KEY"), (error(404), "label.model")])
def test_who_is_refused_stops_at_once(at, failure, words):
    someone, server = at(lambda r: failure, workers=1)
    with pytest.raises(TeacherError, match=words): asked(someone)
    assert len(server.requests) == 1


def test_an_account_that_is_used_up_ends_the_run(at):
    someone, _ = at(lambda r: error(429, "You exceeded your quota", code="insufficient_quota"), max_retries=0, workers=1)
    assert asked(someone) == {} and "used up" in someone.stopped


def test_an_endpoint_without_structured_output_is_asked_in_its_own_way(at):
    def answer(request):
        kind = request.get("response_format", {}).get("type")
        if kind: return error(400, f"{kind} is not supported", param="response_format")
        if "temperature" in request: return error(400, "Unsupported value: 'temperature' does not support 0 with this model.", param="temperature")
        if "max_completion_tokens" in request: return error(422, "Extra inputs are not permitted: max_completion_tokens")
        return hard()
    someone, server = at(answer, workers=1)
    assert not any(r.error for r in asked(someone).values())
    assert [r.get("response_format", {}).get("type") for r in server.requests[:3]] == ["json_schema", "json_object", None]
    assert len(server.requests) == 8 + 4 and len(server.billed) == 8   # learnt once, remembered
    assert server.requests[-1]["max_tokens"] == 500


def test_the_way_of_asking_is_no_part_of_the_question(at):
    asked(at()[0])
    someone, server = at(lambda r: error(400, "response_format"))
    assert len(asked(someone)) == 8 and server.requests == []


@pytest.mark.parametrize("body", [b"<html>busy</html>", b"{", b"[]", b"{}", b'{"choices": []}', b'{"choices": [{"message": 3}]}', b'{"choices": null}',
                                  b'{"choices": [{"message": {"content": ["x"]}}]}', b'"hello"', b'{"choices": [{}], "usage": {"prompt_tokens": "many"}}'])
def test_an_answer_that_is_none_is_an_error_and_counts_as_billed(at, body):
    someone, server = at(lambda r: body, max_retries=0)
    reply = asked(someone, QUESTIONS[:1])[0]
    assert reply.error and someone.budget.spent == pytest.approx(most(QUESTIONS[0], price("x", own=RATES)))


def test_a_reply_without_a_bill_counts_as_the_most_it_can_have_cost(at):
    someone, _ = at(lambda r: b'{"choices": [{"finish_reason": "stop", "message": {"content": "{}"}}]}')
    reply, worst = asked(someone, QUESTIONS[:1])[0], most(QUESTIONS[0], price("x", own=RATES))
    assert reply.content == "{}" and reply.usd == pytest.approx(worst) and someone.budget.spent == pytest.approx(worst)


def test_a_request_that_is_too_long_says_so(at):
    someone, _ = at(lambda r: error(400, "This model's maximum context length is 128000 tokens.", code="context_length_exceeded"))
    reply = asked(someone, QUESTIONS[:1])[0]
    assert reply.too_long and someone.budget.spent == 0


def test_refusals_and_cut_replies_are_paid_and_kept(at):
    made = [choice(refusal="no"), choice("{", finish_reason="length")]
    asked(at(lambda r: made.pop(), workers=1)[0], QUESTIONS[:2])
    someone, server = at()
    assert {r.refusal or r.finish_reason for r in asked(someone, QUESTIONS[:2]).values()} == {"no", "length"} and server.requests == []


def test_an_unknown_price_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    for address in ("https://api.openai.com/v1", "https://openrouter.example/v1"):
        monkeypatch.setenv("OPENAI_BASE_URL", address)
        with pytest.raises(TeacherError, match="label.price_input"): Teacher("some-model", str(tmp_path))
        assert Teacher("some-model", str(tmp_path), own_price=(1, .5, 4)).price == (1, .5, 4)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1")
    assert Teacher("some-model", str(tmp_path), max_usd=0).price == (0, 0, 0)


def test_half_a_file_is_no_reply(tmp_path):
    replies, key = Replies(str(tmp_path)), key_of("m", QUESTIONS[0])
    replies.put(key, Reply("x"))
    file = tmp_path/"cache"/"label"/f"{key}.json"
    for content in ("", '{"content": "x"', "[]", '{"contents": "x"}'):
        file.write_text(content)
        assert replies.get(key) is None


def test_a_cache_holds_no_key_and_no_address(at, tmp_path):
    asked(at()[0])
    for file in (tmp_path/"cache"/"label").iterdir():
        assert len(file.stem) == 64 and "test" not in file.read_text() and "127.0.0.1" not in file.read_text()


def test_who_teaches(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"): monkeypatch.delenv(name, raising=False)
    assert not teacher()
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    assert teacher()


# batches

def test_a_batch_costs_half(at):
    someone, server = at(batch=True, pending=3)
    replies = asked(someone)
    assert len(server.billed) == 8 and server.creations == 1 and {r.how for r in replies.values()} == {"batch"}
    assert someone.budget.spent == pytest.approx(8 * ONE / 2)
    online, server = at()
    assert len(asked(online)) == 8 and server.requests == []       # a label from a batch is a label


def test_a_batch_stays_within_the_budget(at):
    worst = most(QUESTIONS[0], price("x", batch=True, own=RATES))
    someone, server = at(batch=True, max_usd=worst * 3.2)
    assert len(asked(someone)) == len(server.billed) == 3 and "label.max_usd" in someone.stopped


def test_lines_that_fail_in_a_batch(at):
    answers = [error(400, "maximum context length is 10 tokens"), error(500), hard(), hard()]
    someone, _ = at(lambda r: answers.pop(0), batch=True)
    replies = asked(someone, QUESTIONS[:4])
    assert [replies[n].too_long for n in range(4)] == [True, False, False, False] and "failed in its batch" in replies[1].error and not replies[2].error


def test_results_that_are_not_ours_are_passed_over(at, tmp_path):
    someone, server = at(batch=True)
    start = server.start
    def poisoned(asked):
        made = start(asked)
        body = {"choices": [choice("stolen")], "usage": USAGE}
        strange = [{"custom_id": "../../../etc/passwd", "response": {"status_code": 200, "body": body}}, {"custom_id": "f" * 64, "response": {"status_code": 200, "body": body}}, [], 3]
        server.files["file-batch_0-output_file_id"] += "\n".join(map(json.dumps, strange)) + "\nnot json\n"
        return made
    server.start = poisoned
    replies = asked(someone)
    assert len(replies) == 8 and not any(r.error for r in replies.values())
    assert len(list((tmp_path/"cache"/"label").iterdir())) == 8


KILLED = """
import os, signal, sys, time
from skillnb.teacher import Teacher
from test_teacher import RATES, question
kill = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
someone = Teacher("gpt-4o", sys.argv[1], own_price=RATES, batch=True, poll=.01)
where = sys.argv[2]
if where == "while waiting": tell = kill
else:
    tell = print
    if where == "before the number is noted": someone.replies._write = lambda name, note, write=someone.replies._write: kill() if note.get("id") else write(name, note)
    if where == "while reading": someone.replies.put = lambda key, reply, put=someone.replies.put, n=[]: kill() if len(n) == 3 else (n.append(1), put(key, reply))
list(someone.ask([question(n) for n in range(8)], tell=tell))
"""


@pytest.mark.parametrize("where", ["while waiting", "before the number is noted", "while reading"])
def test_a_killed_run_finds_its_batch_again(at, tmp_path, where):
    someone, server = at(batch=True, pending=2)
    here = os.path.dirname(__file__)
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), where], env=os.environ | {"PYTHONPATH": here}, capture_output=True, text=True, timeout=60)
    assert done.returncode == -9, done.stderr
    replies = asked(someone)
    assert len(replies) == 8 and not any(r.error for r in replies.values())
    assert server.creations == 1 and len(server.billed) == 8
    assert not list((tmp_path/"cache"/"label").glob("batch-*"))


KILLED_ONLINE = """
import sys
from skillnb.teacher import Teacher
from test_teacher import RATES, question
list(Teacher("gpt-4o", sys.argv[1], own_price=RATES, workers=1).ask([question(n) for n in range(8)]))
"""


def test_a_killed_run_goes_on_where_it_was(at, tmp_path):
    "The server kills the client when it asks for the fifth time: four replies are kept, the fifth question is asked again, no other."
    import signal
    child = []
    def answer(request):
        if len(server.requests) == 5 and child: os.kill(child[0].pid, signal.SIGKILL); child.clear(); time.sleep(.2); return error(500)
        return hard()
    someone, server = at(answer)
    child.append(subprocess.Popen([sys.executable, "-c", KILLED_ONLINE, str(tmp_path)], env=os.environ | {"PYTHONPATH": os.path.dirname(__file__)}))
    assert child[0].wait(60) == -9
    assert len(asked(someone)) == 8
    assert len(server.billed) == 8 and len(server.requests) == 9
