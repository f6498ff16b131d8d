"""Carries workflows out on this machine: their containers really run."""
