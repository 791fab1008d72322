"""Statistical acceptance tests: hepppl's estimates against exact values, with a stated rate of false alarms."""
