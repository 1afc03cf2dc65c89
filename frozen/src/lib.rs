//! Frozen neural networks on libtorch: weight files, folded layers, taps, gradients to the input alone, the model zoo.
