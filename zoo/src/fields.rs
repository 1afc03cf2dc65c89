//! The values that a manifest's keys hold, each checked when it is read: what an entry is for, names that are safe in the
//! cache, hashes, sizes, versions of Python packages, addresses. Whoever holds one may trust it.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::hash::hex;
use crate::suggest::hint;
use crate::yaml;

/// What a zoo entry is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A network whose units are visualised.
    Classifier,
    /// A network that makes images of codes.
    Generator,
    /// A network that brings pictures back to codes of a generator.
    Encoder,
    /// Photographs to compare with.
    Images,
}

impl Kind {
    /// The word for several entries of this kind.
    pub fn plural(self) -> &'static str {
        match self {
            Kind::Classifier => "classifiers",
            Kind::Generator => "generators",
            Kind::Encoder => "encoders",
            Kind::Images => "image sets",
        }
    }

    /// The word for one entry, with its article.
    pub fn one(self) -> &'static str {
        match self {
            Kind::Classifier => "a classifier",
            Kind::Generator => "a generator",
            Kind::Encoder => "an encoder",
            Kind::Images => "a set of images",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::Classifier => "classifier",
            Kind::Generator => "generator",
            Kind::Encoder => "encoder",
            Kind::Images => "images",
        })
    }
}

impl FromStr for Kind {
    type Err = String;
    fn from_str(text: &str) -> Result<Kind, String> {
        match text {
            "classifier" => Ok(Kind::Classifier),
            "generator" => Ok(Kind::Generator),
            "encoder" => Ok(Kind::Encoder),
            "images" => Ok(Kind::Images),
            _ => {
                let hint = hint(text, "the kinds", ["classifier", "generator", "encoder", "images"]);
                Err(format!("unknown kind '{text}'{hint}"))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
        yaml::scalar(deserializer)
    }
}

/// A checked string: built by [`FromStr`] only, so that whoever holds one may trust it.
macro_rules! checked_string {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<$name, String> {
                let check: fn(&str) -> Result<(), String> = $check;
                check(text).map(|()| $name(text.to_owned()))
            }
        }

        impl Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                yaml::scalar(deserializer)
            }
        }
    };
}

checked_string!(
    /// The name of an entry: `[a-z0-9._-]`, beginning with a letter or a digit.
    Name,
    |text| {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        if text.is_empty() || text.len() > 100 || text.starts_with(['.', '-']) || !text.chars().all(allowed) {
            return Err(format!("name '{text}' must be of lower-case letters, digits, '.', '_' and '-'"));
        }
        Ok(())
    }
);

checked_string!(
    /// The name of a file in the cache: one path component, which cannot lead out of the cache.
    FileName,
    |text| {
        let forbidden = |c: char| c == '/' || c == '\\' || c.is_control();
        if text.is_empty() || text.len() > 200 || text.starts_with(['.', '-']) {
            return Err(format!("file name '{text}' is empty, too long, or begins with '.' or '-'"));
        }
        if text.contains("..") || text.chars().any(forbidden) {
            return Err(format!("file name '{text}' may hold no '/', no '\\' and no '..'"));
        }
        Ok(())
    }
);

checked_string!(
    /// A sha256 in lower-case hexadecimal digits.
    Sha256,
    |text| {
        if text.len() != 64 || !text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c)) {
            return Err(format!("sha256 '{text}' must be 64 lower-case hexadecimal digits (see `sha256sum FILE`)"));
        }
        Ok(())
    }
);

checked_string!(
    /// The first digits of a sha256, 8 at least: all that is published of some files (PyTorch writes them into the name).
    /// They tell a damaged or a wrong file, not one that was forged with effort.
    Sha256Prefix,
    |text| {
        let of_hex = text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
        if !(8..64).contains(&text.len()) || !of_hex {
            return Err(format!("sha256_prefix '{text}' must be the first 8 to 63 lower-case hexadecimal digits"));
        }
        Ok(())
    }
);

checked_string!(
    /// One exact version of a Python package: `foolbox==3.3.4`. Nothing in it can be taken for an option of pip.
    Requirement,
    |text| {
        let wrong = || format!("wheel '{text}' must be one exact version, such as foolbox==3.3.4");
        let (package, version) = text.split_once("==").ok_or_else(wrong)?;
        let of_package = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let of_version = |c: char| c.is_ascii_alphanumeric() || ".+!".contains(c);
        let begins = |word: &str| word.starts_with(|c: char| c.is_ascii_alphanumeric());
        let sound = begins(package) && package.chars().all(of_package) && begins(version) && version.chars().all(of_version);
        if sound && text.len() <= 100 { Ok(()) } else { Err(wrong()) }
    }
);

checked_string!(
    /// An address that may be fetched: https, or http on this very machine.
    Url,
    |text| {
        let (scheme, host) = scheme_and_host(text).ok_or_else(|| format!("url '{text}' is not an https address"))?;
        match scheme.as_str() {
            "https" => Ok(()),
            "http" if is_loopback(&host) => Ok(()),
            _ => Err(format!("url '{text}' is not https; http is for this machine only")),
        }
    }
);

impl Sha256 {
    /// The digest that a hasher gave.
    pub(crate) fn of_digest(digest: &[u8]) -> Sha256 {
        Sha256(hex(digest))
    }
}

impl Url {
    /// Whether the address is on this very machine.
    pub fn is_loopback(&self) -> bool {
        scheme_and_host(self).is_some_and(|(_, host)| is_loopback(&host))
    }
}

/// Scheme and host, as the HTTP client itself reads them, of an address that names no user.
fn scheme_and_host(url: &str) -> Option<(String, String)> {
    let uri: ureq::http::Uri = url.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let plain = !authority.as_str().contains('@') && !authority.host().is_empty();
    plain.then(|| (scheme.to_owned(), authority.host().to_owned()))
}

fn is_loopback(host: &str) -> bool {
    let four = host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    four || host == "localhost" || host == "[::1]"
}

/// What the bytes of a file must hash to, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Digest {
    /// The whole sha256.
    Whole(Sha256),
    /// Its first digits.
    Prefix(Sha256Prefix),
}

impl Digest {
    /// Whether bytes with this sha256 may be the file.
    pub fn accepts(&self, found: &Sha256) -> bool {
        found.starts_with(self.digits())
    }

    /// The digits that are known: they name the file's folder in the cache.
    pub fn digits(&self) -> &str {
        match self {
            Digest::Whole(sha256) => sha256,
            Digest::Prefix(prefix) => prefix,
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Digest::Whole(sha256) => f.pad(sha256),
            Digest::Prefix(prefix) => write!(f, "{}…", &**prefix),
        }
    }
}

/// The size of a file in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Exactly so many bytes.
    Exact(u64),
    /// So many bytes within a hundredth: the exact size is not published.
    Approximate(u64),
}

impl Size {
    /// Whether a file of so many bytes has this size.
    pub fn accepts(self, found: u64) -> bool {
        match self {
            Size::Exact(size) => size == found,
            Size::Approximate(size) => size.abs_diff(found) <= size / 100,
        }
    }

    /// The number of bytes, exact or not.
    pub fn bytes(self) -> u64 {
        match self {
            Size::Exact(size) | Size::Approximate(size) => size,
        }
    }

    /// The most bytes that such a file can have.
    pub(crate) fn most(self) -> u64 {
        match self {
            Size::Exact(size) => size,
            Size::Approximate(size) => size.saturating_add(size / 100),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Size::Exact(size) => write!(f, "{size}"),
            Size::Approximate(size) => write!(f, "about {size}"),
        }
    }
}
