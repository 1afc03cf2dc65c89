//! Frozen image generators, one file an architecture, and the zoo of their weights.
