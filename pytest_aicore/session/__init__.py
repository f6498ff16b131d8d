"""What tests of one pytest session have in common."""
