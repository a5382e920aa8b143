"""``docs/performance.md``, written from the result files: no figure without its file."""
