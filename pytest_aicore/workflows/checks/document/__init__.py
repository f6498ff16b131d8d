"""Layer 1: is the file YAML that a template can be read from?"""
