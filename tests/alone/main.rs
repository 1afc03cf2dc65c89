//! What belongs to the whole process: its memory, the number of libtorch's threads.

mod memory;
mod store;
mod sweep;
mod threads;
