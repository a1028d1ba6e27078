"The tagger: other model families, hostile texts, damaged weights, and training that keeps its hands off the frozen postings."
import json
import os
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from hub_server import Hub
from hypothesis import given, settings, strategies as st

from skillnb.models import SHIPPED, ModelError, card, champion, keep, signed
from skillnb.spans import TAGS, Span, decode, encode, words
from skillnb.store import Store
from skillnb.tag import Tagger, tag_postings
from skillnb.train import NoLabels, digests, frozen, train

SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 66}
AD = "Your profile\n- Python, C++ and machine learning\r\n- you communicate clearly \U0001f600"


def named(labels): return {"id2label": dict(enumerate(labels)), "label2id": {t: i for i, t in enumerate(labels)}}


def bert(folder, labels):
    "A tiny cased BERT with random weights and these labels."
    from transformers import BertConfig, BertForTokenClassification, BertTokenizerFast
    folder.mkdir()
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "Python", "machine", "learn", "##ing", "and", "C", "+", ",", "-"]
    (folder/"vocab.txt").write_text("\n".join(vocabulary))
    BertTokenizerFast.from_pretrained(folder, do_lower_case=False).save_pretrained(folder)
    config = BertConfig(vocab_size=len(vocabulary), **SMALL, **named(labels))
    BertForTokenClassification(config).save_pretrained(folder)
    return folder


def roberta(folder):
    "A tiny RoBERTa: byte-level BPE, where a word's pieces depend on the space before it."
    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaConfig, RobertaForTokenClassification, RobertaTokenizerFast
    folder.mkdir()
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator([AD] * 5, vocab_size=300, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    bpe.save_model(str(folder))
    RobertaTokenizerFast.from_pretrained(folder).save_pretrained(folder)
    config = RobertaConfig(vocab_size=400, **SMALL, pad_token_id=1, **named(TAGS))
    RobertaForTokenClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    "A random tagger: it marks nonsense, and quickly."
    return Tagger(str(bert(tmp_path_factory.mktemp("models")/"tiny", TAGS)))


@pytest.fixture(scope="module")
def labelled():
    "Forty short postings that say different things, one label each."
    texts = [f"Team {i}: {i * 7} services, {i + 40} people, Python {i}." for i in range(40)]
    postings = pd.DataFrame({"posting_id": [f"ad{i}" for i in range(40)], "text": texts})
    at = [t.index("Python") for t in texts]
    return postings, pd.DataFrame({"posting_id": postings.posting_id, "start": at, "end": [a + 6 for a in at], "kind": "hard"})


def test_importing_the_tagger_does_not_load_torch():
    code = "import skillnb.tag, skillnb.train, skillnb.evaluate, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_mentions_slice_back_whatever_the_text(tiny, text):
    for m in tiny([text])[0]:
        assert text[m.start:m.end] == m.text and 0 < m.score <= 1 and m.kind in ("hard", "soft") and "\n" not in m.text


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(TAGS), max_size=30))
def test_tags_become_spans_and_tags_again(tags):
    at = [(3 * i, 3 * i + 2) for i in range(len(tags))]
    spans = decode(at, tags)
    assert decode(at, encode(at, spans)) == spans


def test_very_long_lines_are_read_to_their_end(tiny):
    text = "Python and machine learning " * 40_000
    assert len(text) > 1_000_000
    assert tiny([text, "x" * 1_000_000])[0][-1].end > 900_000


@pytest.fixture(scope="module")
def quick():
    "The shipped tagger, which ONNX Runtime reads."
    return Tagger()


@pytest.mark.parametrize("text", ["", " \n", "\u200b\u200d\ufeff", "\ud83d", "🎉" * 5000, "опыт работы с Python и 机器学习 عربي", "P\u200byth\u00adon and SQL", "\x00\x1b[31mPython"])
def test_texts_that_are_hardly_any(quick, text):
    ad = "Requirements\n- Python and SQL"
    odd, plain = quick([text, ad])
    assert [m.text for m in plain] == ["Python", "SQL"] and all(text[m.start:m.end] == m.text and 0 < m.score <= 1 for m in odd)


