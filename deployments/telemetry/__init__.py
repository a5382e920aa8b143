"""What a process tells of itself: metrics, log lines and traces. Only ``process`` knows Ray."""
