"""Layer 3: what AI Core refuses of a template, never shows, or loses. A topic a module, its rules beside its code."""
