"""`pytest-aicore init`: a first test of each workflow of a project, and what it needs."""
