"""The client against every fault of the interfaces: what is tried again, what is not, and with which words it ends."""
import logging

import pytest

from servers import A_MONTH, A_SECOND, BAD_GATEWAY, INVALID, KEY, NOT_SUBSCRIBED, Server
from skillnb.web import MAX_BYTES, PATIENCE, Web


class Rows(Server):
    "Serves three rows."
    def answer(self, path, query, headers): return 200, [{"id": 1}, {"id": 2}, {"id": 3}], {}


def ask(*replies, key="", **web):
    "(reply, client, server, pauses) after one question."
    pauses, server = [], Rows(replies)
    with server.serve() as address:
        client = Web("test", **{"timeout": 5, "pause": 0, "sleep": pauses.append} | web)
        return client.get(address, {}, key), client, server, pauses


NONE_LEFT = {"x-ratelimit-requests-remaining": "0", "x-ratelimit-requests-limit": "25000", "x-ratelimit-requests-reset": "86400"}

@pytest.mark.parametrize("fault, outcome, words", [
    ((401, INVALID), "rejected key", "the key was rejected"),
    ((403, NOT_SUBSCRIBED), "rejected key", "You are not subscribed to this API"),
    ((404, {"message": "Endpoint '/x' does not exist"}), "not found", "check base_url"),
    ((429, A_MONTH, NONE_LEFT), "request quota", "the request quota is used up; wait for its reset"),
    ((429, A_MONTH), "request quota", "the request quota is used up"),
    ((429, {}, {"x-ratelimit-jobs-remaining": "0"}), "row quota", "the row quota is used up"),
    ((200, {"message": "Something <b>odd</b>"}), "unexpected", "expected a list of postings, found dict"),
    ((200, "null"), "unexpected", "found NoneType"),
    ((200, "[" * 100_000), "unexpected", "nested too deep"),
    ((200, b"[" + b" " * (MAX_BYTES + 1) + b"]"), "unexpected", "larger than 64 MB"),
    ((302, "", {"Location": "http://127.0.0.1:9/steal"}), "unexpected", "status 302"),
    ((503, {}, {"Retry-After": str(PATIENCE + 1)}), "outage", "it asks to wait 601 s"),
], ids=str)
def test_faults_that_do_not_pass_are_not_tried_again(fault, outcome, words):
    reply, client, server, pauses = ask(fault)
    assert (reply.outcome, reply.rows, len(server.calls), pauses) == (outcome, [], 1, []) and words in reply.why and "<" not in reply.why
    assert [c["outcome"] for c in client.calls] == [outcome]


PASSING = [(429, A_SECOND), (500, ""), (502, BAD_GATEWAY), (503, "<html>"), (504, {"message": "timeout"}), "cut", "half", "closed", (200, ""), (200, '[{"id": "1", "descr')]

@pytest.mark.parametrize("fault", PASSING, ids=str)
def test_faults_that_pass_are_tried_again_with_growing_pauses(fault):
    reply, client, server, pauses = ask(fault, fault, None)
    assert not reply.why and len(reply.rows) == 3 and len(server.calls) == 3
    assert 1 <= pauses[0] <= 2 <= pauses[1] <= 3
    assert [c["rows"] for c in client.calls] == [0, 0, 3]


@pytest.mark.parametrize("fault, words", [((502, BAD_GATEWAY), "status 502: the service is out of order"), ((429, A_SECOND), "asked too often"), ("half", "no complete JSON"),
                                          ("cut", "no reply (ChunkedEncodingError)"), ("closed", "no reply (ConnectionError)")])
def test_faults_that_last_end_in_words(fault, words):
    reply, client, server, pauses = ask(*[fault] * 9)
    assert words in reply.why and len(server.calls) == 5 and reply.rows == [] and "alert" not in reply.why


def test_a_silent_server_is_a_timeout():
    reply, client, server, pauses = ask("silent", timeout=0.2)
    assert not reply.why and [c["outcome"] for c in client.calls] == ["outage", "rows"]


def test_retry_after_is_heeded_and_jitter_differs():
    assert ask((429, {}, {"Retry-After": "7"}))[3] == [7.0]
    assert len({round(ask((503, ""))[3][0], 6) for _ in range(4)}) > 1


def test_pauses_between_calls():
    pauses, server = [], Rows()
    with server.serve() as address:
        client = Web("test", pause=1.5, sleep=pauses.append)
        for _ in range(3): client.get(address)
    assert pauses == [1.5, 1.5]


def test_the_key_is_struck_from_what_a_reply_quotes(caplog):
    caplog.set_level(logging.DEBUG)
    with Rows([(403, {"message": f"no such key: {KEY}"})]).serve() as address:
        client = Web("test", pause=0, key=KEY, headers={"x-rapidapi-key": KEY})
        reply = client.get(address)
    assert KEY not in reply.why + repr(reply) + repr(client) + str(client.calls) + caplog.text


def test_the_rows_of_an_object_stand_under_its_key():
    assert ask((200, {"jobs": [1, 2]}), key="jobs")[0].rows == [1, 2]
    assert "under 'jobs', found dict" in ask((200, {"data": []}), key="jobs")[0].why