@pytest.mark.parametrize("texts", [[None], [b"Python"], ["Python", 3], "Python"])
def test_what_is_no_text_is_refused(quick, texts):
    with pytest.raises(TypeError, match="expected"): quick(texts)


def test_copies_are_read_once_and_answers_stay(quick):
    texts = [AD, "We use Go.", AD]
    one, other, again = quick(texts)
    assert one == again == Tagger()(texts)[0] and quick(texts) == [one, other, again]


@pytest.mark.slow
def test_a_hundred_thousand_sentences(quick):
    answers = quick([f"You know {skill} and have {n % 7} years of it." for n, skill in enumerate(["Python", "SQL", "Rust", "Kubernetes"] * 25_000)])
    assert len(answers) == 100_000 and all(answers) and len(quick.known) < 100


def test_many_sentences_at_once(tiny):
    answers = tiny(["Python and C"] * 5000)
    assert len(answers) == 5000 and all(a == answers[0] for a in answers)


def test_plain_bio_heads_as_jobbert_has_them_are_read_as_hard(tmp_path):
    found = Tagger(str(bert(tmp_path/"jobbert", ["B", "I", "O"])))(["Python and machine learning " * 30])[0]
    assert found and {m.kind for m in found} == {"hard"}


def test_byte_level_tokenizers_decide_by_words_too(tmp_path):
    found = Tagger(str(roberta(tmp_path/"roberta")))([AD * 10])[0]
    edges = {e for span in words(AD * 10) for e in span}
    assert found and all({m.start, m.end} <= edges for m in found)


def test_a_model_for_something_else_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no skill tagger"): Tagger(str(bert(tmp_path/"mood", ["GOOD", "BAD"])))


@pytest.mark.parametrize("name", ["int8.onnx", "config.json", "screen.safetensors"])
@pytest.mark.parametrize("damage", ["altered", "missing"])
def test_damaged_models_are_not_loaded(tmp_path, name, damage):
    shutil.copytree(SHIPPED, tmp_path/"copy")
    weights = tmp_path/"copy"/name
    if damage == "missing": weights.unlink()
    else: weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ModelError, match="expected"): Tagger(str(tmp_path/"copy"))


def test_postings_in_other_languages_are_set_aside(tiny):
    postings = pd.DataFrame({"posting_id": ["a", "b", "c"], "language": ["en", "fr", None], "text": ["Python", "Python", "Python"]})
    mentions, dropped = tag_postings(postings, pd.DataFrame(columns=["posting_id", "start", "end", "section"]), tiny)
    assert set(mentions.posting_id) <= {"a"} and dropped.id.tolist() == ["b", "c"]
    assert all("reads en" in r for r in dropped.reason)


def test_training_keeps_away_from_the_frozen_postings(tmp_path, labelled):
    postings, labels = labelled
    folder = train(postings, labels, tmp_path, str(bert(tmp_path/"backbone", TAGS)), epochs=1, batch_size=8)
    apart = frozen(postings)
    assert 0 < apart.sum() < len(postings)
    assert set(card(folder)["trained_on"]) == set(digests(postings.text[~apart]))
    assert list(tmp_path.glob("wandb/offline-run-*")), "the run is recorded without a key and without a network"
    assert not [f for f in folder.iterdir() if f.suffix in (".bin", ".pt", ".pkl")]
    Tagger(str(folder))(postings.text.tolist())


def test_a_frozen_posting_that_is_asked_for_is_not_trained_on(tmp_path, labelled):
    postings, labels = labelled
    folder = train(postings, labels, tmp_path, str(bert(tmp_path/"backbone", TAGS)), epochs=1, batch_size=8, only=postings.posting_id.head(20).tolist())
    assert set(card(folder)["trained_on"]) == set(digests(postings.text.head(20)[~frozen(postings).head(20)]))


