"""One module per resource: each function takes a call, asks the state, and answers."""
