"""HQL: parsed with a grammar, answered by the store."""
