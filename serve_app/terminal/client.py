"""A small synchronous HTTP client of a running service, for the command line. It knows no Ray and no torch.

    with ServiceClient("http://127.0.0.1:8000") as service:
        job = service.submit({"prompt": "a red circle", "steps": 20})
        for event in service.follow(job["job_id"]):
            ...

A stream that breaks is taken up again where it stopped, by ``Last-Event-ID``.
"""

import json
import re
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Literal, Self, TypedDict, cast
from urllib.parse import quote, urlsplit

import httpx2

MAX_EVENT_BYTES: Final = 256 * 2**20
"""One event of a stream may be this large: ``complete`` carries a whole image in base64."""

TERMINAL_EVENTS: Final = frozenset({"complete", "cancelled", "error"})


class ServiceError(Exception):
    """The service refused, or could not do, what was asked.

    Attributes:
        code: the stable code of the error, as in ``invalid_request``; ``http_<status>`` when something that is not
            Darkroom answered.
        message: a sentence for the user.
        status: the HTTP status; ``None`` where the error came in a stream, or no answer came at all.
    """

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class ServiceUnreachable(ServiceError):
    """Nothing answers at the URL, or it stopped answering for good."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__("unreachable", f"no service answers at {url} ({reason})")
        self.url = url


class ImageLink(TypedDict):
    """A finished image: ``url`` is a path on the service or a full URL."""

    url: str
    seed: int
    format: str
    width: int
    height: int


class StreamEvent(TypedDict, total=False):
    """One event of a job's stream, as the wire has it; which fields are there depends on ``event``."""

    event: Literal["queued", "started", "restarted", "progress", "preview", "image", "complete", "cancelled", "error"]
    position: int
    eta_s: float | None
    attempt: int
    reason: str
    step: int
    total: int
    index: int
    images: list[ImageLink]
    timings: dict[str, float]
    code: str
    message: str


class Accepted(TypedDict):
    """The answer to a submitted job."""

    job_id: str
    sse_url: str
    status: str
    status_url: str
    cancel_url: str


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine's own loopback, by its name or address."""
    return host in {"localhost", "::1"} or host.startswith("127.")


