"""What the processes log."""

from pydantic import Field

from deployments.telemetry.lines import LogFormat, LogLevel
from serve_app.settings.base import Settings


class LogSettings(Settings):
    """The log lines of this application's processes, in Ray's folder of Serve logs."""

    format: LogFormat = Field(
        default="json", description="`json`: one object per line, with the job it is about; `text`: Serve's own form."
    )
    level: LogLevel = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR: what is less is not logged.")
