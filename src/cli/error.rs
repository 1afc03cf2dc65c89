//! The library's error, as the command line makes it of what it is asked.

pub use metapicture::engine::error::{Context, Error, OfRequest, Result};

/// An error of the request, from a format string.
macro_rules! request {
    ($($text:tt)+) => { metapicture::Error::request(format!($($text)+)) };
}

/// Returns an error of the request, from a format string.
macro_rules! bail {
    ($($text:tt)+) => { return Err($crate::cli::error::request!($($text)+)) };
}

pub(crate) use {bail, request};
