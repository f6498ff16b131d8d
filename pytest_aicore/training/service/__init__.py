"""AI Core as a client meets it: the SDK, its failures, credentials and tokens."""
