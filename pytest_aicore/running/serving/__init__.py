"""The server of a deployment on this machine: from a ServingTemplate to a program that answers requests."""
