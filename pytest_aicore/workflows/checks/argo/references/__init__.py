"""The placeholders of a workflow: does each name something that is there? A topic a module."""
