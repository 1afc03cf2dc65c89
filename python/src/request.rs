//! Checks of numbers that a command line would have made.

use std::ops::RangeInclusive;

use metapicture::Error;

/// That a number lies where it may.
///
/// # Errors
/// A request, which names its key.
pub fn within(key: &str, value: impl Into<i64>, allowed: RangeInclusive<i64>) -> Result<(), Error> {
    let value = value.into();
    match allowed.contains(&value) {
        true => Ok(()),
        false => {
            let (first, last) = (allowed.start(), allowed.end());
            Err(Error::request(format!("{value} is not between {first} and {last}")).at(key))
        }
    }
}

/// What somebody means by one of these names.
///
/// # Errors
/// A request: a name that is none of them.
pub fn named<T: Copy>(key: &str, name: &str, names: &[(&str, T)]) -> Result<T, Error> {
    names.iter().find_map(|(known, of)| (*known == name).then_some(*of)).ok_or_else(|| {
        let known: Vec<&str> = names.iter().map(|(known, _)| *known).collect();
        Error::request(format!("'{name}' is none of {}", known.join(", "))).at(key)
    })
}

/// Tells of pictures that could not be read, by name and why. One that was asked for by its own name is an error; what lies in folders is
/// passed over, with a note.
///
/// # Errors
/// A request: a picture that was named.
pub fn passed_over(
    named: &[String],
    unread: impl IntoIterator<Item = (String, String)>,
    note: &dyn Fn(&str),
) -> Result<(), Error> {
    for (name, error) in unread {
        if named.contains(&name) {
            return Err(Error::request(error));
        }
        note(&format!("passed over: {error}"));
    }
    Ok(())
}
