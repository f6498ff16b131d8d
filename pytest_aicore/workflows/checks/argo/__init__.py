"""Layer 2: what Argo refuses of a workflow, or drops without a word. A topic a module, its rules beside its code."""
