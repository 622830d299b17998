"""The watch: asks every way in for intakes and runs them, one at a time, for good."""
