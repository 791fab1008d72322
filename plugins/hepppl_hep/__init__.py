"""The shapes of high-energy physics: a first-party plugin of distributions."""