def test_labels_on_frozen_postings_alone_train_nothing(tmp_path, labelled):
    postings, labels = labelled
    only = labels[labels.posting_id.isin(postings.posting_id[frozen(postings)])]
    with pytest.raises(NoLabels, match="expected labels to train on"): train(postings, only, tmp_path, "shipped")


def test_labels_that_do_not_fit_their_text_are_left_out(tmp_path, labelled):
    postings, labels = labelled
    broken = pd.concat([labels, labels.head(3).assign(start=-4, end=2), labels.head(3).assign(start=5, end=9999)])
    folder = train(postings, broken, tmp_path, str(bert(tmp_path/"backbone", TAGS)), epochs=1, batch_size=8)
    assert card(folder)["n_labels"] == (~frozen(postings)).sum()


def test_a_damaged_champion_file_says_what_to_do(tmp_path):
    (tmp_path/"models").mkdir()
    (tmp_path/"models"/"champion.json").write_text(json.dumps({"champion": "../../etc/passwd"}))
    with pytest.raises(ModelError, match="Remove the file"): champion(str(tmp_path))


def test_models_on_the_command_line(tmp_path, skillnb):
    root = str(tmp_path/"store")
    def ask(*words): return skillnb("model", *words, "--root", root)
    for name in ("first", "second"):
        shutil.copytree(SHIPPED, tmp_path/name)
        signed(tmp_path/name, **card(SHIPPED) | {"name": name})
        keep(tmp_path/name, root)
    assert "first is the champion; before it was shipped" in ask("promote", "first").stdout
    assert ask("promote", "second").returncode == 0 and champion(root)["previous"] == "first"
    assert "first is the champion again" in ask("rollback").stdout
    assert [row.split()[:2] for row in ask("list").stdout.splitlines()[1:]] == [["first", "champion"], ["shipped", "before"], ["second", "taken"]]
    no = ask("promote", "../../etc")
    assert no.returncode == 1 and "found none" in no.stderr and "Traceback" not in no.stderr
    assert ask("rollback").returncode == 0 and ask("rollback").returncode == 1   # back to the shipped one, and no further
    assert Store(root).read("promotions").event.value_counts().to_dict() == {"promoted": 2, "restored": 2}
    for file in ("first/card.json", "champion.json"):
        (tmp_path/"store"/"models"/file).write_text("{")
        told = ask("list")
        assert told.returncode == 1 and file in told.stderr and "Traceback" not in told.stderr


def test_a_champion_is_published_with_its_card(tmp_path):
    (folder := tmp_path/"week-1").mkdir()
    (folder/"card.json").write_text('{"name": "week-1", "languages": ["en"]}')
    (folder/"README.md").write_text("# week-1\n")
    code = f"from skillnb.track import publish; print(publish({str(folder)!r}, 'me/tagger'))"
    with Hub() as hub:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | hub.env)
        assert done.returncode == 0, done.stderr
        there = hub.files("model", "me/tagger")
        assert there["README.md"].startswith(b"---\nlicense: apache-2.0\nlanguage: ['en']") and set(there) == {".gitattributes", "README.md", "card.json"}
        refused = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | hub.env | {"HF_TOKEN": "another"})
    assert "ModelError: expected to put 2 files into model me/tagger" in refused.stderr and "another" not in refused.stderr


def test_overlapping_labels_become_one_span():
    at = words("deep machine learning")
    assert decode(at, encode(at, [Span(0, 21, "hard"), Span(5, 21, "hard")])) == [Span(0, 21, "hard")]


@pytest.mark.slow
def test_the_shipped_tagger_is_better_than_memory(shared):
    done = subprocess.run([sys.executable, "benchmarks/tagger.py"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Above the floor (hard, strict): +" in done.stdout
