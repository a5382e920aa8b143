"""The original layouts of transformers: a module there holds one or several of diffusers', one above the other."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

State = dict[str, Tensor]

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


def flux(transformer: Any) -> State:
    """Black Forest Labs' layout; single blocks hold their MLP beside the attention."""
    config = transformer.config
    table = dict(_FLUX)
    for block in range(config.num_layers):
        table |= _inside(f"double_blocks.{block}", f"transformer_blocks.{block}", _FLUX_DOUBLE)
    for block in range(config.num_single_layers):
        table |= _inside(f"single_blocks.{block}", f"single_transformer_blocks.{block}", _FLUX_SINGLE)
    return _fused(_shift_first(transformer.state_dict(), "norm_out"), table)


def sd3(transformer: Any) -> State:
    """Stability's layout. The last block's text is modulated like an output."""
    layers, table = transformer.config.num_layers, dict(_SD3)
    for block in range(layers):
        table |= _inside(f"joint_blocks.{block}", f"transformer_blocks.{block}", _SD3_JOINT)
    state = _shift_first(transformer.state_dict(), "norm_out", f"transformer_blocks.{layers - 1}.norm1_context")
    return _fused(state, table)


def open_clip(text: Any) -> State:
    """OpenCLIP's layout, the projection turned over."""
    state, table = _text(text), dict(_OPEN_CLIP)
    for layer in range(text.config.num_hidden_layers):
        table |= _inside(f"transformer.resblocks.{layer}", f"text_model.encoder.layers.{layer}", _OPEN_CLIP_LAYER)
    if "text_projection.weight" in state:
        state["text_projection.weight"] = state["text_projection.weight"].T
    return _fused(state, table)


def clip(text: Any) -> State:
    """OpenAI's CLIP is published as transformers has it; older files hold the numbers of the positions too."""
    positions = torch.arange(text.config.max_position_embeddings)[None]
    return _text(text) | {"text_model.embeddings.position_ids": positions}


def t5(text: Any) -> State:
    """T5 is published as transformers has it, the tied embedding twice."""
    return dict(text.state_dict())


def _text(text: Any) -> State:
    """By its published names: transformers has since taken the outer module away from encoders without a projection."""
    outer = ("text_model.", "text_projection.")
    state = text.state_dict()
    return {name if name.startswith(outer) else f"text_model.{name}": value for name, value in state.items()}


def _inside(original: str, here: str, table: Mapping[str, str]) -> dict[str, str]:
    """``table`` for one block."""
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
