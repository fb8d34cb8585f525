"""Models in the layout of Hugging Face: there and back bit for bit, and the same logits in transformers."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reference
import torch
from random_batches import random_batch
from safetensors.torch import load_file, save_file

from etymon.errors import EtymonError
from etymon.models import BERT, Imported, Network, export_model, family, import_model, load, save
from etymon.models.exchange.gpts import GPT3_DENSE
from etymon.models.exchange.layouts import LAYOUTS
from etymon.models.xlnet import XLNet
from etymon.storage import Artifact, Store
from etymon.tokens import END_OF_TEXT, Mask, Tokenizer
from etymon.tokens.vocabulary import assemble
from harness import faults

ARCHITECTURES = [layout.architecture for layout in LAYOUTS if layout is not GPT3_DENSE]
RECURRENT = ("rnn", "lstm", "gru")
THEIRS = [name for name in ARCHITECTURES if not name.startswith("Etymon")]
FAMILY_OF = {layout.architecture: layout.family for layout in reversed(LAYOUTS)}


def random_network(kind: str, seed: int, vocabulary: int = 37) -> Network:
    """A network of a random small shape for an architecture, or of a family, with weights that hide no mistake."""
    name = FAMILY_OF.get(kind, kind)
    draw = random.Random(f"{name} {seed}")
    heads = draw.choice([1, 2, 4])
    width = heads * draw.choice([8, 12])
    groups = draw.choice([g for g in (1, 2, 4) if heads % g == 0])
    shape: dict[str, Any] = {"layers": draw.randint(1, 3), "width": width, "heads": heads, "context": 16}
    if name == "palm":
        shape |= {"groups": groups, "head_size": draw.choice([width // heads, 2, 6])}
    elif name == "llama":
        shape |= {"groups": groups, "hidden": draw.choice([16, 40]), "tied": draw.random() < 0.5}
        shape |= {"rotary_base": draw.choice([1e4, 5e5]), "norm_epsilon": draw.choice([1e-5, 1e-6])}
    else:
        shape["dropout"] = draw.choice([0.0, 0.1])
    if name == "bert" and draw.random() < 0.5:
        shape |= {"mask_id": 3, "begin_id": 1, "end_id": 2}
    if kind == "BertModel":
        shape["encoder_only"] = True
    if name == "gpt3":
        shape["band"] = draw.choice([1, 3, 8, 100])
    if name == "xlnet":
        shape["memory"] = draw.choice([None, 7])
    if name in RECURRENT:
        del shape["heads"], shape["context"]
        shape |= {"tied": draw.random() < 0.5, "weight_dropout": 0.3, "change_penalty": draw.choice([0.0, 2.0])}
    if name == "rnn":
        shape["activation"] = draw.choice(["tanh", "relu"])
    torch.manual_seed(seed)
    made = family(name)
    network = made.build(made.settings(**shape), vocabulary)
    for parameter in network.parameters():
        parameter.data.add_(torch.randn_like(parameter), alpha=0.1)
    if kind == "GPTNeoForCausalLM":  # it has no place for them; what is done with others has a test of its own
        for block in network.blocks:
            block.attention.qkv.bias.data.zero_()
    return network.eval()


def stored(store: Store, network: Network, inputs: dict[str, str] | None = None) -> Artifact:
    """The network as a model of the store."""
    recipe = {"family": network.family, "of": random.random()}
    with store.create("model", recipe, inputs or {}, stage_version=1) as draft:
        save(draft, network)
        return draft.seal()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.at(tmp_path / "store")


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_there_and_back_and_there_again_is_the_same_to_the_bit(
    name: str, seed: int, store: Store, tmp_path: Path
) -> None:
    model = stored(store, random_network(name, seed))
    if name == "GPTNeoForCausalLM":  # queries are rounded on their first way out, and never again
        export_model(store, model, tmp_path / "zero")
        model = import_model(store, tmp_path / "zero").model
    export_model(store, model, tmp_path / "one")
    first = import_model(store, tmp_path / "one")
    assert first.architecture == name
    assert first.model.read("model.safetensors") == model.read("model.safetensors")
    mine = model.read_json("config.json")
    assert first.model.read_json("config.json") == mine
    export_model(store, first.model, tmp_path / "two")
    assert {f.name: f.read_bytes() for f in (tmp_path / "one").iterdir()} == {
        f.name: f.read_bytes() for f in (tmp_path / "two").iterdir()
    }
    assert import_model(store, tmp_path / "two").model.id == first.model.id
    assert first.parameters == family(mine["family"]).counts(load(model).settings, mine["vocabulary"], 16).parameters  # type: ignore[attr-defined]


@pytest.mark.ci
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", THEIRS)
def test_transformers_opens_what_is_exported_and_computes_the_same(
    name: str, seed: int, store: Store, tmp_path: Path
) -> None:
    transformers = reference.transformers()
    network = random_network(name, seed)
    export_model(store, stored(store, network), tmp_path / "out")
    peer, told = getattr(transformers, name).from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not any(told[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys")), told
    compare(network, peer.eval())


@pytest.mark.ci
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", THEIRS)
def test_what_transformers_saves_is_taken_over_and_computes_the_same(
    name: str, seed: int, store: Store, tmp_path: Path
) -> None:
    transformers = reference.transformers()
    export_model(store, stored(store, random_network(name, seed)), tmp_path / "out")
    peer = getattr(transformers, name).from_pretrained(tmp_path / "out").eval()
    for parameter in peer.parameters():
        parameter.data.add_(torch.randn_like(parameter), alpha=0.05)
    peer.save_pretrained(tmp_path / "theirs")
    network = load(import_model(store, tmp_path / "theirs").model)
    assert isinstance(network, Network)
    compare(network, peer)


def compare(network: Network, peer: Any) -> None:
    """The logits of both for the same tokens; of a BERT also those of the second head, or what it encodes alone."""
    both_sides = isinstance(network, (BERT, XLNet))
    batch = random_batch(2, 16, 37, visibility=Mask(causal=not both_sides))
    theirs = peer(batch.ids)
    if isinstance(network, BERT):
        encoded = network.encode(batch)
        if network.settings.encoder_only:
            close(encoded, theirs.last_hidden_state)
            close(network.pooled(encoded[:, 0]), theirs.pooler_output)
            return
        close(network.follows(encoded[:, 0]), theirs.seq_relationship_logits)
    hidden = network.encode(batch)[0] if isinstance(network, XLNet) else network(batch)[0]
    close(network.head(hidden), theirs.prediction_logits if isinstance(network, BERT) else theirs.logits)


def close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def exported(store: Store, folder: Path, name: str = "gpt") -> Path:
    """A folder as others have it."""
    return export_model(store, stored(store, random_network(name, 1)), folder).path


def rewritten(folder: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Path:
    """The same folder with other tensors."""
    tensors = {name: tensor.clone() for name, tensor in load_file(folder / "model.safetensors").items()}
    save_file(change(tensors), folder / "model.safetensors")
    return folder


def reconfigured(folder: Path, **entries: Any) -> Path:
    """The same folder with other entries in its config.json."""
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | entries))
    return folder


def test_files_of_the_bare_network_with_masks_and_the_head_twice_are_the_same_model(
    store: Store, tmp_path: Path
) -> None:
    folder = exported(store, tmp_path / "out")
    first = import_model(store, folder).model

    def older(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        bare = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}
        bare["lm_head.weight"] = bare["wte.weight"].clone()
        bare["h.0.attn.bias"] = torch.ones(16, 16).tril().bool()[None, None]
        bare["h.0.attn.masked_bias"] = torch.tensor(-1e4, dtype=torch.bfloat16)
        return bare

    again = import_model(store, rewritten(folder, older)).model
    assert again.id != first.id and again.content_hash == first.content_hash
    with pytest.raises(EtymonError, match="not the embedding"):
        import_model(store, rewritten(folder, lambda old: old | {"lm_head.weight": old["lm_head.weight"] + 1}))


def test_masks_of_bands_are_known_and_left_out(store: Store, tmp_path: Path) -> None:
    folder = exported(store, tmp_path / "out", "GPTNeoForCausalLM")
    first = import_model(store, folder).model

    def masked(width: int) -> Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]:
        mask = torch.ones(16, 16).tril().triu(1 - width).bool()[None, None]
        return lambda old: old | {"transformer.h.0.attn.attention.bias": mask}

    assert import_model(store, rewritten(folder, masked(5))).model.content_hash == first.content_hash
    holes = {"transformer.h.0.attn.attention.bias": torch.eye(16).flip(0).bool()[None, None]}
    with pytest.raises(EtymonError, match="constant is not what it must be"):
        import_model(store, rewritten(folder, lambda old: old | holes))


def test_half_precision_is_taken_over_exactly(store: Store, tmp_path: Path) -> None:
    folder = rewritten(
        exported(store, tmp_path / "out", "llama"), lambda all: {n: t.to(torch.bfloat16) for n, t in all.items()}
    )
    halves = load_file(folder / "model.safetensors")
    network = load(import_model(store, reconfigured(folder, dtype="bfloat16")).model)
    assert torch.equal(network.embed.weight, halves["model.embed_tokens.weight"].float())  # type: ignore[attr-defined]


def test_the_entries_that_published_configs_have_besides_are_known(store: Store, tmp_path: Path) -> None:
    smol = {
        "is_llama_config": True,
        "rope_interleaved": False,
        "rope_scaling": None,
        "transformers.js_config": {"a": 1},
    }
    folder = exported(store, tmp_path / "llama", "llama")
    assert import_model(store, reconfigured(folder, **smol, use_cache=True, _name_or_path="x")).vocabulary == 37
    with pytest.raises(EtymonError, match="rope_parameters"):
        import_model(store, reconfigured(folder, rope_theta=123.0))
    gpt2 = {"n_ctx": 16, "n_inner": None, "summary_type": "cls_index", "task_specific_params": {"a": {"b": True}}}
    folder = exported(store, tmp_path / "gpt", "gpt")
    assert import_model(store, reconfigured(folder, **gpt2, bos_token_id=50256, n_positions=16)).vocabulary == 37


def test_rotary_bases_stand_in_either_place(store: Store, tmp_path: Path) -> None:
    folder = exported(store, tmp_path / "out", "llama")
    for entries in (
        {"rope_theta": 777.0, "rope_parameters": None},
        {"rope_theta": None, "rope_parameters": {"rope_theta": 777.0, "rope_type": "default"}},
    ):
        config = json.loads((folder / "config.json").read_text()) | entries
        (folder / "config.json").write_text(json.dumps({k: v for k, v in config.items() if v is not None}))
        assert import_model(store, folder).model.recipe["settings"]["rotary_base"] == 777.0


def test_the_tokenizer_comes_along_and_goes_out_again(store: Store, tmp_path: Path) -> None:
    data = assemble([("t", "h"), ("th", "e")], limit=259, special=[END_OF_TEXT])
    folder = export_model(store, stored(store, random_network("gpt", 2, vocabulary=259)), tmp_path / "out").path
    assert import_model(store, folder).without == "there is no tokenizer.json in the folder"
    (folder / "tokenizer.json").write_bytes(data)
    taken: Imported = import_model(store, folder)
    assert taken.tokenizer is not None and taken.without == ""
    assert taken.model.inputs == {"tokenizer": taken.tokenizer.id}
    ids = Tokenizer.open(taken.tokenizer).encode("the tea")
    assert len(ids) == 5
    out = export_model(store, taken.model, tmp_path / "again").path
    assert (out / "tokenizer.json").read_bytes() == data
    transformers = pytest.importorskip("transformers", reason="transformers, the reference, is not installed")
    assert np.array_equal(transformers.AutoTokenizer.from_pretrained(out)("the tea")["input_ids"], ids)


def _content(**changes: Any) -> bytes:
    content = json.loads(assemble([("t", "h"), ("th", "e")], limit=259, special=[END_OF_TEXT]))
    return json.dumps(content | changes).encode()


AROUND = {"type": "TemplateProcessing", "single": [], "pair": [], "special_tokens": {}}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (_content(truncation={"max_length": 3, "strategy": "LongestFirst", "stride": 0}), "cuts or fills up"),
        (_content(post_processor=AROUND), "tokens around"),
        (_content(normalizer={"type": "Lowercase"}), "normalises"),
        (_content(model={"type": "WordPiece", "vocab": {}}), "WordPiece"),
        (_content(pre_tokenizer=[1, 2]), "cannot be read"),
        (_content(model=None), "cannot be read"),
        (b"{}", "cannot be read"),
        (assemble([("t", "h")], limit=258, special=[END_OF_TEXT]), "258 tokens, and the model 259"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_tokenizer_that_cannot_be_used_is_left_out_and_told(
    data: bytes, why: str, store: Store, tmp_path: Path
) -> None:
    folder = export_model(store, stored(store, random_network("gpt", 2, vocabulary=259)), tmp_path / "out").path
    (folder / "tokenizer.json").write_bytes(data)
    taken = import_model(store, folder)
    assert taken.tokenizer is None and taken.model.inputs == {}
    assert why in taken.without


def test_a_berts_special_tokens_are_found_in_its_tokenizer(store: Store, tmp_path: Path) -> None:
    folder = exported(store, tmp_path / "out", "bert")
    config = json.loads((folder / "config.json").read_text())
    for key in ("mask_token_id", "cls_token_id", "sep_token_id"):
        del config[key]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(EtymonError, match=r"not known which token of this BERT is \[MASK\]"):
        import_model(store, folder)
    added = [{"content": name, "id": id} for id, name in ((5, "[CLS]"), (6, "[SEP]"), (7, "[MASK]"))]
    (folder / "tokenizer.json").write_text(json.dumps({"added_tokens": added, "model": {"type": "WordPiece"}}))
    settings = import_model(store, folder).model.recipe["settings"]
    assert (settings["begin_id"], settings["end_id"], settings["mask_id"]) == (5, 6, 7)


def test_a_family_without_a_counterpart_is_refused(store: Store, tmp_path: Path) -> None:
    with store.create("model", {"family": "mixture"}, {}, stage_version=1) as draft:
        draft.write("x", b"x")
        model = draft.seal()
    with pytest.raises(EtymonError, match="family mixture cannot be handed on"):
        export_model(store, model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", RECURRENT)
@pytest.mark.parametrize("seed", range(4))
def test_a_recurrent_network_that_is_handed_on_is_a_stacked_module_of_torch(
    name: str, seed: int, store: Store, tmp_path: Path
) -> None:
    network = random_network(name, seed)
    folder = export_model(store, stored(store, network), tmp_path / "out").path
    config = json.loads((folder / "config.json").read_text())
    weights = load_file(folder / "model.safetensors")
    vocabulary, width = config["vocab_size"], config["hidden_size"]
    more = {"nonlinearity": config["nonlinearity"]} if name == "rnn" else {}
    kind = getattr(torch.nn, name.upper())
    peer = torch.nn.ModuleDict(
        {
            "embed": torch.nn.Embedding(vocabulary, width),
            "recurrent": kind(width, width, config["num_layers"], batch_first=True, **more),
            "head": torch.nn.Linear(width, vocabulary),
        }
    )
    if config["tie_word_embeddings"]:
        weights["head.weight"] = weights["embed.weight"]
    peer.load_state_dict(weights)
    batch = random_batch(2, 16, 37)
    close(network.head(network(batch)[0]), peer["head"](peer["recurrent"](peer["embed"](batch.ids))[0]))


def test_norms_between_layers_have_no_place_in_torchs_module(store: Store, tmp_path: Path) -> None:
    made = family("gru")
    network = made.build(made.settings(layers=2, width=8, layer_norm=True), 11)
    with pytest.raises(EtymonError, match="recurrent network cannot be handed on"):
        export_model(store, stored(store, network), tmp_path / "out")


def banded(**shape: Any) -> Network:
    """A GPT-3 whose queries, keys and values have offsets, as training gives it."""
    torch.manual_seed(3)
    made = family("gpt3")
    network = made.build(made.settings(**({"context": 16, "layers": 3, "width": 24, "heads": 2} | shape)), 37)
    for name, parameter in network.named_parameters():
        parameter.data.add_(torch.randn_like(parameter), alpha=0.02 if name.endswith("bias") else 0.1)
    return network.eval()


def test_offsets_that_a_gpt_neo_has_no_place_for_are_moved_and_change_no_logit(store: Store, tmp_path: Path) -> None:
    network = banded(band=5)
    export_model(store, stored(store, network), tmp_path / "out")
    again = load(import_model(store, tmp_path / "out").model)
    assert isinstance(again, Network) and not again.state_dict()["blocks.1.attention.qkv.bias"].any()
    batch = random_batch(2, 16, 37)
    close(again.head(again(batch)[0]), network.head(network(batch)[0]))


@pytest.mark.ci
def test_transformers_computes_what_a_banded_gpt3_with_offsets_does(store: Store, tmp_path: Path) -> None:
    network = banded(band=5)
    export_model(store, stored(store, network), tmp_path / "out")
    compare(network, reference.transformers().GPTNeoForCausalLM.from_pretrained(tmp_path / "out").eval())


def test_offsets_that_cannot_be_moved_are_refused(store: Store, tmp_path: Path) -> None:
    network = banded(band=5)
    network.blocks[1].attention.qkv.weight.data[:24] = 1.0  # type: ignore[index, union-attr]
    with pytest.raises(EtymonError, match="too nearly singular"):
        export_model(store, stored(store, network), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_gpt3_without_bands_goes_out_as_a_gpt2(store: Store, tmp_path: Path) -> None:
    network = banded(band=None)
    out = export_model(store, stored(store, network), tmp_path / "out")
    taken = import_model(store, out.path)
    assert (out.architecture, taken.model.recipe["family"]) == ("GPT2LMHeadModel", "gpt")
    again = load(taken.model)
    assert isinstance(again, Network)
    batch = random_batch(2, 16, 37)
    assert torch.equal(again.head(again(batch)[0]), network.head(network(batch)[0]))


@pytest.mark.parametrize("band", [None, 5])
def test_heads_of_another_size_than_their_share_are_refused(band: int | None, store: Store, tmp_path: Path) -> None:
    with pytest.raises(EtymonError, match="2 heads of it are 20; theirs share the width, 24"):
        export_model(store, stored(store, banded(band=band, head_size=10)), tmp_path / "out")


def test_an_encoder_alone_says_that_it_has_no_head(store: Store, tmp_path: Path) -> None:
    network = load(import_model(store, exported(store, tmp_path / "out", "BertModel")).model)
    batch = random_batch(2, 16, 37)
    assert isinstance(network, BERT)
    assert network.encode(batch).shape == (2, 16, network.settings.width)
    few = np.zeros((1, 3), np.int64)
    for ask in (lambda: network.next_log_probs(few), lambda: network(batch), lambda: network.output):
        with pytest.raises(EtymonError, match="encoder alone"):
            ask()


def test_nothing_is_written_over(store: Store, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(EtymonError, match="something in this place"):
        exported(store, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_places_that_are_none_are_told_and_long_names_are_kept(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = stored(store, random_network("gpt", 1))
    for place in ("~nobody-of-this-name/x", tmp_path / ("y" * 300)):
        with pytest.raises(EtymonError):
            import_model(store, place)
    for place in (tmp_path / ("y" * 300), tmp_path / "missing" / ".."):
        with pytest.raises(EtymonError):
            export_model(store, model, place)
    assert not (tmp_path / "missing").exists()
    assert export_model(store, model, tmp_path / ("y" * 255)).path.is_dir()
    monkeypatch.chdir(tmp_path)
    assert export_model(store, model, "~nobody-of-this-name/x").path == tmp_path / "~nobody-of-this-name" / "x"


@pytest.mark.parametrize("code", faults.FAULTS, ids=os.strerror)
def test_a_disk_that_fails_leaves_no_half_of_a_folder(code: int, store: Store, tmp_path: Path) -> None:
    model = stored(store, random_network("gpt", 1))
    (tmp_path / "way").mkdir()
    with faults.watched() as seen:
        export_model(store, model, tmp_path / "way" / "whole")
    assert len(seen) > 8
    for number in range(len(seen)):
        with faults.failing(code, lambda count, operation, number=number: count == number) as failed:
            try:
                export_model(store, model, tmp_path / "way" / "out")
            except EtymonError as error:
                assert error.exit_code == 74
        left = {path.name for path in (tmp_path / "way").iterdir()} - {"whole"}
        if left:  # only the very last sync comes after the rename
            assert left == {"out"} and failed and failed[-1].name == "sync folder"
            assert {f.name for f in (tmp_path / "way" / "out").iterdir()} == {"config.json", "model.safetensors"}
            break
