//! The one error of the library: what kind of thing went wrong, in one line, with the key that it is about and what may help.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use frozen::load::LoadError;
use zoo::ZooError;

/// What can go wrong in the library.
///
/// It prints as one line, the outermost cause first: `method 'mine': optimizer.adam.lr: a finite number`.
#[derive(Debug)]
pub struct Error(Box<Parts>);

/// A result of the library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Who or what is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request: a name that is not known, a setting that cannot be, a file that is not what it should be. Asking otherwise helps.
    Request,
    /// A model that could not be had, since the network, pip or the disk failed.
    Model,
    /// The computation: libtorch ran out of memory, mostly.
    Compute,
    /// A file that cannot be read or written.
    Storage,
    /// None: the work was left where it can go on, since somebody asked for that.
    Left,
}

#[derive(Debug)]
struct Parts {
    kind: ErrorKind,
    /// What was being done or read, outermost first, each of which precedes the message.
    contexts: Vec<String>,
    /// The key of a method or of a file that the message is about, as `optimizer.adam.lr`.
    key: Option<String>,
    /// Of several of one name in a list, which one the key means.
    item: Option<usize>,
    message: String,
    hint: Option<String>,
    io: Option<io::ErrorKind>,
}

impl Error {
    /// An error of this kind, with this message of one line.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        let (contexts, message) = (vec![], message.into());
        Error(Box::new(Parts { kind, contexts, key: None, item: None, message, hint: None, io: None }))
    }

    /// An error of the request.
    pub fn request(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Request, message)
    }

    /// An error of the computation.
    pub fn compute(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Compute, message)
    }

    /// An error of a file that is read or written.
    pub fn storage(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Storage, message)
    }

    fn of(kind: ErrorKind, error: &dyn StdError) -> Error {
        let (mut message, mut next) = (error.to_string(), error.source());
        while let Some(cause) = next {
            message = format!("{message}: {cause}");
            next = cause.source();
        }
        Error::new(kind, message)
    }

    /// The same error, said to be about a key: `optimizer.adam.lr`.
    #[must_use]
    pub fn at(mut self, key: impl Into<String>) -> Error {
        self.0.key = Some(key.into());
        self
    }

    /// The same error, said to be about this item (from 0) of a list that may hold several of one name.
    #[must_use]
    pub fn of_item(mut self, item: usize) -> Error {
        self.0.item = Some(item);
        self
    }

    /// The same error with what may help: `did you mean 'banana'?`.
    #[must_use]
    pub fn hinted(mut self, hint: impl Into<String>) -> Error {
        self.0.hint = Some(hint.into()).filter(|hint| !hint.is_empty());
        self
    }

    /// The same error with what was being done, or read, before its text.
    #[must_use]
    pub fn within(mut self, context: impl fmt::Display) -> Error {
        self.0.contexts.insert(0, context.to_string());
        self
    }

    /// The same error, said to be one of the request.
    #[must_use]
    pub fn of_request(mut self) -> Error {
        self.0.kind = ErrorKind::Request;
        self
    }

    /// Who or what is at fault.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the request is at fault: then the program's exit code is 2, and 1 otherwise.
    pub fn is_request(&self) -> bool {
        self.0.kind == ErrorKind::Request
    }

    /// What may help, if anything is known that may.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The path of the key that the error is about, as `optimizer.adam.lr`.
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// Which item (from 0) of the list in its key the error is about, where a list may hold several of one name.
    pub fn item(&self) -> Option<usize> {
        self.0.item
    }

    /// What the operating system said, where it did.
    pub fn io(&self) -> Option<io::ErrorKind> {
        self.0.io
    }

    /// The message without its key and without what was being done.
    pub(crate) fn message(&self) -> String {
        let hint = self.0.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{}{hint}", self.0.message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.contexts.iter().chain(&self.0.key).try_for_each(|text| write!(f, "{text}: "))?;
        f.write_str(&self.message())
    }
}

// The whole chain of causes is in the text, so that `source` has nothing to add.
impl StdError for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        let mut made = Error::of(ErrorKind::Storage, &error);
        made.0.io = Some(error.kind());
        made
    }
}

