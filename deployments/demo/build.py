"""Builds the demo models: real architectures at small dimensions, weights drawn from a fixed seed.

Each builder returns a stock diffusers pipeline, so that ``save_pretrained`` writes the very layout that a download of
the real model has. Schedulers are configured as the real repositories ship them.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
    PNDMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
    T5TokenizerFast,
)

SEED = 20260101


def build_pipeline(model: str, seed: int = SEED) -> Any:
    """The demo pipeline of ``model``: the same weights for the same ``seed`` and torch version, float32, on the CPU.

    Leaves the caller's random state as it was.

    Raises:
        KeyError: no builder for ``model``.
    """
    builder = BUILDERS[model]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return builder()


@torch.no_grad()
def fit_latent_rgb(vae: Any, samples: int = 8, seed: int = SEED) -> dict[str, list[Any]]:
    """The least-squares linear map from this VAE's scaled latents to RGB in [-1, 1], for previews.

    Random latents are decoded and averaged over each latent's 8 × 8 pixels; the map is what best predicts that colour.

    Returns:
        ``{"factors": [[r, g, b], …one row per latent channel], "bias": [r, g, b]}``.
    """
    channels, side = vae.config.latent_channels, 16
    latents = torch.randn((samples, channels, side, side), generator=torch.Generator().manual_seed(seed))
    pixels = vae.decode(latents / vae.config.scaling_factor + (vae.config.shift_factor or 0.0), return_dict=False)[0]
    colours = torch.nn.functional.adaptive_avg_pool2d(pixels.clamp(-1, 1), side)  # (samples, 3, side, side)
    inputs = latents.permute(0, 2, 3, 1).reshape(-1, channels)
    inputs = torch.cat([inputs, torch.ones(len(inputs), 1)], dim=1)
    solution = torch.linalg.lstsq(inputs, colours.permute(0, 2, 3, 1).reshape(-1, 3)).solution  # (channels + 1, 3)
    return {"factors": solution[:-1].tolist(), "bias": solution[-1].tolist()}


def _sd15() -> StableDiffusionPipeline:
    tokenizer = _clip_tokenizer()
    return StableDiffusionPipeline(
        vae=_vae(latent_channels=4, scaling_factor=0.18215),
        text_encoder=CLIPTextModel(_clip_config(tokenizer, width=64)),
        tokenizer=tokenizer,
        unet=UNet2DConditionModel(
            sample_size=16,
            block_out_channels=(32, 64),
            layers_per_block=1,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            cross_attention_dim=64,
            attention_head_dim=8,
            norm_num_groups=8,
        ),
        scheduler=PNDMScheduler(**_LDM_NOISE, set_alpha_to_one=False, skip_prk_steps=True),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _sdxl() -> StableDiffusionXLPipeline:
    tokenizer = _clip_tokenizer()
    widths = (64, 96)
    pooled = 96
    return StableDiffusionXLPipeline(
        vae=_vae(latent_channels=4, scaling_factor=0.13025),
        text_encoder=CLIPTextModel(_clip_config(tokenizer, width=widths[0])),
        text_encoder_2=CLIPTextModelWithProjection(_clip_config(tokenizer, width=widths[1], projection=pooled)),
        tokenizer=tokenizer,
        tokenizer_2=_clip_tokenizer(pad_token="!"),
        unet=UNet2DConditionModel(
            sample_size=16,
            block_out_channels=(32, 64),
            layers_per_block=1,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=(1, 2),
            cross_attention_dim=sum(widths),
            attention_head_dim=(4, 8),
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=32,
            projection_class_embeddings_input_dim=pooled + 6 * 32,
            norm_num_groups=8,
        ),
        scheduler=EulerDiscreteScheduler(
            **_LDM_NOISE, prediction_type="epsilon", interpolation_type="linear", timestep_spacing="leading"
        ),
        force_zeros_for_empty_prompt=True,
        add_watermarker=False,
    )


def _flux(*, guidance_embeds: bool, shift: bool) -> FluxPipeline:
    tokenizer = _clip_tokenizer()
    tokenizer_2 = _t5_tokenizer()
    return FluxPipeline(
        vae=_vae(latent_channels=16, scaling_factor=0.3611, shift_factor=0.1159, quant_conv=False),
        text_encoder=CLIPTextModel(_clip_config(tokenizer, width=64)),
        tokenizer=tokenizer,
        text_encoder_2=T5EncoderModel(
            T5Config(
                vocab_size=len(tokenizer_2),
                d_model=64,
                d_kv=16,
                d_ff=128,
                num_layers=2,
                num_heads=4,
                feed_forward_proj="gated-gelu",
                is_encoder_decoder=False,
                use_cache=False,
            )
        ),
        tokenizer_2=tokenizer_2,
        transformer=FluxTransformer2DModel(
            in_channels=64,
            num_layers=1,
            num_single_layers=2,
            attention_head_dim=16,
            num_attention_heads=4,
            joint_attention_dim=64,
            pooled_projection_dim=64,
            guidance_embeds=guidance_embeds,
            axes_dims_rope=(4, 6, 6),
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(
            shift=3.0 if shift else 1.0,
            use_dynamic_shifting=shift,
            base_shift=0.5,
            max_shift=1.15,
            base_image_seq_len=256,
            max_image_seq_len=4096,
        ),
    )


def _flux_dev() -> FluxPipeline:
    return _flux(guidance_embeds=True, shift=True)


def _flux_schnell() -> FluxPipeline:
    return _flux(guidance_embeds=False, shift=False)


BUILDERS: Mapping[str, Callable[[], Any]] = {
    "sd15": _sd15,
    "sdxl": _sdxl,
    "flux-dev": _flux_dev,
    "flux-schnell": _flux_schnell,
}

_LDM_NOISE: Mapping[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "steps_offset": 1,
}
"""The noise schedule of the latent diffusion models (SD 1.x and SDXL), as their scheduler_config.json has it."""


def _vae(latent_channels: int, scaling_factor: float, shift_factor: float = 0.0, quant_conv: bool = True) -> Any:
    """An AutoencoderKL with the real factor of 8 between pixels and latents."""
    return AutoencoderKL(
        block_out_channels=(16, 32, 32, 32),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        latent_channels=latent_channels,
        norm_num_groups=8,
        sample_size=128,
        scaling_factor=scaling_factor,
        shift_factor=shift_factor,
        use_quant_conv=quant_conv,
        use_post_quant_conv=quant_conv,
    )


def _clip_config(tokenizer: CLIPTokenizer, width: int, projection: int = 64) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        projection_dim=projection,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=77,
        hidden_act="gelu",
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def _clip_tokenizer(pad_token: str = "<|endoftext|>") -> CLIPTokenizer:
    """CLIP's tokenizer without merges: one token for each byte, with and without the end-of-word mark."""
    alphabet = sorted(ByteLevel.alphabet())
    pieces = [*alphabet, *(byte + "</w>" for byte in alphabet), "<|startoftext|>", "<|endoftext|>"]
    vocab = {piece: index for index, piece in enumerate(pieces)}
    return CLIPTokenizer(vocab=vocab, merges=[], model_max_length=77, pad_token=pad_token)


def _t5_tokenizer() -> T5TokenizerFast:
    """T5's tokenizer with one piece for each printable ASCII character."""
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\N{LOWER ONE EIGHTH BLOCK}", -2.0)]
    return T5TokenizerFast(vocab=special + [(chr(code), -3.0) for code in range(33, 127)], extra_ids=0)
