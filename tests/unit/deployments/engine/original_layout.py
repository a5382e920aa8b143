"""Writes small pipelines as single files in the layouts the models were published in: what users bring along.

The inverse of diffusers' ``from_single_file``, which reads every part back bit for bit, with two exceptions: it takes
the projection of SD3's first CLIP for the identity, as the real one is, and FLUX's width for 3072 (see ``flux_width``).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from diffusers.loaders.single_file_utils import convert_flux_transformer_checkpoint_to_diffusers as diffusers_flux
from gguf import GGML_QUANT_SIZES, GGML_QUANT_VERSION, GGMLQuantizationType, GGUFWriter, LlamaFileType
from gguf.quants import quantize
from safetensors.torch import save_file

from tests.unit.deployments.engine.original_transformers import State, clip, flux, open_clip, sd3, t5


def write_checkpoint(pipeline: Any, path: Path) -> None:
    """All that the community's files of this kind hold; of FLUX that is the denoiser alone.

    An SD 2 is known by its UNet's linear projections, and gets its text encoder in OpenCLIP's layout.
    """
    kind = type(pipeline).__name__
    if kind == "StableDiffusionPipeline" and pipeline.unet.config.use_linear_projection:
        kind = "StableDiffusion2"
    tensors = {
        prefix + name: value.clone().contiguous()
        for prefix, (part, layout) in _CHECKPOINTS[kind].items()
        for name, value in layout(getattr(pipeline, part)).items()
    }
    save_file(tensors, path)


def write_gguf(pipeline: Any, path: Path, quantization: str = "Q8_0") -> None:
    """The transformer of FLUX or SD3: the matrices of its blocks quantised where they fit, everything else exact."""
    architecture, layout = _GGUF[type(pipeline).__name__]
    chosen = GGMLQuantizationType[quantization]
    writer = GGUFWriter(path, architecture)
    writer.add_quantization_version(GGML_QUANT_VERSION)
    writer.add_file_type(LlamaFileType[f"MOSTLY_{quantization}"])
    for name, value in layout(pipeline.transformer).items():
        fits = "_blocks." in name and value.ndim == 2 and value.shape[-1] % GGML_QUANT_SIZES[chosen][0] == 0
        stored = chosen if fits else GGMLQuantizationType.F32
        writer.add_tensor(name, quantize(value.float().numpy(), stored), raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@contextmanager
def flux_width(pipeline: Any) -> Iterator[None]:
    """In here diffusers reads FLUX files as wide as ``pipeline``'s; the real models' 3072 is written into its code."""
    config, code = pipeline.transformer.config, diffusers_flux.__code__
    width = config.num_attention_heads * config.attention_head_dim
    diffusers_flux.__code__ = code.replace(co_consts=tuple(width if it == 3072 else it for it in code.co_consts))
    try:
        yield
    finally:
        diffusers_flux.__code__ = code


_UNET_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_UNET_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_VAE_ENDS = {"quant_conv": "quant_conv", "post_quant_conv": "post_quant_conv"} | {
    f"{half}.{here}": f"{half}.{there}"
    for half in ("encoder", "decoder")
    for here, there in {
        "conv_in": "conv_in",
        "mid_block.resnets.0": "mid.block_1",
        "mid_block.attentions.0": "mid.attn_1",
        "mid_block.resnets.1": "mid.block_2",
        "conv_norm_out": "norm_out",
        "conv_out": "conv_out",
    }.items()
}
_VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def _unet(unet: Any) -> State:
    """Resnets, attentions and samplers are numbered through from the first block to the last."""
    places, slots = dict(_UNET_ENDS), unet.config.layers_per_block + 1
    for block, kind in enumerate(unet.config.up_block_types):
        for layer in range(slots):
            number = block * slots + layer
            for part, slot in (("resnets", 0), ("attentions", 1)):
                places[f"down_blocks.{block}.{part}.{layer}"] = f"input_blocks.{number + 1}.{slot}"
                places[f"up_blocks.{block}.{part}.{layer}"] = f"output_blocks.{number}.{slot}"
        places[f"down_blocks.{block}.downsamplers.0.conv"] = f"input_blocks.{number + 1}.0.op"
        places[f"up_blocks.{block}.upsamplers.0.conv"] = f"output_blocks.{number}.{1 + ('Attn' in kind)}.conv"
    return _moved(unet.state_dict(), places, resnets=_UNET_RESNET, attentions={})


def _vae(vae: Any) -> State:
    """Blocks on the way up are counted from the last; attention is made of 1 × 1 convolutions."""
    places, blocks = dict(_VAE_ENDS), len(vae.config.block_out_channels)
    for block in range(blocks):
        down, up = f"encoder.down.{block}", f"decoder.up.{blocks - 1 - block}"
        for layer in range(vae.config.layers_per_block + 1):
            places[f"encoder.down_blocks.{block}.resnets.{layer}"] = f"{down}.block.{layer}"
            places[f"decoder.up_blocks.{block}.resnets.{layer}"] = f"{up}.block.{layer}"
        places[f"encoder.down_blocks.{block}.downsamplers.0.conv"] = f"{down}.downsample.conv"
        places[f"decoder.up_blocks.{block}.upsamplers.0.conv"] = f"{up}.upsample.conv"
    renamed = {"conv_shortcut": "nin_shortcut"}
    state = _moved(vae.state_dict(), places, resnets=renamed, attentions=_VAE_ATTENTION)
    matrices = {name for name, value in state.items() if "attn_1" in name and value.ndim == 2}
    return {name: value[..., None, None] if name in matrices else value for name, value in state.items()}


def _moved(state: State, places: Mapping[str, str], **renamed: Mapping[str, str]) -> State:
    """Every module of ``state`` at its place; ``renamed``: what is inside resnets and attentions."""
    moved = {}
    for name, value in state.items():
        here = next(place for place in places if name.startswith(f"{place}."))
        rest = name.removeprefix(here)
        for kind, names in renamed.items():
            for new, original in names.items() if f".{kind}." in here else ():
                rest = rest.replace(f".{new}.", f".{original}.")
        moved[places[here] + rest] = value
    return moved


_Layout = Callable[[Any], State]
_LATENT_DIFFUSION: Mapping[str, tuple[str, _Layout]] = {
    "model.diffusion_model.": ("unet", _unet),
    "first_stage_model.": ("vae", _vae),
}
_CHECKPOINTS: Mapping[str, Mapping[str, tuple[str, _Layout]]] = {
    "StableDiffusionPipeline": {**_LATENT_DIFFUSION, "cond_stage_model.transformer.": ("text_encoder", clip)},
    "StableDiffusion2": {**_LATENT_DIFFUSION, "cond_stage_model.model.": ("text_encoder", open_clip)},
    "StableDiffusionXLPipeline": {
        **_LATENT_DIFFUSION,
        "conditioner.embedders.0.transformer.": ("text_encoder", clip),
        "conditioner.embedders.1.model.": ("text_encoder_2", open_clip),
    },
    "StableDiffusion3Pipeline": {
        "model.diffusion_model.": ("transformer", sd3),
        "first_stage_model.": ("vae", _vae),
        "text_encoders.clip_l.transformer.": ("text_encoder", clip),
        "text_encoders.clip_g.transformer.": ("text_encoder_2", clip),
        "text_encoders.t5xxl.transformer.": ("text_encoder_3", t5),
    },
    "FluxPipeline": {"model.diffusion_model.": ("transformer", flux)},
}
"""Of each kind of pipeline the parts in a checkpoint, by the prefix of their names."""

_GGUF: Mapping[str, tuple[str, _Layout]] = {"FluxPipeline": ("flux", flux), "StableDiffusion3Pipeline": ("sd3", sd3)}
