"""What an image brings: made from a folder with a Dockerfile, or substituted by this machine's programs."""
