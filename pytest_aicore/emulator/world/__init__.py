"""What happens in the emulated service as time passes."""
