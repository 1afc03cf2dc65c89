//! Which process writes: the part of a file's name that tells whose it is, and whether its owner still runs.

use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use super::hash::Hash;

/// A process on some machine of those that share the file system. Written as `HOST.BOOT.PID.START`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    /// The machine's name, shortened to letters, digits and `-`.
    pub host: String,
    /// 8 digits that stand for this boot of the machine and this space of process ids (containers have their own):
    /// only where they agree does a process id mean anything.
    boot: String,
    /// The process id.
    pub pid: u32,
    /// When it started, in ticks of the machine; tells it from a later process of the same id.
    start: u64,
}

/// What another machine's process left unfinished counts as given up after this time: writing a record takes a second.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Makes the names of one process differ.
static COUNTER: AtomicU64 = AtomicU64::new(0);

impl Process {
    /// This one.
    pub fn this() -> Process {
        let pid = std::process::id();
        let name = rustix::system::uname();
        let host: String = name.nodename().to_string_lossy().chars().take(40).collect();
        let host = host.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let host = if host.is_empty() { "unnamed".to_owned() } else { host };
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        let space = std::fs::read_link("/proc/self/ns/pid");
        // Without /proc nothing is known of other processes: no two of them are then taken for neighbours.
        let boot = match (boot, space) {
            (Ok(boot), Ok(space)) => format!("{boot}{}", space.display()),
            _ => format!("{pid} {:?}", SystemTime::now()),
        };
        let boot = Hash::of(boot.as_bytes()).to_string().chars().take(8).collect();
        Process { host, boot, pid, start: start_of(pid).unwrap_or_default() }
    }

    /// A name that no other file of any process has.
    pub fn unique(&self) -> String {
        format!("{self}.{}", COUNTER.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether `other` runs no longer; none where that cannot be told from here.
    pub fn sees_gone(&self, other: &Process) -> Option<bool> {
        let neighbours = self.host == other.host && self.boot == other.boot;
        neighbours.then(|| start_of(other.pid) != Some(other.start))
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}.{}.{}.{}", self.host, self.boot, self.pid, self.start)
    }
}

impl FromStr for Process {
    type Err = ();

    /// Of its own text, or of one of its [unique](Process::unique) names.
    fn from_str(text: &str) -> Result<Process, ()> {
        let mut parts = text.split('.');
        let mut part = || parts.next().filter(|part| !part.is_empty()).ok_or(());
        Ok(Process {
            host: part()?.to_owned(),
            boot: part()?.to_owned(),
            pid: part()?.parse().map_err(|_| ())?,
            start: part()?.parse().map_err(|_| ())?,
        })
    }
}

/// Whether the owner of a file or folder with this name no longer writes to it: the process has ended, or, where that cannot
/// be told from this machine, nothing was written for [`ABANDONED`] by the clock of the file system.
pub(super) fn is_abandoned(process: &Process, owner: Option<&Process>, path: &Path, now: SystemTime) -> bool {
    match owner.and_then(|owner| process.sees_gone(owner)) {
        Some(gone) => gone,
        None => {
            let modified = fs::symlink_metadata(path).and_then(|found| found.modified());
            modified.is_ok_and(|modified| now.duration_since(modified).is_ok_and(|age| age > ABANDONED))
        }
    }
}

/// When a process of this machine started; none where there is none, or one that has ended and waits for its parent.
fn start_of(pid: u32) -> Option<u64> {
    // Fields are counted from behind the name, which may hold anything: the state is the 3rd, the start the 22nd.
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ended = matches!(fields.first(), Some(&("Z" | "X")));
    fields.get(19).filter(|_| !ended)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_gone_once_it_has_ended_and_another_machines_is_not_judged() {
        let this = Process::this();
        assert_eq!(this.unique().parse::<Process>(), Ok(this.clone()));
        assert_ne!(this.unique(), this.unique());
        assert_eq!(this.sees_gone(&this), Some(false));
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let start = start_of(child.id()).unwrap();
        let other = Process { pid: child.id(), start, ..this.clone() };
        assert_eq!(this.sees_gone(&other), Some(false));
        assert_eq!(this.sees_gone(&Process { start: start + 1, ..other.clone() }), Some(true));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(this.sees_gone(&other), Some(true));
        assert_eq!(this.sees_gone(&Process { boot: "00000000".to_owned(), ..other }), None);
        for text in ["", "a", "a.b.c.d", "a.b.1", "..1.1", ".a.b.1.2"] {
            assert!(text.parse::<Process>().is_err(), "{text}");
        }
    }
}
