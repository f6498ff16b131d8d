"""Requests and answers, and how they reach this process."""
