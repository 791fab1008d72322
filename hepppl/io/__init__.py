"""Files in and out (`read`, `write`). Every failure is a `HepFileError` (E5xx) that says what the system said."""
