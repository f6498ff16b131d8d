"""What pytest is told: the hooks of a session, a module a purpose."""
