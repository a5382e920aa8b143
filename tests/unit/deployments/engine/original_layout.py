"""Writes small pipelines as single files in the layouts the models were published in: what users bring along.

It undoes the conversions of diffusers' ``from_single_file``, which reads every part back as it was, but for two things
that it takes from the real models: the projection of SD3's first CLIP comes back as the identity, and FLUX's width is
3072 (see ``flux_width``).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers.loaders.single_file_utils import convert_flux_transformer_checkpoint_to_diffusers as diffusers_flux
from gguf import GGML_QUANT_SIZES, GGML_QUANT_VERSION, GGMLQuantizationType, GGUFWriter, LlamaFileType
from gguf.quants import quantize
from safetensors.torch import save_file
from torch import Tensor

State = dict[str, Tensor]


def write_checkpoint(pipeline: Any, path: Path) -> None:
    """All that the community's files of this kind hold; of FLUX that is the denoiser alone."""
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


# Latent diffusion: modules move and are renamed -----------------------------------------------------------------------

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
    return {name: value[..., None, None] if "attn_1" in name and value.ndim == 2 else value for name, value in state.items()}


def _moved(state: State, places: Mapping[str, str], **renamed: Mapping[str, str]) -> State:
    """Every module of ``state`` at its place; ``renamed``: what the modules inside resnets and attentions are called."""
    moved = {}
    for name, value in state.items():
        here = next(place for place in places if name.startswith(f"{place}."))
        rest = name.removeprefix(here)
        for kind, names in renamed.items():
            for new, original in names.items() if f".{kind}." in here else ():
                rest = rest.replace(f".{new}.", f".{original}.")
        moved[places[here] + rest] = value
    return moved


# Transformers: an original module holds one or several of today's, one above the other --------------------------------

