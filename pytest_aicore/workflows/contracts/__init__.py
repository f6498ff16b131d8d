"""What a workflow promises to whoever runs it, and what changes of that."""
