"""Where weights come from, what is refused and why, and how a model is made to fit."""

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from deployments.catalog import card_for
from deployments.demo.pipelines import Shared, assemble, denoiser
from deployments.engine import Engine, GenerationRequest
from deployments.engine.loader import load
from deployments.engine.resolve import resolve
from deployments.engine.spec import LoadSpec
from deployments.engine.weights.fit import prepare_vae
from deployments.engine.weights.layout import NETWORKS
from tests.unit.deployments.engine.gallery import blot, photo
from tests.unit.deployments.engine.original_layout import write_checkpoint, write_gguf
from tests.unit.deployments.engine.stock import Stock
from tests.unit.deployments.engine.weight_formats import engine_options, formats_of, small_files, stock_pipeline

MODELS = ("sd15", "sdxl", "sd35-large", "flux-schnell")


def pipeline_of(model: str, folder: Path) -> Any:
    return getattr(diffusers, card_for(model).pipeline).from_pretrained(folder)


def wish(seed: int = 3, **fields: Any) -> GenerationRequest:
    asked = {"prompt": "three kites", "seed": seed, "steps": 3, "width": 64, "height": 64, "preview_every": 0}
    return GenerationRequest.model_validate(asked | fields)


@pytest.mark.parametrize("suffix", ["ckpt", "pt", "pth", "bin", "pkl"])
def test_a_pickle_is_refused_with_the_reason(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"model.{suffix}"
    path.write_bytes(b"cos\nsystem\n(S'echo'\ntR.")
    with pytest.raises(ValueError, match=r"weights: .* is a pickle .* can run any code .* allowed: .*safetensors"):
        load(LoadSpec("sd15", weights=str(path), device="cpu"))


def test_a_folder_of_pickles_is_refused(weights: Callable[[str], Path], tmp_path: Path) -> None:
    pipeline_of("sd15", weights("sd15")).save_pretrained(tmp_path / "old", safe_serialization=False)
    with pytest.raises(OSError, match="safetensors"):
        load(LoadSpec("sd15", weights=str(tmp_path / "old"), device="cpu"))


@pytest.mark.parametrize("name", ["nowhere.safetensors", "nowhere.gguf", "./nowhere", "/nowhere/at/all"])
def test_weights_that_are_not_there_are_named(name: str, weights: Callable[[str], Path]) -> None:
    base = str(weights("flux-dev")) if "." in name[1:] else None
    with pytest.raises(FileNotFoundError, match=r"weights: there is no (file|folder) .*nowhere"):
        load(LoadSpec("flux-dev", weights=name, base=base, device="cpu"))


def test_a_checkpoint_of_another_model_is_refused(weights: Callable[[str], Path], tmp_path: Path) -> None:
    write_checkpoint(pipeline_of("sdxl", weights("sdxl")), tmp_path / "xl.safetensors")
    with pytest.raises(ValueError, match=r"weights: .*xl\.safetensors is no whole sd15"):
        load(LoadSpec("sd15", weights=str(tmp_path / "xl.safetensors"), base=str(weights("sd15")), device="cpu"))


def test_a_file_that_is_none_of_its_kind_is_refused(weights: Callable[[str], Path], tmp_path: Path) -> None:
    path = tmp_path / "broken.safetensors"
    path.write_bytes(b"no safetensors at all, but long enough to look for a header")
    with pytest.raises(ValueError, match=r"weights: .*broken\.safetensors can't be read as safetensors"):
        load(LoadSpec("sd15", weights=str(path), base=str(weights("sd15")), device="cpu"))


@pytest.mark.parametrize("lost", ["model.diffusion_model.", "first_stage_model.decoder.", "cond_stage_model."])
def test_a_checkpoint_that_lacks_a_tensor_is_refused(lost: str, weights: Callable[[str], Path], tmp_path: Path) -> None:
    path = tmp_path / "cut.safetensors"
    write_checkpoint(pipeline_of("sd15", weights("sd15")), path)
    tensors = load_file(path)
    del tensors[max(name for name in tensors if name.startswith(lost))]
    save_file(tensors, path)
    with pytest.raises(ValueError, match=r"weights: .*cut\.safetensors is no whole sd15"):
        load(LoadSpec("sd15", weights=str(path), base=str(weights("sd15")), device="cpu"))


def test_gguf_is_for_transformers(weights: Callable[[str], Path], tmp_path: Path) -> None:
    write_gguf(pipeline_of("flux-schnell", weights("flux-schnell")), tmp_path / "q.gguf")
    with pytest.raises(ValueError, match=r"q\.gguf is GGUF, which is read for FLUX and SD3"):
        load(LoadSpec("sd15", weights=str(tmp_path / "q.gguf"), base=str(weights("sd15")), device="cpu"))


@pytest.mark.parametrize("cut", [0, 8, 200])
@pytest.mark.parametrize("suffix", ["gguf", "safetensors"])
def test_a_file_that_was_cut_off_is_refused(
    suffix: str, cut: int, weights: Callable[[str], Path], tmp_path: Path
) -> None:
    folder, path = weights("sd35-large"), tmp_path / f"cut.{suffix}"
    write = write_gguf if suffix == "gguf" else write_checkpoint
    write(pipeline_of("sd35-large", folder), path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match=rf"weights: .*cut\.{suffix} can't be read as"):
        load(LoadSpec("sd35-large", weights=str(path), base=str(folder), device="cpu"))


@pytest.mark.parametrize("write", [write_checkpoint, write_gguf], ids=["checkpoint", "GGUF"])
def test_flux_dev_is_not_taken_for_schnell(write: Any, weights: Callable[[str], Path], tmp_path: Path) -> None:
    path = tmp_path / f"dev.{'gguf' if write is write_gguf else 'safetensors'}"
    write(pipeline_of("flux-dev", weights("flux-dev")), path)
    with pytest.raises(ValueError, match=r"is no whole flux-schnell \(it has an embedder of guidance\)"):
        load(LoadSpec("flux-schnell", weights=str(path), base=str(weights("flux-schnell")), device="cpu"))


def test_scaled_weights_are_refused(weights: Callable[[str], Path], tmp_path: Path) -> None:
    path = tmp_path / "scaled.safetensors"
    write_checkpoint(pipeline_of("flux-dev", weights("flux-dev")), path)
    tensors = load_file(path)
    tensors["model.diffusion_model.img_in.scale_weight"] = torch.ones(1)
    save_file(tensors, path)
    with pytest.raises(ValueError, match=r"scaled\.safetensors has scaled weights .*img_in\.scale_weight"):
        load(LoadSpec("flux-dev", weights=str(path), base=str(weights("flux-dev")), device="cpu"))


@pytest.mark.parametrize(("model", "other"), [("sd15", "sdxl"), ("sdxl", "sd15"), ("flux-dev", "sd35-large")])
def test_a_folder_of_another_model_is_refused(model: str, other: str, weights: Callable[[str], Path]) -> None:
    with pytest.raises(ValueError, match=rf"weights: .* is no {model}: it has "):
        load(LoadSpec(model, weights=str(weights(other)), device="cpu"))


def test_settings_that_contradict_each_other_are_refused(weights: Callable[[str], Path]) -> None:
    folder = str(weights("flux-dev"))
    with pytest.raises(ValueError, match=r"quantize: got int8, allowed: none, because GGUF"):
        load(LoadSpec("flux-dev", weights="q.gguf", base=folder, device="cpu", quantize="int8"))
    with pytest.raises(ValueError, match=r"base: .* allowed: only beside weights that are a single file"):
        load(LoadSpec("flux-dev", weights=folder, base=folder, device="cpu"))


@pytest.mark.parametrize(
    ("model", "prefix", "part"),
    [("sdxl", "first_stage_model.", "vae"), ("sd35-large", "text_encoders.t5xxl.", "text_encoder_3")],
)
def test_a_checkpoint_without_one_part_gives_all_of_its_others(
    model: str, prefix: str, part: str, weights: Callable[[str], Path], tmp_path: Path
) -> None:
    torch.manual_seed(8)
    tuned, path = assemble(model, Shared.untrained(), denoiser(model)), tmp_path / "tuned.safetensors"
    write_checkpoint(tuned, path)
    save_file({name: one for name, one in load_file(path).items() if not name.startswith(prefix)}, path)
    loaded: Any = load(LoadSpec(model, weights=str(path), base=str(weights(model)), device="cpu"))
    base = pipeline_of(model, weights(model))
    for name in NETWORKS[card_for(model).pipeline]:
        ours, theirs = getattr(loaded.family._pipeline, name), getattr(base if name == part else tuned, name)
        for (tensor, one), two in zip(ours.named_parameters(), theirs.parameters(), strict=True):
            if tensor != "text_projection.weight":  # of SD3's first CLIP, which diffusers takes for the identity
                assert torch.equal(one, two), (name, tensor)


def test_a_checkpoint_with_one_of_two_text_encoders_is_refused(weights: Callable[[str], Path], tmp_path: Path) -> None:
    path = tmp_path / "half.safetensors"
    write_checkpoint(pipeline_of("sdxl", weights("sdxl")), path)
    tensors = load_file(path)
    save_file({name: one for name, one in tensors.items() if not name.startswith("conditioner.embedders.1.")}, path)
    with pytest.raises(ValueError, match=r"half\.safetensors is no whole sdxl \(Failed to load CLIPTextModel"):
        load(LoadSpec("sdxl", weights=str(path), base=str(weights("sdxl")), device="cpu"))


def test_what_a_checkpoint_lacks_comes_from_the_base(weights: Callable[[str], Path], tmp_path: Path) -> None:
    folder, path = weights("sdxl"), tmp_path / "unet-only.safetensors"
    write_checkpoint(pipeline_of("sdxl", folder), path)
    save_file({name: one for name, one in load_file(path).items() if name.startswith("model.")}, path)
    with Engine.load("sdxl", weights=str(path), base=str(folder), device="cpu") as engine:
        ours = np.asarray(engine.generate(wish()).images[0])
    assert np.array_equal(ours, Stock("sdxl", folder)(wish()))


@pytest.mark.parametrize(
    ("model", "form"),
    [
        pytest.param(model, form, marks=() if form == "checkpoint" or model == "flux-schnell" else pytest.mark.slow)
        for model in MODELS
        for form in formats_of(model)
        if form != "folder"
    ],
)
def test_in_a_batch_every_form_of_weights_paints_within_1_of_255_of_stock(
    model: str, form: str, inpaint_weights: Callable[[str, bool], Path]
) -> None:
    folder = inpaint_weights(model, False)
    modes: list[dict[str, Any]] = [{}, {"image": photo(1)}, {"image": photo(2), "mask": blot(1)}, {"steps": 5}]
    requests = [wish(seed, **({"steps": 4} | mode)) for seed, mode in enumerate(modes)]
    with small_files(model, form, folder):
        stock = Stock(model, stock_pipeline(model, form, folder))
        loaded = load(LoadSpec(model, device="cpu", **engine_options(form, folder)))
    resolved = [resolve(request, loaded.card) for request in requests]
    with torch.no_grad():
        states = [loaded.family.start(item) for request in resolved for item in loaded.family.prepare(request)]
        while running := [state for state in states if not state.sampler.done]:
            loaded.family.denoise(running)
        pictures = loaded.family.decode(states)
    for request, picture in zip(resolved, pictures, strict=True):
        assert np.abs(np.asarray(picture).astype(int) - stock(request)).max() <= 1


@pytest.mark.parametrize("offload", ["cpu", "group"])
@pytest.mark.parametrize("model", MODELS)
def test_offloading_changes_no_picture(model: str, offload: Any, weights: Callable[[str], Path]) -> None:
    request = wish(image=photo(1), strength=0.7, steps=5)
    with Engine.load(model, weights=str(weights(model)), device="cpu", offload=offload) as engine:
        ours = np.asarray(engine.generate(request).images[0])
    assert np.array_equal(ours, Stock(model, weights(model))(request))


@pytest.mark.parametrize(
    ("offload", "waiting"),
    [
        ("none", set()),
        ("cpu", {"text_encoder", "text_encoder_2", "vae"}),
        ("group", {"transformer", "text_encoder", "text_encoder_2", "vae"}),
    ],
)
def test_the_parts_that_wait_are_those_that_the_setting_names(
    offload: Any, waiting: set[str], weights: Callable[[str], Path]
) -> None:
    loaded: Any = load(LoadSpec("flux-dev", weights=str(weights("flux-dev")), device="cpu", offload=offload))
    networks = {name: part for name, part in loaded.family._pipeline.components.items() if hasattr(part, "modules")}
    assert {
        name for name, part in networks.items() if any(hasattr(one, "_diffusers_hook") for one in part.modules())
    } == waiting


@pytest.mark.parametrize("decoding", ["sliced", "tiled"])
@pytest.mark.parametrize("model", MODELS)
def test_a_vae_that_works_in_pieces_paints_as_stock_does_with_the_same_setting(
    model: str, decoding: Any, weights: Callable[[str], Path]
) -> None:
    pipeline = pipeline_of(model, weights(model))
    loaded = load(LoadSpec(model, weights=str(weights(model)), device="cpu", vae=decoding))
    own: Any = loaded.family
    prepare_vae(pipeline.vae, decoding)
    for vae in (pipeline.vae, own._pipeline.vae):  # small enough to take several
        vae.tile_sample_min_size, vae.tile_latent_min_size = 32, 32 // 2 ** (len(vae.config.block_out_channels) - 1)
    request = wish(image=photo(1), strength=0.7, steps=5)
    with Engine(loaded.family, loaded.card) as engine:
        ours = np.asarray(engine.generate(request).images[0])
    assert np.array_equal(ours, Stock(model, pipeline)(request))


@pytest.mark.parametrize("model", MODELS)
def test_in_bfloat16_a_picture_is_near_stocks(model: str, weights: Callable[[str], Path]) -> None:
    kind = getattr(diffusers, card_for(model).pipeline)
    stock = Stock(model, kind.from_pretrained(weights(model), dtype=torch.bfloat16))
    with Engine.load(model, weights=str(weights(model)), device="cpu", dtype="bfloat16") as engine:
        ours = np.asarray(engine.generate(wish()).images[0], dtype=int)
    assert np.abs(ours - stock(wish())).max() <= 8  # samplers round half tensors at other places


@pytest.mark.parametrize("form", ["int8", "fp8"])
def test_quantised_weights_take_less_memory_and_paint_nearly_the_same(
    form: Any, weights: Callable[[str], Path]
) -> None:
    def spec(**how: Any) -> LoadSpec:
        return LoadSpec("flux-schnell", weights=str(weights("flux-schnell")), device="cpu", **how)

    plain, small = load(spec()), load(spec(quantize=form, quantize_text=form))
    bytes_of = [_bytes(loaded.family) for loaded in (plain, small)]
    assert bytes_of[1] < 0.5 * bytes_of[0]
    pictures = []
    for loaded in (plain, small):
        with Engine(loaded.family, loaded.card) as engine:
            pictures.append(np.asarray(engine.generate(wish()).images[0], dtype=int))
    assert 0 < np.abs(pictures[0] - pictures[1]).mean() < 8


def _bytes(family: Any) -> int:
    """Stored bytes of the transformer's and T5's linear weights."""
    total = 0
    for network in (family._pipeline.transformer, family._pipeline.text_encoder_2):
        for layer in network.modules():
            if isinstance(layer, torch.nn.Linear):
                stored = getattr(layer.weight, "qdata", layer.weight)
                total += stored.numel() * stored.element_size()
    return total


@pytest.fixture
def flux_pair(tmp_path: Path) -> Callable[[str], Path]:
    """Both FLUX models with the same text encoders and VAE, in folders of their own."""
    torch.manual_seed(6)
    shared = Shared.untrained()
    for model in ("flux-dev", "flux-schnell"):
        assemble(model, shared, denoiser(model)).save_pretrained(tmp_path / model)
    return tmp_path.joinpath


def test_models_of_one_process_share_what_is_equal_in_their_files(flux_pair: Callable[[str], Path]) -> None:
    dev: Any = load(LoadSpec("flux-dev", weights=str(flux_pair("flux-dev")), device="cpu")).family
    schnell: Any = load(LoadSpec("flux-schnell", weights=str(flux_pair("flux-schnell")), device="cpu")).family
    for name in ("text_encoder", "text_encoder_2", "vae"):
        assert getattr(dev._pipeline, name) is getattr(schnell._pipeline, name), name
    assert dev._pipeline.transformer is not schnell._pipeline.transformer


def test_files_share_what_they_take_from_their_bases(flux_pair: Callable[[str], Path], tmp_path: Path) -> None:
    families: list[Any] = []
    for model in ("flux-dev", "flux-schnell"):
        folder, path = flux_pair(model), tmp_path / f"{model}.gguf"
        write_gguf(pipeline_of(model, folder), path)
        with small_files(model, "GGUF", folder):
            families.append(load(LoadSpec(model, weights=str(path), base=str(folder), device="cpu")).family)
    assert families[0]._pipeline.text_encoder_2 is families[1]._pipeline.text_encoder_2


def test_a_file_that_changed_since_is_read_again(flux_pair: Callable[[str], Path]) -> None:
    spec = LoadSpec("flux-dev", weights=str(flux_pair("flux-dev")), device="cpu")
    first: Any = load(spec).family
    path = flux_pair("flux-dev") / "text_encoder_2/model.safetensors"
    tensors = {name: one.clone() for name, one in load_file(path).items()}
    tensors["shared.weight"] += 1
    path.unlink()  # or the loaded model, which is mapped from it, would change with it
    save_file(tensors, path, metadata={"format": "pt"})
    again: Any = load(spec).family
    assert again._pipeline.text_encoder_2 is not first._pipeline.text_encoder_2
    assert torch.equal(again._pipeline.text_encoder_2.shared.weight, first._pipeline.text_encoder_2.shared.weight + 1)


@pytest.mark.parametrize("how", [{"dtype": "bfloat16"}, {"quantize_text": "int8"}, {"offload": "cpu"}])
def test_parts_that_are_wanted_otherwise_are_not_shared(how: Any, flux_pair: Callable[[str], Path]) -> None:
    dev: Any = load(LoadSpec("flux-dev", weights=str(flux_pair("flux-dev")), device="cpu")).family
    spec = LoadSpec("flux-schnell", weights=str(flux_pair("flux-schnell")), device="cpu", **how)
    schnell: Any = load(spec).family
    assert dev._pipeline.text_encoder_2 is not schnell._pipeline.text_encoder_2


def test_parts_with_one_other_weight_are_not_shared(flux_pair: Callable[[str], Path]) -> None:
    path = flux_pair("flux-schnell") / "text_encoder_2/model.safetensors"
    tensors = load_file(path)
    tensors["shared.weight"][5, 2] += 1e-6
    save_file(tensors, path, metadata={"format": "pt"})
    dev: Any = load(LoadSpec("flux-dev", weights=str(flux_pair("flux-dev")), device="cpu")).family
    schnell: Any = load(LoadSpec("flux-schnell", weights=str(flux_pair("flux-schnell")), device="cpu")).family
    assert dev._pipeline.text_encoder_2 is not schnell._pipeline.text_encoder_2
    assert dev._pipeline.vae is schnell._pipeline.vae


def test_a_shared_part_goes_with_its_last_model(flux_pair: Callable[[str], Path]) -> None:
    def alive() -> int:
        gc.collect()
        return sum(type(thing).__name__ == "T5EncoderModel" for thing in gc.get_objects())

    before = alive()
    families = [load(LoadSpec(one, weights=str(flux_pair(one)), device="cpu")) for one in ("flux-dev", "flux-schnell")]
    assert alive() == before + 1
    families.pop()
    assert alive() == before + 1
    families.pop()
    assert alive() == before
