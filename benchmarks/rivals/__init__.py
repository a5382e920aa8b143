"""What a user would take instead, written as its documentation says; each answers PNG over HTTP."""
