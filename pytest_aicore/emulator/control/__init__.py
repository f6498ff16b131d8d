"""What tests tell the emulator, and what they learn from it."""
