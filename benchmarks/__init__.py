"""What pytest-aicore costs, beside what one would have without it: `python -m benchmarks`."""