impl From<ZooError> for Error {
    fn from(error: ZooError) -> Error {
        Error::of(if error.is_usage() { ErrorKind::Request } else { ErrorKind::Model }, &error)
    }
}

/// Implements `From` for errors of other crates, by what they tell of.
macro_rules! from {
    ($($kind:ident: $($error:ty),+;)+) => {$($(
        impl From<$error> for Error {
            fn from(error: $error) -> Error {
                Error::of(ErrorKind::$kind, &error)
            }
        }
    )+)+};
}

from! {
    Request: LoadError, std::str::Utf8Error, std::string::FromUtf8Error, std::num::TryFromIntError,
        std::num::ParseFloatError, frozen::network::UnknownLayer, zoo::yaml::YamlError;
    Compute: tch::TchError, ndarray::ShapeError, ab_glyph::InvalidFont, resvg::usvg::Error;
    Storage: image::ImageError, jpeg_encoder::EncodingError, csv::Error, serde_json::Error, serde_yaml::Error, safetensors::SafeTensorError,
        parquet::errors::ParquetError;
}

/// Adds to an error what was being done, or read, when it came about.
pub trait Context<T> {
    /// With this before it.
    ///
    /// # Errors
    /// That of the result, or this text where there is nothing.
    fn context(self, context: impl fmt::Display) -> Result<T>;

    /// The same, with a text that is made when it is needed.
    ///
    /// # Errors
    /// As [`Context::context`].
    fn with_context<C: fmt::Display>(self, context: impl FnOnce() -> C) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for Result<T, E> {
    fn context(self, context: impl fmt::Display) -> Result<T> {
        self.with_context(|| context)
    }

    fn with_context<C: fmt::Display>(self, context: impl FnOnce() -> C) -> Result<T> {
        self.map_err(|error| error.into().within(context()))
    }
}

impl<T> Context<T> for Option<T> {
    fn context(self, context: impl fmt::Display) -> Result<T> {
        self.with_context(|| context)
    }

    fn with_context<C: fmt::Display>(self, context: impl FnOnce() -> C) -> Result<T> {
        self.ok_or_else(|| Error::request(context().to_string()))
    }
}

/// Marks errors of what is asked for, whatever they are: a file that the user names and that cannot be read, say.
pub trait OfRequest<T> {
    /// The same, its error one of the request.
    ///
    /// # Errors
    /// That of the result.
    fn of_request(self) -> Result<T>;
}

impl<T, E: Into<Error>> OfRequest<T> for Result<T, E> {
    fn of_request(self) -> Result<T> {
        self.map_err(|error| error.into().of_request())
    }
}

/// An error of the request, from a format string.
macro_rules! request {
    ($($text:tt)+) => { $crate::error::Error::request(format!($($text)+)) };
}

/// Returns an error of the request, from a format string.
macro_rules! bail {
    ($($text:tt)+) => { return Err($crate::error::request!($($text)+)) };
}

/// Returns an error of the request about a key: the key, then a format string.
macro_rules! bail_at {
    ($key:expr, $($text:tt)+) => { return Err($crate::error::request!($($text)+).at($key)) };
}

pub(crate) use {bail, bail_at, request};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_with_the_outermost_cause_first() {
        let read = || -> Result<Vec<u8>> { std::fs::read("/no/such/file").context("cannot read it") };
        let error = read().context("outside").unwrap_err();
        assert_eq!(error.to_string(), "outside: cannot read it: No such file or directory (os error 2)");
        assert_eq!((error.kind(), error.io()), (ErrorKind::Storage, Some(io::ErrorKind::NotFound)));
        assert!(!error.is_request() && error.of_request().is_request());
    }

    #[test]
    fn a_key_and_a_hint_stay_apart_from_the_message() {
        let error = Error::request("a finite number").at("optimizer.adam.lr").hinted("0.05 is usual");
        let error = Err::<(), Error>(error).context("method 'mine'").unwrap_err();
        assert_eq!(error.to_string(), "method 'mine': optimizer.adam.lr: a finite number; 0.05 is usual");
        assert_eq!((error.key(), error.hint()), (Some("optimizer.adam.lr"), Some("0.05 is usual")));
    }
}
