"""Every setting of the application, validated once at the edge, then frozen.

``AppArgs`` is what ``args`` of a Serve config file holds, what ``serve_app:build`` takes, and what the command line
fills in. What is left out has a default.
"""

from serve_app.settings.app import AppArgs, demo_args, gpu_args
from serve_app.settings.environment import (
    KEY_VARIABLE,
    WEBHOOK_SECRET_VARIABLE,
    api_key,
    data_folder,
    exports_traces,
    knows_peers,
    service_url,
)
from serve_app.settings.files import IMPORT_PATH, database_of, findings, load_config
from serve_app.settings.ingress import ApiSettings, IngressSettings
from serve_app.settings.invalid import ConfigInvalid
from serve_app.settings.jobs import JobSettings, RetentionSettings
from serve_app.settings.logs import LogSettings
from serve_app.settings.models import ModelSettings
from serve_app.settings.webhooks import WebhookSettings

__all__ = [
    "IMPORT_PATH",
    "KEY_VARIABLE",
    "WEBHOOK_SECRET_VARIABLE",
    "ApiSettings",
    "AppArgs",
    "ConfigInvalid",
    "IngressSettings",
    "JobSettings",
    "LogSettings",
    "ModelSettings",
    "RetentionSettings",
    "WebhookSettings",
    "api_key",
    "data_folder",
    "database_of",
    "demo_args",
    "exports_traces",
    "findings",
    "gpu_args",
    "knows_peers",
    "load_config",
    "service_url",
]
