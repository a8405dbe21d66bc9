"""Containers that a test can pause, kill and restart, and that die with the pytest process."""
