"""How results are shown: in the terminal, as findings, as files."""
