"""What a person reads about a run: as text, for now."""
