"""The rules that workflow YAML files are checked by, one module per family."""
