"""What a workflow of Argo means, whoever asks: the checks, rendering, whoever carries one out."""
