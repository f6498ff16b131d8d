"""The emulator over HTTP."""
