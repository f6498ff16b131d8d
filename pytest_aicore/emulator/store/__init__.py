"""The state of the emulated service."""
