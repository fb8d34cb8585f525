"""A damaged checkpoint of any kind is left out, loudly, and the training ends with the bits of one without damage."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save
from small_training import digest, losses, network_of, run_training, stop_after

from etymon.errors import EtymonError, Interrupted
from etymon.models import Network
from etymon.storage import Checkpoint, Run
from etymon.training import load_weights
from etymon.training.checkpoint import OPTIMIZER, STATE, WEIGHTS

MANIFEST = "manifest.json"
FILES = (MANIFEST, WEIGHTS, OPTIMIZER, STATE)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def remove(path: Path) -> None:
    path.unlink()


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def of_another_step(path: Path) -> None:
    (other,) = [folder for folder in path.parent.parent.glob("step-*") if folder != path.parent]
    path.write_bytes((other / path.name).read_bytes())


def link(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


DAMAGES = [flip, cut, lengthen, remove, zero, of_another_step, link]


def swapped(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / "x")
    (folder / OPTIMIZER).rename(folder / WEIGHTS)
    (folder / "x").rename(folder / OPTIMIZER)


def emptied(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def renamed(folder: Path) -> None:
    folder.rename(folder.with_name("step-000000099"))


def joined(folder: Path) -> None:
    (folder / "foreign").write_bytes(b"what is this?")


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[float]]:
    from etymon.storage import Store

    run = Store.at(tmp_path_factory.mktemp("straight")).run("straight")
    network = network_of("lstm")
    run_training(run, network)
    return digest(network), losses(run)


@pytest.fixture
def newest(run: Run) -> Checkpoint:
    """The newer of two checkpoints, of steps 6 and 12, of a recurrent network that carries its state."""
    for _ in range(2):
        with pytest.raises(Interrupted):
            run_training(run, network_of("lstm"), stop_requested=stop_after(6))
    found = run.checkpoints("x").latest()
    assert found is not None and found.step == 12 and set(found.files) == {WEIGHTS, OPTIMIZER, STATE}
    return found


def check_it_falls_back(run: Run, straight: tuple[str, list[float]], told_of: str) -> None:
    told: list[str] = []
    network = network_of("lstm")
    run_training(run, network, warn=told.append)
    assert len(told) == 1
    assert told_of in told[0] and "damaged and left out" in told[0] and "goes on from step 6" in told[0]
    assert "checkpoint damaged" in [event["event"] for event in run.journal.events()]
    assert [event["step"] for event in run.journal.events() if event["event"] == "training resumes"] == [6, 6]
    assert (digest(network), losses(run)) == straight
    assert run.verify() == []


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", DAMAGES)
def test_any_damage_of_any_file_leads_back_to_the_last_good_checkpoint(
    run: Run,
    newest: Checkpoint,
    straight: tuple[str, list[float]],
    name: str,
    damage: Callable[[Path], None],
) -> None:
    damage(newest.path / name)
    check_it_falls_back(run, straight, "foreign" if damage is joined else "step-000000012")


@pytest.mark.parametrize("damage", [swapped, emptied, renamed, joined])
def test_a_folder_that_is_not_as_it_was_saved_leads_back_too(
    run: Run, newest: Checkpoint, straight: tuple[str, list[float]], damage: Callable[[Path], None]
) -> None:
    damage(newest.path)
    check_it_falls_back(run, straight, "step-0000000")


def test_without_any_good_checkpoint_it_begins_anew_and_says_so(
    run: Run, newest: Checkpoint, straight: tuple[str, list[float]]
) -> None:
    for folder in newest.path.parent.glob("step-*"):
        flip(folder / WEIGHTS)
    told: list[str] = []
    network = network_of("lstm")
    run_training(run, network, warn=told.append)
    assert len(told) == 2 and all("goes on from the beginning" in text for text in told)
    assert (digest(network), losses(run)) == straight


def saved_with(run: Run, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]], name: str) -> Checkpoint:
    """A whole checkpoint, by every hash, one of whose files holds other tensors than the training wants."""
    with pytest.raises(Interrupted):
        run_training(run, network_of(), stop_requested=stop_after(6))
    good = run.checkpoints("x").latest()
    assert good is not None
    files = {each: good.read(each) for each in good.files}
    files[name] = save(change(load(files[name])))
    return run.checkpoints("x").save(7, files, good.about)


def halved(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.bfloat16() for name, tensor in tensors.items()}


def reshaped(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.flatten() for name, tensor in tensors.items()}


def renamed_tensors(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"other.{name}": tensor for name, tensor in tensors.items()}


@pytest.mark.parametrize("name", [WEIGHTS, OPTIMIZER])
@pytest.mark.parametrize(
    ("change", "told"),
    [(halved, "bfloat16 instead of float32"), (reshaped, "instead of ["), (renamed_tensors, "is missing")],
)
def test_tensors_of_another_type_shape_or_name_are_refused_with_the_differences(
    run: Run, name: str, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]], told: str
) -> None:
    saved_with(run, change, name)
    network = network_of()
    before = digest(network)
    with pytest.raises(EtymonError, match="another network") as refused:
        run_training(run, network)
    assert told in refused.value.why and "; and " in refused.value.why
    assert refused.value.where.endswith(name)
    assert digest(network) == before or name == OPTIMIZER


def test_weights_of_another_type_are_converted_only_when_asked(run: Run) -> None:
    saved = saved_with(run, halved, WEIGHTS)
    network: Network = network_of()
    with pytest.raises(EtymonError, match="another network"):
        load_weights(network, saved)
    load_weights(network, saved, cast=True)
    assert all(parameter.dtype == torch.float32 for parameter in network.parameters())
    assert torch.equal(network.state_dict()["embed.weight"], load(saved.read(WEIGHTS))["embed.weight"].float())
