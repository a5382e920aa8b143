"""Bodies that clients send. Their generation fields are derived from ``GenerationRequest``, so the two can't drift."""

from collections.abc import Collection
from copy import copy
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from deployments.engine.errors import InvalidRequest
from deployments.engine.request import GenerationRequest
from serve_app.api.errors import invalid
from serve_app.jobs.admission import MAX_METADATA_BYTES
from serve_app.jobs.job import JobRequest, OnDisconnect, Operation


class WireBody(BaseModel):
    """What all bodies share: strict types, no unknown fields, and a generation inside."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True, protected_namespaces=())

    shared: ClassVar[frozenset[str]] = frozenset()
    """The fields that mean here what they mean in a ``GenerationRequest``."""

    def generation(self, **changes: Any) -> GenerationRequest:
        """The generation that this body asks for: the fields the client set, then ``changes``.

        Raises:
            InvalidRequest: fields that are valid alone contradict each other, or a change is out of bounds.
        """
        given = {name: getattr(self, name) for name in self.model_fields_set & self.shared}
        try:
            return GenerationRequest(**(given | changes))
        except ValidationError as error:
            raise invalid(error.errors(include_url=False)) from None

    def given(self, name: str) -> Any:
        """The field's value if the client sent it, else ``None``."""
        return getattr(self, name) if name in self.model_fields_set else None


class JobFields(WireBody):
    """The fields of a job body beside those of the generation."""

    # the service draws a job's id
    shared = frozenset(GenerationRequest.model_fields) - {"id"}

    operation: Operation | None = Field(
        default=None, description="What to do; told by `image` and `mask` if absent.", examples=["image_generation"]
    )
    image: str | None = Field(default=None, description="An image to start from, in base64 or as a data URL.")
    mask: str | None = Field(default=None, description="With `image`: repaint where it is white. Base64 or data URL.")
    on_disconnect: OnDisconnect | None = Field(
        default=None,
        description="What becomes of the job when its last follower goes away: `cancel` or `detach` (it runs on). "
        "Jobs detach, synchronous calls cancel, unless told otherwise.",
    )
    metadata: dict[str, Any] = Field(
        default_factory=dict, description=f"The client's own, given back with the job; {MAX_METADATA_BYTES} bytes."
    )
    hive_id: Any = Field(default=None, description="Accepted for existing clients, and ignored.")

    def job_request(
        self, *, on_disconnect: OnDisconnect, operations: Collection[Operation] = (), **changes: Any
    ) -> JobRequest:
        """This body as a job. ``on_disconnect`` is the route's own default; ``operations`` are those it serves.

        Raises:
            InvalidRequest: the operation and its images don't go together, the route doesn't serve it, or fields of the
                generation contradict each other.
        """
        operation = self.operation or _implied(self.image, self.mask)
        if operations and operation not in operations:
            field = "operation" if self.operation else "image"
            raise InvalidRequest(field, getattr(self, field), f"{' or '.join(operations)} on this route")
        for field, needed in (("image", operation != "image_generation"), ("mask", operation == "image_inpaint")):
            value = getattr(self, field)
            if needed != (value is not None):
                raise InvalidRequest(field, value, f"{'one' if needed else 'none'} with operation {operation}")
        return JobRequest(
            generation=self.generation(**changes),
            operation=operation,
            on_disconnect=self.on_disconnect or on_disconnect,
            metadata=self.metadata,
        )


class ImagesFields(WireBody):
    """OpenAI's fields of an image generation that Darkroom knows by another name, or only accepts."""

    # not `quality` and `n`, which OpenAI means otherwise
    shared = frozenset({"model", "prompt", "negative_prompt", "steps", "guidance", "seed", "sampler", "loras"})

    n: int | None = Field(default=None, ge=1, le=10, description="How many images; 1 in a stream.")
    size: str | None = Field(
        default=None, pattern=r"^(auto|[0-9]{1,5}x[0-9]{1,5})$", description="`auto`, or width × height as `512x512`."
    )
    quality: Literal["auto", "low", "medium", "high", "xhigh", "max", "standard", "hd"] | None = Field(
        default=None,
        description="Scales the model's default steps: low ½, high and hd 1½, xhigh and max 2. `steps` overrules it.",
    )
    response_format: Literal["b64_json", "url"] | None = Field(
        default=None, description="`b64_json` (default), or `url`: where this service has the image."
    )
    output_format: Literal["png", "jpeg", "webp"] | None = Field(default=None, description="png if absent.")
    output_compression: int | None = Field(
        default=None, ge=0, le=100, description="Quality of jpeg and webp, 100 is best; png ignores it."
    )
    background: Literal["auto", "opaque"] | None = Field(default=None, description="Every image is opaque.")
    moderation: Literal["auto", "low"] | None = Field(default=None, description="Accepted, without effect.")
    style: Literal["vivid", "natural"] | None = Field(default=None, description="Accepted, without effect.")
    user: str | None = Field(default=None, max_length=1000, description="Accepted, without effect.")
    safety_identifier: str | None = Field(default=None, max_length=1000, description="Accepted, without effect.")
    stream: bool | None = Field(default=None, description="Answer with server-sent events.")
    partial_images: int | None = Field(
        default=None, ge=0, le=3, description="With `stream`: how many previews to send, spread over the steps."
    )


def _implied(image: str | None, mask: str | None) -> Operation:
    if image is None and mask is None:
        return "image_generation"
    return "image_transform" if mask is None else "image_inpaint"


def _derived(fields: Collection[str]) -> dict[str, Any]:
    """Those fields of ``GenerationRequest`` with their types, bounds, defaults and descriptions."""
    return {
        name: (info.annotation, copy(info)) for name, info in GenerationRequest.model_fields.items() if name in fields
    }


JobBody: type[JobFields] = create_model(
    "JobBody",
    __base__=JobFields,
    __doc__="A job, as one flat object.",
    **_derived(JobFields.shared - {"image", "mask"}),
)

ImagesBody: type[ImagesFields] = create_model(
    "ImagesBody",
    __base__=ImagesFields,
    __doc__="OpenAI's image generation, and Darkroom's own fields beside it.",
    **_derived(ImagesFields.shared),
)
