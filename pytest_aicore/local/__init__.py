"""Executions of the emulator, really carried out on this machine."""
