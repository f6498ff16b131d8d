"""How tests control the emulator, and what they can assert about its calls."""
