"""Jobs, without Ray and without HTTP: what a job is, its queue, its events, its store, and the use-cases."""
