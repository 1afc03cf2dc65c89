//! Other processes of this program that play a role in a test: they write, judge, claim, and are killed.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use metapicture::store::{Key, Patience, Store};
use support::made_up::{id, sealed};

/// Tells a process of this test what to do, and where.
const ROLE: &str = "METAPICTURE_TEST_ROLE";
const STORE: &str = "METAPICTURE_TEST_STORE";
const FROM: &str = "METAPICTURE_TEST_FROM";

/// Claims that change hands within a test's time.
pub(super) const QUICK: Patience = Patience { beat: Duration::from_millis(100), stale: Duration::from_secs(3) };

/// Another process of this test that plays a role; its lines come on stdout.
pub(super) fn process(role: &str, root: &Path, from: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::processes::role", "--ignored", "--nocapture", "--quiet"])
        .envs([(ROLE, role), (FROM, &from.to_string())])
        .env(STORE, root)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// The lines that a process says, with the test harness's own left out.
pub(super) fn lines(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    lines.filter_map(|line| Some(line.split_once("> ")?.1.to_owned()))
}

fn say(text: impl std::fmt::Display) {
    println!("> {text}");
    std::io::stdout().flush().unwrap();
}

pub(super) fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
#[ignore = "what the other tests' own processes do; nothing without them"]
fn role() {
    let (Ok(role), Some(root)) = (std::env::var(ROLE), std::env::var_os(STORE)) else { return };
    let from: u64 = std::env::var(FROM).unwrap().parse().unwrap();
    let root = Path::new(&root);
    let store = Store::open(root).unwrap();
    say("ready");
    match role.as_str() {
        // Writes runs without end, three at a time, and says which are written.
        "writer" => {
            for first in (from..).step_by(3) {
                let numbers: Vec<u64> =
                    (first..first + 3).filter(|&number| store.entry(&id(number)).is_none()).collect();
                store.write_all(&numbers.iter().map(|&number| sealed(number)).collect::<Vec<_>>()).unwrap();
                numbers.iter().for_each(say);
            }
        }
        // Judges the same run again and again.
        "replacer" => {
            for round in 0.. {
                let mut record = store.done(&id(from)).expect("the record is there");
                record.probability = Some(1. / f64::from(round + 2));
                store.replace_record(&record).unwrap();
            }
        }
        "checkpoints" => {
            for round in 0u32.. {
                store.checkpoint(&"batch".parse().unwrap()).write(&round.to_le_bytes().repeat(20_000)).unwrap();
                say(round);
            }
        }
        // Does whatever nobody else does, and says what.
        "worker" => {
            store.set_patience(QUICK);
            let mut left: BTreeSet<u64> = (0..from).collect();
            while !left.is_empty() {
                for number in left.clone() {
                    if store.done(&id(number)).is_some() {
                        left.remove(&number);
                    } else if let Some(_claim) = store.claim(&Key::of(&[id(number)])).unwrap()
                        && store.done(&id(number)).is_none()
                    {
                        std::thread::sleep(Duration::from_millis(20));
                        store.write_all(&[sealed(number)]).unwrap();
                        say(number);
                    }
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        // Holds a claim and says, every now and then, whether it still does.
        "holder" => {
            store.set_patience(QUICK);
            let claim = store.claim(&"work".parse().unwrap()).unwrap().expect("nobody else has it");
            loop {
                say(if claim.is_held() { "held" } else { "lost" });
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        role => panic!("no such role: {role}"),
    }
}
