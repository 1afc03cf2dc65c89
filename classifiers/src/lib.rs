//! Frozen image classifiers, one file an architecture, and the zoo of their weights.