class ServiceClient:
    """Calls one service. Every method raises :class:`ServiceError`, and nothing else on purpose.

    Args:
        url: the service's base URL.
        api_key: is sent to the service, and to nobody else.
        http: the HTTP client to use instead of one of its own; its owner closes it.
        resume_attempts: how often in a row a broken stream is taken up again without any event in between.
        resume_delay_s: the pause before the second such attempt, in seconds; it doubles with each, the first has none.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        http: httpx2.Client | None = None,
        resume_attempts: int = 5,
        resume_delay_s: float = 0.5,
    ) -> None:
        self.url = url.rstrip("/")
        self._credentials = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        self._http = http or httpx2.Client(
            # a stream pings every 15 s: a minute of silence means that the connection is dead
            timeout=httpx2.Timeout(60, connect=5),
            # a proxy of the environment can't reach this machine's own loopback
            trust_env=not is_loopback(urlsplit(url).hostname or ""),
        )
        self._owns_http = http is None
        self._resume_attempts = resume_attempts
        self._resume_delay_s = resume_delay_s

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, unless they belong to the ``http`` that was passed in."""
        if self._owns_http:
            self._http.close()

    def submit(self, body: Mapping[str, Any]) -> Accepted:
        """Submit a job: the flat body of ``POST /v1/jobs``."""
        return cast(Accepted, self._call("POST", "/v1/jobs", json=dict(body)).json())

    def follow(self, job_id: str) -> Iterator[StreamEvent]:
        """The job's events from its first to its terminal one; a broken stream is resumed, each event comes once."""
        last_id: str | None = None
        silent = 0
        reason = "the stream ended early"
        while silent <= self._resume_attempts:
            if silent > 1:
                time.sleep(self._resume_delay_s * 2 ** (silent - 2))
            silent += 1
            try:
                for sse in self._events(job_id, last_id):
                    last_id, silent = sse.id, 1
                    event = cast(StreamEvent, json.loads(sse.data))
                    yield event
                    if event["event"] in TERMINAL_EVENTS:
                        return
            except httpx2.TransportError as error:
                reason = _reason(error)
        raise ServiceUnreachable(self.url, reason)

    def job(self, job_id: str) -> dict[str, Any]:
        """The job as ``GET /v1/jobs/{id}`` shows it."""
        return cast(dict[str, Any], self._call("GET", f"/v1/jobs/{_segment(job_id)}").json())

    def jobs(
        self, *, status: str | None = None, model: str | None = None, text: str | None = None, limit: int = 50
    ) -> dict[str, Any]:
        """One page of jobs, newest first, as ``GET /v1/jobs`` shows it."""
        wanted = {"status": status, "model": model, "text": text, "limit": limit}
        params = {name: value for name, value in wanted.items() if value is not None}
        return cast(dict[str, Any], self._call("GET", "/v1/jobs", params=params).json())

    def cancel(self, job_id: str) -> dict[str, Any]:
        """Cancel a job. The answer shows the state that won."""
        return cast(dict[str, Any], self._call("POST", f"/v1/jobs/{_segment(job_id)}/cancel").json())

    def models(self) -> dict[str, Any]:
        """The served models, as ``GET /v1/models`` shows them."""
        return cast(dict[str, Any], self._call("GET", "/v1/models").json())

    def image(self, url: str) -> bytes:
        """The bytes of a finished image, by the ``url`` of its :class:`ImageLink`."""
        return self._call("GET", url).content

    def readiness(self) -> dict[str, str] | None:
        """Model to state, as ``GET /health/ready`` tells it; ``None`` while no Darkroom answers."""
        try:
            told = self._http.get(f"{self.url}/health/ready").json()
            return {model: str(readiness["state"]) for model, readiness in told["models"].items()}
        except (httpx2.TransportError, ValueError, KeyError, TypeError, AttributeError):
            return None  # refused, or the page of a proxy that is up before the application

    def _events(self, job_id: str, last_id: str | None) -> Iterator[httpx2.ServerSentEvent]:
        """The events of one connection, without ``[DONE]``. Raises ``httpx2.TransportError`` where it breaks."""
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"} | self._credentials
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        with self._http.stream("GET", f"{self.url}/v1/jobs/{_segment(job_id)}/stream", headers=headers) as response:
            if response.status_code == 503 and last_id is not None:
                raise httpx2.RemoteProtocolError("the service is restarting")
            if response.status_code != 200:
                response.read()
                raise _refusal(response)
            for sse in httpx2.EventSource(response, max_event_size=MAX_EVENT_BYTES):
                if sse.data == "[DONE]":
                    return
                if sse.data:
                    yield sse

    def _call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        url = path if path.startswith(("http://", "https://")) else self.url + path
        try:
            ours = _origin(url) == _origin(self.url)  # an image's URL is what some service says
            response = self._http.request(method, url, headers=self._credentials if ours else {}, **options)
        except (httpx2.TransportError, httpx2.InvalidURL, ValueError) as error:
            raise ServiceUnreachable(self.url, _reason(error)) from error
        if not response.is_success:
            raise _refusal(response)
        return response


def _refusal(response: httpx2.Response) -> ServiceError:
    """The error that a response tells, in Darkroom's shape or, from a proxy in between, in any other."""
    try:
        error = response.json()["error"]
        return ServiceError(str(error["code"]), str(error["message"]), response.status_code)
    except (ValueError, KeyError, TypeError):
        plain = response.headers.get("content-type", "").startswith("text/plain")
        text = " ".join(response.text.split())[:200] if plain else "this is not Darkroom's answer"
        return ServiceError(f"http_{response.status_code}", text or response.reason_phrase, response.status_code)


def _origin(url: str) -> tuple[str, str]:
    scheme, netloc, *_ = urlsplit(url)
    return scheme, netloc


def _segment(job_id: str) -> str:
    """``job_id`` as one segment of a path, so that no id can name another route."""
    return quote(job_id, safe="")


def _reason(error: Exception) -> str:
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__
