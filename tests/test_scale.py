"""The same rows on one machine and on many: a Ray cluster of two nodes on this machine, and a worker that dies."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest

from skillnb.clean import clean
from skillnb.dedup import Index, fold
from skillnb.embed import embed
from skillnb.fetch import SampleSource, collect
from skillnb.scale import over, spread
from skillnb.segment import segment_postings
from skillnb.store import Store
from skillnb.tag import Tagger

DAYS = ("2026-01-05", "2026-01-12")


def patient(ask, seconds=300):
    "Ray gives a node half a minute to show up, which a busy machine can miss: this one waits longer before it says that there is none."
    def get_node(*args):
        until = time.monotonic() + seconds
        while True:
            try: return ask(*args)
            except RuntimeError:
                if time.monotonic() > until: raise
                time.sleep(.5)
    return get_node


def ports():
    "A free port for each of a node's helpers: a node that has to ask them waits until they have started, and fails after 15 s."
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
    found = dict(zip(("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port", "runtime_env_agent_port"), (s.getsockname()[1] for s in held)))
    for s in held: s.close()
    return found


@pytest.fixture(scope="module")
def cluster():
    "The address of two nodes with a core each."
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "ab" * 32, "RAY_BACKEND_LOG_LEVEL": "fatal", "RAY_worker_niceness": "0", "RAY_agent_register_timeout_ms": "300000"}
    pytest.importorskip("ray")
    import ray
    from ray._private import services
    from ray.cluster_utils import Cluster
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])   # the workers do not see this file
    monkey = pytest.MonkeyPatch()
    monkey.setattr(services, "get_node", patient(services.get_node))
    nodes = Cluster()
    for _ in range(2): nodes.add_node(num_cpus=1, object_store_memory=200_000_000, include_dashboard=False, include_log_monitor=False, no_monitor=True, **ports())
    monkey.undo()
    os.environ["RAY_ADDRESS"] = nodes.address
    yield nodes
    ray.shutdown()
    nodes.shutdown()
    del os.environ["RAY_ADDRESS"]


@pytest.fixture(scope="module")
def texts():
    "Rows of `texts` of two days, made from the bundled sample; the second day repeats some of the first, changed a little."
    found = clean(collect([SampleSource()]).sightings.drop_duplicates("raw").head(120))[0]
    later = found.head(60).assign(text=[t + "\nApply now." * (n % 3) for n, t in enumerate(found.text.head(60))], source_id=[f"b{n}" for n in range(60)])
    later["posting_id"] = [f"{p}{n % 3 or ''}" for n, p in enumerate(later.posting_id)]
    return [found.assign(url=None), later.assign(url=None)]


def ingested(root, texts, how=map):
    "A store of two days, folded `how`."
    store = Store(root, stage="dedup")
    index = Index(store, over=how)
    for day, rows in zip(DAYS, texts):
        folded = fold(rows, index, day)
        for table, made in folded.items(): store.write(table, made, day)
        store.write("segments", segment_postings(folded["postings"].merge(folded["signatures"][["posting_id"]])), day)
    return store


def same(a, b, *tables):
    "The parts of both stores are equal to the byte."
    for table in tables:
        for day in DAYS: assert {s: p["sha256"] for s, p in a.manifest(table, day)["parts"].items()} == {s: p["sha256"] for s, p in b.manifest(table, day)["parts"].items()}, table


@pytest.mark.slow
def test_near_duplicates_are_the_same(cluster, texts, tmp_path):
    here, there = ingested(tmp_path/"here", texts), ingested(tmp_path/"there", texts, over("ray"))
    same(here, there, "postings", "folds", "signatures", "keys", "segments")
    assert len(here.read("folds")) > 20


@pytest.mark.slow
def test_vectors_are_the_same(cluster, texts):
    names = sorted({w for t in texts[0].text for w in t.split()})[:300]
    assert np.allclose(embed(names), np.array(spread(partial(partial, embed), "ray", 64)(names)), atol=1e-6)


@pytest.mark.slow
def test_tag_stage_on_two_nodes(cluster, texts, skillnb, tmp_path):
    ingested(tmp_path/"serial", texts)
    shutil.copytree(tmp_path/"serial", tmp_path/"ray")
    for engine in ("serial", "ray"):
        done = skillnb("tag-all", "--root", tmp_path/engine, "--set", f"engine={engine}", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    same(Store(tmp_path/"serial"), Store(tmp_path/"ray"), "mentions", "dropped")
    assert len(Store(tmp_path/"ray").read("mentions")) > 500
    assert "up to date" in skillnb("tag-all", "--root", tmp_path/"ray", cwd=tmp_path).stderr   # the engine makes no difference


def dying(once):
    "A tagger whose process is killed while it reads its second piece; only the first time."
    tagger, read = Tagger(), []
    def mark(texts):
        read.append(len(texts))
        if len(read) == 2 and not once.exists():
            once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return tagger(texts)
    return mark


@pytest.mark.slow
def test_a_killed_worker_loses_nothing(cluster, texts, tmp_path):
    read = texts[0].text.tolist()[:80]
    found = spread(partial(dying, tmp_path/"killed"), "ray", 8)(read)
    assert (tmp_path/"killed").exists()
    assert found == Tagger()(read)


def test_without_ray_the_error_says_what_to_do(skillnb, tmp_path):
    (tmp_path/"ray.py").write_text("raise ImportError('no ray here')")
    code = "from skillnb.scale import spread; spread(list, 'ray')([1])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(tmp_path)})
    assert "pip install 'skillnb[ray]'" in done.stderr
