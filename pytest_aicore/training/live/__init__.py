"""Live trainings: started together, polled, written down, stopped."""
