"""Carries out the graph of a workflow: which pod is next, with which values, and what follows from how it ended."""
