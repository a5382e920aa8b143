"""How other systems are told of jobs."""

import base64
import binascii
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from serve_app.settings import environment
from serve_app.settings.base import Settings


def _signing_secret(value: SecretStr) -> SecretStr:
    prefix, _, encoded = value.get_secret_value().rpartition("_")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        key = b""
    if prefix != "whsec" or not 24 <= len(key) <= 64:
        raise ValueError("must be `whsec_` and then 24 to 64 random bytes in base64")
    return value


SigningSecret = Annotated[SecretStr, AfterValidator(_signing_secret)]


class WebhookSettings(Settings):
    """How other systems are told of jobs: as Standard Webhooks (https://www.standardwebhooks.com) prescribe."""

    secret: SigningSecret | None = Field(
        default_factory=environment.webhook_secret,
        validate_default=True,
        description="What webhooks are signed with: `whsec_` and base64; the environment's DARKROOM_WEBHOOK_SECRET if "
        "absent. Without any, requests that have a webhook are refused.",
    )
    previous_secret: SigningSecret | None = Field(
        default=None, description="Signs too, until every receiver has the new one."
    )
    allow_private: bool = Field(
        default=False, description="Also to private addresses: for receivers in the same network as this service."
    )
    timeout_s: float = Field(default=15, gt=0, le=60, description="What one try may take, the name's lookup included.")
