"""What `ai://` URLs name: files in object stores."""
