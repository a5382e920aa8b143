"""The HTTP API: one file per dialect over one :class:`~serve_app.api.backend.Backend`. No Ray in here."""
