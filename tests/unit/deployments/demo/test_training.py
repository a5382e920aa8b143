"""How demo weights are made: trainings that resume, an autoencoder that starts from colours, shared files."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from deployments.demo.architectures import LATENT_CHANNELS, autoencoder
from deployments.demo.training.autoencoder import paintings, start_as_mosaic
from deployments.demo.training.export import share_equals
from deployments.demo.training.latents import fit_latent_rgb, normalise
from deployments.demo.training.stage import Stage, run

CPU = torch.device("cpu")


class Line(Stage):
    """Learns y = 2x; may be stopped as a power cut would stop it."""

    name = "line"
    steps = 40
    learning_rate = 0.05
    samples = 2

    def __init__(self, stop_at: int | None = None) -> None:
        torch.manual_seed(0)
        self.network: nn.Module = nn.Linear(1, 1)
        self._stop_at = stop_at

    @property
    def modules(self) -> dict[str, nn.Module]:
        return {"network": self.network}

    def loss(self, step: int) -> Tensor:
        if step == self._stop_at:
            raise KeyboardInterrupt
        inputs = torch.randn(16, 1)
        return (self.network(inputs) - 2 * inputs).square().mean()

    def sample(self, path: Path) -> None:
        path.with_suffix(".txt").write_text(str(self.network.weight.item()))


class Deep(Line):
    """The same, through a hidden matrix."""

    name = "deep"
    muon = True

    def __init__(self, stop_at: int | None = None) -> None:
        super().__init__(stop_at)
        torch.manual_seed(0)
        self.network = nn.ModuleDict({"first": nn.Linear(1, 16), "blocks": nn.Linear(16, 16), "last": nn.Linear(16, 1)})

    def loss(self, step: int) -> Tensor:
        if step == self._stop_at:
            raise KeyboardInterrupt
        inputs = torch.randn(16, 1)
        hidden = self.network["blocks"](self.network["first"](inputs))
        return (self.network["last"](hidden) - 2 * inputs).square().mean()

    def sample(self, path: Path) -> None:
        path.with_suffix(".txt").write_text("")


@pytest.mark.parametrize("kind", [Line, Deep])
def test_a_training_that_is_stopped_and_resumed_ends_with_an_undisturbed_ones_weights(
    kind: type[Line], tmp_path: Path
) -> None:
    before, whole, stopped, resumed = kind(), kind(), kind(stop_at=23), kind()
    run(whole, tmp_path / "whole", CPU)
    with pytest.raises(KeyboardInterrupt):
        run(stopped, tmp_path / "parts", CPU, checkpoint_every_s=0.0)
    run(resumed, tmp_path / "parts", CPU)
    first = before.network.state_dict()
    expected, found = whole.network.state_dict(), resumed.network.state_dict()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert not any(torch.equal(expected[name], first[name]) for name in expected)


def test_a_finished_training_is_only_loaded(tmp_path: Path) -> None:
    first, again = Line(), Line(stop_at=0)
    run(first, tmp_path, CPU)
    run(again, tmp_path, CPU)
    assert torch.equal(first.network.weight, again.network.weight)


def test_samples_are_written_on_the_way_and_at_the_end(tmp_path: Path) -> None:
    run(Line(), tmp_path, CPU)
    assert {path.name for path in (tmp_path / "samples").iterdir()} == {"line-000020.txt", "line-000040.txt"}


@torch.no_grad()
def test_before_training_the_autoencoder_returns_its_picture_as_a_mosaic() -> None:
    torch.manual_seed(0)
    vae = autoencoder()
    start_as_mosaic(vae)
    pixels = paintings(4, [3])
    tiles = torch.nn.functional.avg_pool2d(pixels, 8)
    decoded = vae.decode(vae.encode(pixels).latent_dist.mean).sample
    assert (torch.nn.functional.avg_pool2d(decoded, 8) - tiles).abs().mean() < 0.03


@torch.no_grad()
def test_normalising_latents_changes_no_decoded_picture() -> None:
    torch.manual_seed(0)
    vae = autoencoder()
    start_as_mosaic(vae)
    pixels = paintings(8, [4])
    before = vae.decode(vae.encode(pixels).latent_dist.mean).sample
    normalise(vae, pixels)
    latents = vae.encode(pixels).latent_dist.mean
    torch.testing.assert_close(vae.decode(latents).sample, before, atol=1e-3, rtol=0)
    torch.testing.assert_close(latents.mean((0, 2, 3)), torch.zeros(LATENT_CHANNELS), atol=1e-4, rtol=0)
    spread = latents.std((0, 2, 3))
    assert spread.max() == pytest.approx(1.0, abs=1e-3)
    assert (spread <= 1.001).all()


def test_the_preview_map_finds_a_linear_relation_exactly() -> None:
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(4, LATENT_CHANNELS, 6, 6, generator=generator)
    factors = torch.randn(LATENT_CHANNELS, 3, generator=generator)
    colours = torch.einsum("nchw,cr->nrhw", latents, factors) + 0.25
    found = fit_latent_rgb(latents, torch.nn.functional.interpolate(colours, scale_factor=8))
    torch.testing.assert_close(torch.tensor(found["factors"]), factors, atol=1e-4, rtol=0)
    torch.testing.assert_close(torch.tensor(found["bias"]), torch.full((3,), 0.25), atol=1e-4, rtol=0)


def write_weights(root: Path, **models: str) -> None:
    """A folder for each of ``models``, with that text for weights."""
    for model, text in models.items():
        path = root / model / "vae" / "model.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(text)


def read_weights(root: Path, *models: str) -> list[str]:
    return [(root / model / "vae" / "model.safetensors").read_text() for model in models]


def test_files_with_the_same_bytes_are_stored_once_and_still_read_from_each_folder(tmp_path: Path) -> None:
    write_weights(tmp_path, a="same", b="same", c="other")
    for _ in range(2):
        share_equals(tmp_path)
        paths = [tmp_path / model / "vae" / "model.safetensors" for model in "abc"]
        assert [path.is_symlink() for path in paths] == [True, True, False]
        assert read_weights(tmp_path, *"abc") == ["same", "same", "other"]
        assert not paths[0].readlink().is_absolute()
        assert len(list((tmp_path / "shared").iterdir())) == 1


def test_a_model_that_is_trained_again_changes_no_other_ones_files(tmp_path: Path) -> None:
    write_weights(tmp_path, a="same", b="same", c="same")
    share_equals(tmp_path)
    write_weights(tmp_path, a="new")
    share_equals(tmp_path)
    assert read_weights(tmp_path, *"abc") == ["new", "same", "same"]
    write_weights(tmp_path, b="new", c="new")
    share_equals(tmp_path)
    assert read_weights(tmp_path, *"abc") == ["new"] * 3
    assert [path.read_text() for path in (tmp_path / "shared").iterdir()] == ["new"]
