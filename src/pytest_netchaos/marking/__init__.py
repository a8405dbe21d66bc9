"""What the marker asks for, and the tests that it makes."""
