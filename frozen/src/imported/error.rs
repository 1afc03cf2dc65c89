//! What can be wrong with a program that is read as a network.

pub(crate) use crate::weights::error::shown;

/// Why a program is no network, as a sentence about its file.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ImportError(pub String);

impl ImportError {
    /// It is cut short, or contradicts itself.
    pub(crate) fn damaged(reason: impl std::fmt::Display) -> ImportError {
        ImportError(format!("is damaged: {reason}"))
    }

    /// It uses something that is left out here.
    pub(crate) fn unsupported(reason: impl std::fmt::Display) -> ImportError {
        ImportError(format!("{reason}"))
    }
}

impl From<tch::TchError> for ImportError {
    fn from(error: tch::TchError) -> ImportError {
        ImportError(format!("libtorch: {}", first_line(&error)))
    }
}

impl From<crate::wire::WireError> for ImportError {
    fn from(error: crate::wire::WireError) -> ImportError {
        ImportError::damaged(error)
    }
}

impl From<std::io::Error> for ImportError {
    fn from(error: std::io::Error) -> ImportError {
        ImportError(format!("cannot be read: {error}"))
    }
}

/// What libtorch has to say before its stack trace.
pub(crate) fn first_line(error: &tch::TchError) -> String {
    let message = match error {
        tch::TchError::Torch(message) => message.clone(),
        other => other.to_string(),
    };
    message.lines().next().unwrap_or_default().trim().to_owned()
}
