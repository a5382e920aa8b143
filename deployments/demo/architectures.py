"""The parts of the demo models: the real architectures at small dimensions, with weights not yet trained."""

from typing import Any

from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    FluxTransformer2DModel,
    PNDMScheduler,
    SD3Transformer2DModel,
    UNet2DConditionModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
)

LATENT_CHANNELS = 8
"""Of the one autoencoder: twice Stable Diffusion's, for sharp edges at 8 × 8 pixels a latent."""

TEXT_WIDTH = 96
TEXT_2_WIDTH = 128
T5_WIDTH = 96
SD3_TEXT_WIDTHS = (32, 64)

_LDM_NOISE: dict[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "steps_offset": 1,
}
"""The noise schedule of the latent diffusion models (SD 1.x and SDXL), as their scheduler_config.json has it."""


def autoencoder() -> AutoencoderKL:
    """The autoencoder of all four models: 8 × 8 pixels to 8 channels."""
    return AutoencoderKL(
        block_out_channels=(16, 32, 48, 64),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        mid_block_add_attention=False,
        norm_num_groups=1,  # fewer groups, more room for a colour's level to survive normalisation
        sample_size=128,
        shift_factor=0.0,
    )


def clip_text(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """The text encoder that SD 1.5, SDXL and both FLUX models share."""
    return CLIPTextModel(_clip_config(tokenizer, TEXT_WIDTH))


def clip_text_2(tokenizer: CLIPTokenizer) -> CLIPTextModelWithProjection:
    """SDXL's second text encoder."""
    return CLIPTextModelWithProjection(_clip_config(tokenizer, TEXT_2_WIDTH))


def sd3_texts(tokenizer: CLIPTokenizer) -> tuple[CLIPTextModelWithProjection, CLIPTextModelWithProjection]:
    """SD3's two CLIPs. Side by side their states are as wide as T5's, which they are put in line with."""
    first, second = (CLIPTextModelWithProjection(_clip_config(tokenizer, width)) for width in SD3_TEXT_WIDTHS)
    return first, second


def t5_text(vocab_size: int) -> T5EncoderModel:
    """FLUX's second text encoder."""
    return T5EncoderModel(
        T5Config(
            vocab_size=vocab_size,
            d_model=T5_WIDTH,
            d_kv=T5_WIDTH // 4,
            d_ff=2 * T5_WIDTH,
            num_layers=2,
            num_heads=4,
            dropout_rate=0.0,
            feed_forward_proj="gated-gelu",
            is_encoder_decoder=False,
            use_cache=False,
        )
    )


def unet() -> UNet2DConditionModel:
    """SD 1.5's denoiser: text is attended to at the coarse scales."""
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=(48, 72, 96),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=4,
        norm_num_groups=8,
    )


def unet_xl() -> UNet2DConditionModel:
    """SDXL's denoiser: more transformer layers, both text encoders, pooled text and sizes."""
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=(48, 64, 96),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 1, 2),
        cross_attention_dim=TEXT_WIDTH + TEXT_2_WIDTH,
        attention_head_dim=4,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=32,
        projection_class_embeddings_input_dim=TEXT_2_WIDTH + 6 * 32,
        norm_num_groups=8,
    )


def unet_21() -> UNet2DConditionModel:
    """SD 2.1's and SD-Turbo's denoiser: as SD 1.5's, its attention projected by matrices instead of convolutions."""
    return UNet2DConditionModel.from_config(unet().config, use_linear_projection=True)


def sd3_transformer(*, qk_norm: bool) -> SD3Transformer2DModel:
    """SD3's denoiser: joint attention of text and picture; ``qk_norm``: SD3.5 normalises queries and keys."""
    return SD3Transformer2DModel(
        sample_size=16,
        patch_size=2,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        num_layers=4,
        attention_head_dim=24,
        num_attention_heads=4,
        joint_attention_dim=T5_WIDTH,
        caption_projection_dim=96,
        pooled_projection_dim=sum(SD3_TEXT_WIDTHS),
        pos_embed_max_size=32,
        qk_norm="rms_norm" if qk_norm else None,
    )


def flux_transformer(*, guidance_embeds: bool) -> FluxTransformer2DModel:
    """FLUX's denoiser: joint attention of text and picture, in double and then in single blocks."""
    return FluxTransformer2DModel(
        in_channels=4 * LATENT_CHANNELS,  # a token is 2 × 2 latents
        num_layers=2,
        num_single_layers=5,
        attention_head_dim=32,
        num_attention_heads=4,
        joint_attention_dim=T5_WIDTH,
        pooled_projection_dim=TEXT_WIDTH,
        guidance_embeds=guidance_embeds,
        axes_dims_rope=(8, 12, 12),
    )


def pndm() -> PNDMScheduler:
    """SD 1.5's sampler."""
    # for PNDM itself clip_sample means nothing: it is what SD 1.5's file tells the samplers that are put in its place
    config = {**_LDM_NOISE, "set_alpha_to_one": False, "skip_prk_steps": True, "clip_sample": False}
    scheduler: PNDMScheduler = PNDMScheduler.from_config(config)
    return scheduler


def euler() -> EulerDiscreteScheduler:
    """SDXL's sampler."""
    config = {**_LDM_NOISE, "interpolation_type": "linear", "timestep_spacing": "leading", "clip_sample": False}
    scheduler: EulerDiscreteScheduler = EulerDiscreteScheduler.from_config(config)
    return scheduler


def ddim_v() -> DDIMScheduler:
    """SD 2.1's sampler: its model predicts v."""
    return DDIMScheduler(**_LDM_NOISE, prediction_type="v_prediction", clip_sample=False, set_alpha_to_one=False)


def euler_trailing() -> EulerDiscreteScheduler:
    """SD-Turbo's sampler: one step starts at the most noise there is."""
    return EulerDiscreteScheduler(**_LDM_NOISE, prediction_type="epsilon", timestep_spacing="trailing")


def euler_a_trailing() -> EulerAncestralDiscreteScheduler:
    """SDXL-Turbo's sampler."""
    return EulerAncestralDiscreteScheduler(**_LDM_NOISE, prediction_type="epsilon", timestep_spacing="trailing")


def sd3_flow_euler() -> FlowMatchEulerDiscreteScheduler:
    """SD3's sampler: the same shift at every size."""
    return FlowMatchEulerDiscreteScheduler(shift=3.0)


def flow_euler(*, shift: bool) -> FlowMatchEulerDiscreteScheduler:
    """FLUX's sampler; ``shift``: flux-dev's steps depend on the size, flux-schnell's are even."""
    return FlowMatchEulerDiscreteScheduler(
        shift=3.0 if shift else 1.0,
        use_dynamic_shifting=shift,
        base_shift=0.5,
        max_shift=1.15,
        base_image_seq_len=256,
        max_image_seq_len=4096,
    )


def _clip_config(tokenizer: CLIPTokenizer, width: int) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        projection_dim=width,
        num_hidden_layers=3,
        num_attention_heads=4,
        max_position_embeddings=77,
        hidden_act="gelu",
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
