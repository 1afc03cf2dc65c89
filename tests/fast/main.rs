//! What is tested within this process, on one of libtorch's threads for each test.

mod architectures;
mod brought;
mod checkpoints;
mod decoders;
mod experiment_file;
mod filters;
mod generator_gradients;
mod generators;
mod gradients;
mod manifests;
mod objectives;
mod optimization;
mod optimizers;
mod params;
mod parity;
mod people;
mod pixel_space;
mod regularizers;
mod rooms;
mod searches;
mod starts;
mod statistics;
mod store;
mod sweep;
mod torchscript;
mod weight_files;
