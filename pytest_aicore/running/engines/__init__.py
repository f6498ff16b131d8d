"""What starts a step on this machine: in a sandbox, or as a plain process."""
