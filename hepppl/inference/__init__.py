"""What uses a compiled program to learn about parameters."""
