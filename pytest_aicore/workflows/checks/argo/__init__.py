"""Layer 2: what Argo refuses in a workflow, or silently drops. One topic per module, its rules beside its code."""
