"""A text to a tree, with the place of everything."""
