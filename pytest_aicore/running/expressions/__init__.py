"""The expressions of Argo: expr-lang with the functions that Argo adds."""