_OPEN_CLIP = {
    "token_embedding": "text_model.embeddings.token_embedding",
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "ln_final": "text_model.final_layer_norm",
    "text_projection": "text_projection.weight",
}
_OPEN_CLIP_LAYER = {
    "ln_1": "layer_norm1",
    "attn.in_proj_weight": "self_attn.q_proj.weight self_attn.k_proj.weight self_attn.v_proj.weight",
    "attn.in_proj_bias": "self_attn.q_proj.bias self_attn.k_proj.bias self_attn.v_proj.bias",
    "attn.out_proj": "self_attn.out_proj",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
_FLUX = {
    "img_in": "x_embedder",
    "txt_in": "context_embedder",
    "time_in.in_layer": "time_text_embed.timestep_embedder.linear_1",
    "time_in.out_layer": "time_text_embed.timestep_embedder.linear_2",
    "vector_in.in_layer": "time_text_embed.text_embedder.linear_1",
    "vector_in.out_layer": "time_text_embed.text_embedder.linear_2",
    "guidance_in.in_layer": "time_text_embed.guidance_embedder.linear_1",
    "guidance_in.out_layer": "time_text_embed.guidance_embedder.linear_2",
    "final_layer.linear": "proj_out",
    "final_layer.adaLN_modulation.1": "norm_out.linear",
}
_FLUX_DOUBLE = {
    "img_mod.lin": "norm1.linear",
    "img_attn.qkv": "attn.to_q attn.to_k attn.to_v",
    "img_attn.norm.query_norm.scale": "attn.norm_q.weight",
    "img_attn.norm.key_norm.scale": "attn.norm_k.weight",
    "img_attn.proj": "attn.to_out.0",
    "img_mlp.0": "ff.net.0.proj",
    "img_mlp.2": "ff.net.2",
    "txt_mod.lin": "norm1_context.linear",
    "txt_attn.qkv": "attn.add_q_proj attn.add_k_proj attn.add_v_proj",
    "txt_attn.norm.query_norm.scale": "attn.norm_added_q.weight",
    "txt_attn.norm.key_norm.scale": "attn.norm_added_k.weight",
    "txt_attn.proj": "attn.to_add_out",
    "txt_mlp.0": "ff_context.net.0.proj",
    "txt_mlp.2": "ff_context.net.2",
}
_FLUX_SINGLE = {
    "modulation.lin": "norm.linear",
    "linear1": "attn.to_q attn.to_k attn.to_v proj_mlp",
    "norm.query_norm.scale": "attn.norm_q.weight",
    "norm.key_norm.scale": "attn.norm_k.weight",
    "linear2": "proj_out",
}
_SD3 = {
    "pos_embed": "pos_embed.pos_embed",
    "x_embedder.proj": "pos_embed.proj",
    "context_embedder": "context_embedder",
    "t_embedder.mlp.0": "time_text_embed.timestep_embedder.linear_1",
    "t_embedder.mlp.2": "time_text_embed.timestep_embedder.linear_2",
    "y_embedder.mlp.0": "time_text_embed.text_embedder.linear_1",
    "y_embedder.mlp.2": "time_text_embed.text_embedder.linear_2",
    "final_layer.linear": "proj_out",
    "final_layer.adaLN_modulation.1": "norm_out.linear",
}
_SD3_JOINT = {
    "x_block.adaLN_modulation.1": "norm1.linear",
    "x_block.attn.qkv": "attn.to_q attn.to_k attn.to_v",
    "x_block.attn.ln_q": "attn.norm_q",
    "x_block.attn.ln_k": "attn.norm_k",
    "x_block.attn.proj": "attn.to_out.0",
    "x_block.attn2.qkv": "attn2.to_q attn2.to_k attn2.to_v",
    "x_block.attn2.ln_q": "attn2.norm_q",
    "x_block.attn2.ln_k": "attn2.norm_k",
    "x_block.attn2.proj": "attn2.to_out.0",
    "x_block.mlp.fc1": "ff.net.0.proj",
    "x_block.mlp.fc2": "ff.net.2",
    "context_block.adaLN_modulation.1": "norm1_context.linear",
    "context_block.attn.qkv": "attn.add_q_proj attn.add_k_proj attn.add_v_proj",
    "context_block.attn.ln_q": "attn.norm_added_q",
    "context_block.attn.ln_k": "attn.norm_added_k",
    "context_block.attn.proj": "attn.to_add_out",
    "context_block.mlp.fc1": "ff_context.net.0.proj",
    "context_block.mlp.fc2": "ff_context.net.2",
}


def _flux(transformer: Any) -> State:
    config = transformer.config
    table = dict(_FLUX)
    for block in range(config.num_layers):
        table |= _inside(f"double_blocks.{block}", f"transformer_blocks.{block}", _FLUX_DOUBLE)
    for block in range(config.num_single_layers):
        table |= _inside(f"single_blocks.{block}", f"single_transformer_blocks.{block}", _FLUX_SINGLE)
    return _fused(_shift_first(transformer.state_dict(), "norm_out"), table)


def _sd3(transformer: Any) -> State:
    layers, table = transformer.config.num_layers, dict(_SD3)
    for block in range(layers):
        table |= _inside(f"joint_blocks.{block}", f"transformer_blocks.{block}", _SD3_JOINT)
    state = _shift_first(transformer.state_dict(), "norm_out", f"transformer_blocks.{layers - 1}.norm1_context")
    return _fused(state, table)


def _open_clip(text: Any) -> State:
    state, table = _text(text), dict(_OPEN_CLIP)
    for layer in range(text.config.num_hidden_layers):
        table |= _inside(f"transformer.resblocks.{layer}", f"text_model.encoder.layers.{layer}", _OPEN_CLIP_LAYER)
    if "text_projection.weight" in state:
        state["text_projection.weight"] = state["text_projection.weight"].T
    return _fused(state, table)


def _clip(text: Any) -> State:
    """OpenAI's CLIP is published as transformers has it; older files hold the numbers of the positions too."""
    positions = torch.arange(text.config.max_position_embeddings)[None]
    return _text(text) | {"text_model.embeddings.position_ids": positions}


def _text(text: Any) -> State:
    outer = ("text_model.", "text_projection.")
    return {name if name.startswith(outer) else f"text_model.{name}": value for name, value in text.state_dict().items()}


def _t5(text: Any) -> State:
    return dict(text.state_dict())


def _inside(original: str, here: str, table: Mapping[str, str]) -> dict[str, str]:
    return {f"{original}.{name}": " ".join(f"{here}.{part}" for part in table[name].split()) for name in table}


def _shift_first(state: State, *norms: str) -> State:
    """The modulation of ``norms`` with the shift above the scale; diffusers has the scale above."""
    swapped = {name: state[name] for norm in norms for name in (f"{norm}.linear.weight", f"{norm}.linear.bias")}
    return state | {name: torch.cat(value.chunk(2)[::-1]) for name, value in swapped.items()}


def _fused(state: State, table: Mapping[str, str]) -> State:
    """``state`` as ``table`` has it: an original name, and the modules or tensors that it holds.

    Raises:
        ValueError: the table has no name for something.
    """
    left, fused = dict(state), {}
    for original, parts in table.items():
        for kind in (".weight", ".bias", ""):
            if parts.split()[0] + kind in left:
                fused[original + kind] = torch.cat([left.pop(part + kind) for part in parts.split()])
    if left:
        raise ValueError(f"no original names for {', '.join(left)}")
    return fused


_Layout = Callable[[Any], State]
_LATENT_DIFFUSION: Mapping[str, tuple[str, _Layout]] = {
    "model.diffusion_model.": ("unet", _unet),
    "first_stage_model.": ("vae", _vae),
}
_CHECKPOINTS: Mapping[str, Mapping[str, tuple[str, _Layout]]] = {
    "StableDiffusionPipeline": {**_LATENT_DIFFUSION, "cond_stage_model.transformer.": ("text_encoder", _clip)},
    "StableDiffusion2": {**_LATENT_DIFFUSION, "cond_stage_model.model.": ("text_encoder", _open_clip)},
    "StableDiffusionXLPipeline": {
        **_LATENT_DIFFUSION,
        "conditioner.embedders.0.transformer.": ("text_encoder", _clip),
        "conditioner.embedders.1.model.": ("text_encoder_2", _open_clip),
    },
    "StableDiffusion3Pipeline": {
        "model.diffusion_model.": ("transformer", _sd3),
        "first_stage_model.": ("vae", _vae),
        "text_encoders.clip_l.transformer.": ("text_encoder", _clip),
        "text_encoders.clip_g.transformer.": ("text_encoder_2", _clip),
        "text_encoders.t5xxl.transformer.": ("text_encoder_3", _t5),
    },
    "FluxPipeline": {"model.diffusion_model.": ("transformer", _flux)},
}
"""Of each kind of pipeline the parts in a checkpoint, by the prefix of their names."""

_GGUF: Mapping[str, tuple[str, _Layout]] = {"FluxPipeline": ("flux", _flux), "StableDiffusion3Pipeline": ("sd3", _sd3)}
