//! When a run of a sweep is complete.

use metapicture::experiment_file::Seeds;
use metapicture::method::Method;
use metapicture::run::Plan;
use metapicture::run::Results;
use metapicture::run::{Ended, Worker};
use metapicture::store::Store;
use metapicture::unit::Unit;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use support::swept::{Unwatched, experiment};
use tempfile::TempDir;

#[test]
fn a_run_is_complete_once_it_is_done_and_judged_and_no_process_judges_again_what_another_has() {
    let name = "efficientnet-lite1".to_owned();
    let [alone, judging] = [vec![], vec![Arc::new(support::classifier(&name))]].map(experiment);
    let unit = |text: &str| Unit::parse(text, &alone.classifier, &alone.shapes).unwrap();
    let method = Method { steps: 1, ..Method::find("naive").unwrap() };
    let mut plan = Plan::default();
    plan.add(0, &alone, &method, &[unit("banana"), unit("_blocks.10:37")], &Seeds::from(0..=0), vec![], 2).unwrap();
    let folder = TempDir::new().unwrap();
    let (store, stop) = (Store::open(folder.path()).unwrap(), AtomicBool::new(false));
    let complete = |witnesses: &[String]| {
        let results = Results { plan: &plan, store: &store, axes: &[], witnesses };
        let left = results.count().left();
        let complete: Vec<bool> = plan.runs().iter().map(|run| results.is_complete(run, false)).collect();
        assert_eq!(complete.iter().filter(|complete| !**complete).count(), left);
        complete
    };
    let names = std::slice::from_ref(&name);
    assert_eq!(complete(&[]), [false, false]);
    Worker::whole(&plan, &store, &[], &stop).run(&mut |_| Ok(Arc::clone(&alone)), &Unwatched).unwrap();
    assert_eq!(complete(&[]), [true, true]);
    assert_eq!(complete(names), [false, true], "only of a class do witnesses know anything");
    // Both have seen the same before one of them judges.
    let other = Store::open(folder.path()).unwrap();
    let sweep = Worker::whole(&plan, &store, names, &stop);
    sweep.run(&mut |_| Ok(Arc::clone(&judging)), &Unwatched).unwrap();
    assert_eq!(complete(names), [true, true]);
    let late = Worker::whole(&plan, &other, names, &stop).run(&mut |_| panic!("it is judged"), &Unwatched).unwrap();
    assert_eq!(late, Ended { computed: 0, found: 2, left: 0 });
}
