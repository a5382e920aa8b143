"""What the command line is made of: the service's client, the displays, and what ``serve`` and ``generate`` do."""
