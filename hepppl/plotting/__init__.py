"""Pictures, with matplotlib (extra ``plot``). Nothing here needs a display."""
