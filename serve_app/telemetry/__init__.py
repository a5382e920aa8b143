"""What is made of the facts that the job service tells (:mod:`serve_app.jobs.observer`): metrics, log lines, spans."""
