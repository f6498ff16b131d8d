"""Options, ini values and environment variables, and what they mean."""
