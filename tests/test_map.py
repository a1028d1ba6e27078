"""The map: any number of skills gets a place, the same one every time."""
import shutil

import numpy as np
import pandas as pd
import pytest
from openai_server import Server, choice

from skillnb.cluster import place, project
from skillnb.embed import embed, where
from skillnb.models import ModelError, embedded_encoder
from skillnb.regions import answered, called, question, unnamed
from skillnb.schema import conform
from skillnb.teacher import Teacher



def vocabulary(n, names=None, demand=5):
    return pd.DataFrame(dict(skill_id=[f"s{i}" for i in range(n)], name=names or [f"skill {i}" for i in range(n)], kind="hard",
                             aliases=[[]] * n, n_mentions=demand, n_postings=demand))


def crowds(n, groups=6, dims=32, seed=0):
    "Unit vectors in `groups` crowds."
    rng = np.random.default_rng(seed)
    v = np.eye(groups, dims)[np.arange(n) % groups] + rng.normal(0, .08, (n, dims))
    return (v / np.linalg.norm(v, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 8, 9, 16, 40])
def test_any_number_of_skills(n):
    skills = place(vocabulary(n), crowds(n))
    assert len(skills) == conform("skills", skills).num_rows == n
    assert np.isfinite(skills[list("uvxyz")].to_numpy(float)).all() and not skills.duplicated(list("uv")).any()


@pytest.mark.parametrize("vectors", [np.ones((30, 8)) / 8 ** .5, np.zeros((30, 8)), np.repeat(np.eye(3, 8), 10, axis=0)], ids=["equal", "zero", "three kinds"])
def test_vectors_without_neighbourhoods(vectors):
    skills = place(vocabulary(30), vectors.astype(np.float32))
    assert np.isfinite(skills[list("uvxyz")].to_numpy(float)).all() and not skills.duplicated(list("uv")).any()


def test_same_seed_same_map():
    a, b = (place(vocabulary(120), crowds(120)) for _ in range(2))
    assert a.equals(b)


def test_neighbours_stay_neighbours():
    v, kind = crowds(180), np.arange(180) % 6
    for places in project(v):
        gaps = np.linalg.norm(places[:, None] - places[None], axis=2) + 1e9 * np.eye(180)
        assert (kind[gaps.argmin(axis=1)] == kind).mean() > .95
    skills = place(vocabulary(180), v, clusters=6)
    assert pd.crosstab(skills.cluster, kind).max(axis=1).sum() > 170


def test_rare_skills_lie_among_their_like():
    v, kind = crowds(180), np.arange(180) % 6
    skills = place(vocabulary(180, demand=[9] * 120 + [1] * 60), v)
    uv = skills[["u", "v"]].to_numpy()
    near = np.linalg.norm(uv[120:, None] - uv[None, :120], axis=2).argmin(axis=1)
    assert (kind[:120][near] == kind[120:]).mean() > .9


def test_regions_are_called_by_skills():
    skills = place(vocabulary(60, names=["<script>alert(1)</script>", "../../etc", *map(str, range(58))]), crowds(60), clusters=6)
    assert 1 < skills.cluster.nunique() <= 6
    for region, inside in skills.groupby("cluster"): assert set(region.split(", ")) <= set(inside.name)


def test_embeddings_are_unit_vectors_and_repeat():
    names = ["Kubernetes", "Docker", "x" * 10_000, "", "\u202e<b>", "机器学习"]
    a = embed(names)
    assert a.shape == (6, 384) and a.dtype == np.float32 and np.allclose(np.linalg.norm(a, axis=1), 1, atol=1e-5)
    assert (embed(names) == a).all() and embed([]).shape == (0, 0)
    assert a[0] @ a[1] > a[0] @ embed(["teamwork"])[0]


def test_an_encoder_by_folder(tmp_path):
    copy = shutil.copytree(embedded_encoder(), tmp_path/"mine")
    assert np.array_equal(embed(["SQL"], str(copy)), embed(["SQL"]))


def test_an_encoder_that_returns_nan_is_refused(tmp_path):
    from safetensors.numpy import load_file, save_file
    copy = shutil.copytree(embedded_encoder(), tmp_path/"broken")
    weights = load_file(copy/"model.safetensors")
    weights["embeddings.word_embeddings.weight"] = np.full_like(weights["embeddings.word_embeddings.weight"], np.nan)
    (copy/"model.safetensors").unlink()
    save_file(weights, copy/"model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="NaN or infinity for 2 of 2 names"): embed(["SQL", "Go"], str(copy))


def test_an_encoder_that_is_not_there_says_what_to_do(monkeypatch, tmp_path):
    with pytest.raises(ModelError, match="expected a model"): where("nothing here")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path/"empty").mkdir()
    with pytest.raises(ModelError, match="found no config.json"): embed(["SQL"], str(tmp_path/"empty"))


def test_a_skill_stays_where_it_was_and_so_does_a_name():
    first = place(vocabulary(120), crowds(120))
    then = place(vocabulary(126), np.r_[crowds(120), crowds(6, seed=1)], before=first)
    old, new = first[["u", "v"]].to_numpy(), then[["u", "v"]].to_numpy()[:120]
    size = np.sqrt(((old - old.mean(axis=0)) ** 2).sum(axis=1).mean())
    assert np.linalg.norm(new - old, axis=1).mean() < .5 * size
    assert len(set(first.cluster) & set(then.cluster)) >= .5 * first.cluster.nunique()


@pytest.mark.parametrize("reply, shown", [({"regions": [{"region": 0, "name": "Machines"}, {"region": 1, "name": "People"}]}, {"Machines", "People"}),
                                          ({"regions": [{"region": 0, "name": "<img src=x>"}, {"region": 1, "name": "People"}]}, {"a, b", "People"}),
                                          ("no JSON", {"a, b", "c, d"})], ids=["names", "markup", "nonsense"])
def test_a_model_names_new_regions_once(tmp_path, monkeypatch, reply, shown):
    skills = pd.DataFrame({"skill_id": list("abcd"), "name": list("abcd"), "n_postings": 1, "cluster": ["a, b", "a, b", "c, d", "c, d"]})
    new = unnamed(skills)
    regions = dict(enumerate(names for _, names in new))
    with Server(lambda request: reply if isinstance(reply, dict) else choice(reply)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        for _ in range(2):
            [(_, answer)] = Teacher("local", str(tmp_path)).ask([question(regions)])
            assert set(called(skills, new, answered(answer, regions)).cluster) == shown
    assert len(server.billed) == 1      # the second day finds the reply
