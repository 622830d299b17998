"""The managed repository: files in a folder, their rows in the store, and importing into it."""
