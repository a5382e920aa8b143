"""Bodies that clients send. Their generation fields are derived from ``GenerationRequest``, so the two can't drift."""

from collections.abc import Collection, Mapping
from copy import copy
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, create_model

from deployments.engine.errors import InvalidRequest
from deployments.engine.pictures import Picture, transparency
from deployments.engine.request import PICTURE_FIELDS, GenerationRequest
from serve_app.api.errors import invalid
from serve_app.api.pictures import decoded
from serve_app.jobs.admission import MAX_METADATA_BYTES
from serve_app.jobs.job import (
    MAX_DEADLINE_S,
    JobRequest,
    OnDisconnect,
    Operation,
    Priority,
    Webhook,
    operation_on,
)


class WireBody(BaseModel):
    """What all bodies share: strict types, no unknown fields, and a generation inside."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True, protected_namespaces=())

    shared: ClassVar[frozenset[str]] = frozenset()
    """The fields that mean here what they mean in a ``GenerationRequest``."""

    picture_fields: ClassVar[tuple[str, ...]] = ()
    """The fields that may hold pictures."""

    _files: Mapping[str, tuple[bytes, ...]] = PrivateAttr(default_factory=dict)

    def with_files(self, files: Mapping[str, tuple[bytes, ...]]) -> Self:
        """This body with the files that came beside it in a form, by the names of pictures."""
        self._files = files
        return self

    def pictures(self, name: str) -> tuple[bytes, ...]:
        """The pictures that the client sent as ``name``: files, or what the field holds in base64.

        Raises:
            InvalidRequest: the field holds something else.
        """
        sent = self.given(name)
        inline = () if sent is None else (decoded(name, sent),)
        return self._files.get(name, ()) + inline

    @property
    def has_pictures(self) -> bool:
        """Whether pictures came with it, readable or not."""
        return bool(self._files) or any(self.given(name) is not None for name in self.picture_fields)

    def generation(self, **changes: Any) -> GenerationRequest:
        """The generation that this body asks for: the fields the client set, then ``changes``.

        Pictures are decoded: call it beside the event loop where there are any.

        Raises:
            InvalidRequest: fields that are valid alone contradict each other, a change is out of bounds, or a picture
                can't be read.
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
    shared = frozenset(GenerationRequest.model_fields) - {"id", *PICTURE_FIELDS}

    picture_fields = PICTURE_FIELDS

    operation: Operation | None = Field(
        default=None, description="What to do; told by `image` and `mask` if absent.", examples=["image_generation"]
    )
    image: str | None = Field(
        default=None, description="A picture to start from, in base64 or as a data URL; in a form, a file."
    )
    mask: str | None = Field(default=None, description="With `image`: repaint where it is white. Of any size.")
    control_image: str | None = Field(
        default=None, description="A picture that a ControlNet follows, with any operation. Of any size."
    )
    on_disconnect: OnDisconnect | None = Field(
        default=None,
        description="What becomes of the job when its last follower goes away: `cancel` or `detach` (it runs on). "
        "Jobs detach, synchronous calls cancel, unless told otherwise.",
    )
    priority: Priority | None = Field(
        default=None,
        description="A weight in the fair queue: a job counts half with `high`, twice with `low`.",
    )
    deadline_s: float | None = Field(
        default=None,
        gt=0,
        le=MAX_DEADLINE_S,
        allow_inf_nan=False,
        description="Seconds from the submission: what has not begun by then expires, what runs fails.",
    )
    webhook: Webhook | None = Field(
        default=None,
        description="Where to tell what becomes of the job, by signed POSTs; see Webhooks. Refused where the service "
        "has no secret to sign with.",
    )
    metadata: dict[str, Any] = Field(
        default_factory=dict, description=f"The client's own, given back with the job; {MAX_METADATA_BYTES} bytes."
    )
    hive_id: Any = Field(default=None, description="Accepted for existing clients, and ignored.")

    def job_request(
        self, *, on_disconnect: OnDisconnect, operation: Operation | None = None, **changes: Any
    ) -> JobRequest:
        """This body as a job; see :meth:`generation`.

        Args:
            on_disconnect: the route's own default.
            operation: the only one that the route serves, if it does not serve all.

        Raises:
            InvalidRequest: the operation and its pictures don't go together, the route doesn't serve it, or what
                :meth:`generation` raises.
        """
        pictures: dict[str, tuple[bytes, ...]] = {name: self.pictures(name) for name in self.picture_fields}
        wanted = self.operation or operation or operation_on(bool(pictures["image"]), bool(pictures["mask"]))
        if operation and wanted != operation:
            raise InvalidRequest("operation", wanted, f"{operation} on this route")
        needed = {"image": wanted != "image_generation", "mask": wanted == "image_inpaint"}
        for field, needs in needed.items():
            if len(pictures[field]) != needs:
                count = f"{len(pictures[field])} of them" if pictures[field] else None
                raise InvalidRequest(field, count, f"{'one' if needs else 'none'} with operation {wanted}")
        if len(pictures["control_image"]) > 1:
            raise InvalidRequest("control_image", f"{len(pictures['control_image'])} of them", "one")
        return JobRequest(
            generation=self.generation(**{name: sent[0] for name, sent in pictures.items() if sent}, **changes),
            operation=wanted,
            on_disconnect=self.on_disconnect or on_disconnect,
            metadata=self.metadata,
            priority=self.priority or "normal",
            deadline_s=self.deadline_s,
            webhook=self.webhook,
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


class ImageUrl(BaseModel):
    """A picture as OpenAI's JSON has it: ``image_url`` is a data URL."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    image_url: str


class EditsFields(ImagesFields):
    """OpenAI's fields of an image edit."""

    shared = ImagesFields.shared | {"strength"}
    picture_fields = ("image", "images", "mask")

    image: str | None = Field(default=None, description="The picture to edit: a file of the form, or base64 in JSON.")
    images: tuple[ImageUrl, ...] | None = Field(
        default=None, strict=False, max_length=16, description="The same in OpenAI's JSON: one data URL."
    )
    mask: str | ImageUrl | None = Field(
        default=None, description="Transparent where to repaint; without an alpha channel, white where to repaint."
    )
    input_fidelity: Literal["high", "low"] | None = Field(default=None, description="Accepted, without effect.")

    def source(self) -> dict[str, Picture]:
        """The picture to edit and, if there is one, what to repaint of it. A picture that is itself transparent
        somewhere is repainted there, as DALL·E 2 does. Decodes both.

        Raises:
            InvalidRequest: none, several, or one that can't be read.
        """
        pictures = self.pictures("image") + tuple(decoded("images", one.image_url) for one in self.images or ())
        if len(pictures) != 1:
            raise InvalidRequest("image", f"{len(pictures)} of them", "one: no model here takes several")
        masks = self._files.get("mask", ()) + tuple(decoded("mask", text) for text in self._mask_text())
        if len(masks) > 1:
            raise InvalidRequest("mask", f"{len(masks)} of them", "one")
        image = _read("image", pictures[0])
        if masks:
            mask = _read("mask", masks[0])
            return {"image": image, "mask": transparency(mask) or mask}
        clear = transparency(image)
        return {"image": image} if clear is None else {"image": image, "mask": clear}

    def _mask_text(self) -> tuple[str, ...]:
        match self.mask:
            case None:
                return ()
            case ImageUrl(image_url=text) | str(text):
                return (text,)


def _read(field: str, data: bytes) -> Picture:
    try:
        return Picture.of(data)
    except ValueError as error:
        raise InvalidRequest(field, data, str(error)) from None


def _derived(fields: Collection[str]) -> dict[str, Any]:
    """Those fields of ``GenerationRequest`` with their types, bounds, defaults and descriptions."""
    return {
        name: (info.annotation, copy(info)) for name, info in GenerationRequest.model_fields.items() if name in fields
    }


JobBody: type[JobFields] = create_model(
    "JobBody",
    __base__=JobFields,
    __doc__="A job, as one flat object.",
    **_derived(JobFields.shared),
)

ImagesBody: type[ImagesFields] = create_model(
    "ImagesBody",
    __base__=ImagesFields,
    __doc__="OpenAI's image generation, and Darkroom's own fields beside it.",
    **_derived(ImagesFields.shared),
)

EditsBody: type[EditsFields] = create_model(
    "EditsBody",
    __base__=EditsFields,
    __doc__="OpenAI's image edit, and Darkroom's own fields beside it.",
    **_derived(EditsFields.shared),
)
