"""Webhooks: other systems are told what becomes of a job, by signed POSTs that are tried again until they arrive."""
