"""The error of what configures the application."""


class ConfigInvalid(ValueError):
    """A config file or a variable can't be used; the message says where and why, in one line for each finding."""
