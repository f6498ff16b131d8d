"""Quality gates: values of a run or of predictions, compared by rules with a baseline in the repository."""
