//! What a user may expect of the optimization itself: it climbs, its runs do not disturb each other, and what goes wrong is
//! recorded.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use metapicture::experiment_file::Seeds;
use metapicture::method::{Keep, Method};
use metapicture::param::Condition;
use metapicture::render::{Passes, Rendered, Watch};
use metapicture::run::Plan;
use metapicture::run::Results;
use metapicture::run::Run;
use metapicture::run::{Ended, Follow, Worker};
use metapicture::store::Store;
use metapicture::store::{Record, Status};
use metapicture::unit::Unit;
use support::models::{Models, short};
use support::swept;
use tch::Tensor;

/// The units of the demo.
const DEMO: [&str; 6] = ["banana", "sunglass", "wig", "violin", "chainlink fence", "bow tie"];

fn first_and_last(rendered: &Rendered) -> (f64, f64) {
    let trace = &rendered.trace;
    (trace[0].activation, trace[trace.len() - 1].activation)
}

fn state<'a>(rendered: &'a Rendered, name: &str) -> &'a Tensor {
    &rendered.state.iter().find(|(found, _)| *found == name).unwrap().1
}

#[test]
fn dgn_am_climbs_for_every_unit_of_the_demo() {
    let models = Models::load(Some("face-dcgan"));
    for (unit, rendered) in
        DEMO.iter().zip(models.render(&short("dgn-am-gaussian", 15, 1), None, &DEMO.map(|unit| (unit, 0))))
    {
        let (first, last) = first_and_last(&rendered);
        println!("{unit}: {first:.2} to {last:.2}");
        assert!(last > first, "{unit}: {first} to {last}");
    }
}

#[test]
fn latent_improves_on_the_best_of_its_screened_codes() {
    let models = Models::load(Some("face-dcgan"));
    for (unit, rendered) in DEMO.iter().zip(models.render(&short("latent", 15, 16), None, &DEMO.map(|unit| (unit, 0))))
    {
        let (first, _) = first_and_last(&rendered);
        let kept = models.activation(&rendered.picture, models.runs(&[(unit, 0)])[0].0.index().unwrap());
        println!("{unit}: {first:.2} to {kept:.2}");
        assert!(kept > first + 1., "{unit}: {first} to {kept}");
        // 16 codes, 5 steps of the start that was given up, 15 of the one that was not, and a last look.
        assert_eq!(rendered.passes, Passes { forward: 16 + 5 + 15 + 1, backward: 5 + 15 });
    }
}

#[test]
fn naive_drives_the_banana_past_70_within_150_steps() {
    let models = Models::load(None);
    let method = Method::find("naive").unwrap();
    assert!(method.steps <= 150);
    let (first, last) = first_and_last(&models.render(&method, None, &[("banana", 0)])[0]);
    println!("{first:.2} to {last:.2}");
    assert!(last > 70., "{first} to {last}");
}

#[test]
fn searches_without_gradients_climb_keep_their_best_and_do_not_disturb_each_other() {
    let models = Models::load(Some("face-dcgan"));
    let narrow = Models::narrow(Some("face-dcgan"));
    let (population, steps) = (12, 12);
    for name in ["cma-es", "cma-es-cholesky", "cma-es-spherical", "ga"] {
        let text = Method::find(name).unwrap().to_yaml().unwrap();
        let text =
            ["population: 40", "population: 41"].iter().fold(text, |text, all| text.replace(all, "population: 12"));
        let method = Method { steps, ..Method::parse(&text.replace("elite: 4", "elite: 2"), "short").unwrap() };
        let runs = models.render(&method, None, &[("banana", 0), ("wig", 1)]);
        let mut gained = 0.;
        for (run, class) in runs.iter().zip([954, 903]) {
            let best: Vec<f64> = run.trace.iter().map(|row| row.activation).collect();
            let highest = best.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            println!("{name}: {best:.2?}");
            assert!((models.activation(&run.picture, class) - highest).abs() < 1e-3 * highest.abs(), "{name}");
            let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
            gained += (mean(&best[steps - 4..]) - mean(&best[..4])) / 2.;
            assert_eq!(run.passes, Passes { forward: population * steps, backward: 0 });
        }
        // Draws that nothing is learned from are as good late as early, and differ by a few tenths.
        assert!(gained > 1., "{name} gains {gained}");
        let method = Method { steps: 3, ..method };
        let together = narrow.render(&method, None, &[("banana", 0), ("wig", 1)]);
        let alone = narrow.render(&method, None, &[("banana", 0)]);
        assert!(alone[0].picture.equal(&together[0].picture), "{name}: another picture alone");
    }
}

#[test]
fn a_search_without_gradients_searches_a_relaxed_condition_too() {
    let models = Models::narrow(Some("eye-cdcgan"));
    let method = Method { steps: 3, ..Method::find("cma-es").unwrap() };
    let runs = models.render(&method, Some(Condition::Relaxed), &[("banana", 0)]);
    let condition = state(&runs[0], "condition");
    assert_eq!(condition.size(), [8]);
    assert!((condition.sum(tch::Kind::Double).double_value(&[]) - 1.).abs() < 1e-5);
    assert!(condition.max().double_value(&[]) < 1.);
}

#[test]
fn the_best_picture_is_kept_where_the_method_says_so_and_else_the_last() {
    let models = Models::load(Some("face-dcgan"));
    // Steps so large that the activation jumps about.
    let text = "name: wild\nparam: {latent: {space: shell}}\noptimizer: {adam: {lr: 3.0}}\nsteps: 12\n";
    let wild = Method::parse(text, "wild.yaml").unwrap();
    for keep in [Keep::Best, Keep::Last] {
        let rendered = &models.render(&Method { keep, ..wild.clone() }, None, &[("banana", 0)])[0];
        let best = rendered.trace.iter().map(|row| row.activation).fold(f64::NEG_INFINITY, f64::max);
        let (_, last) = first_and_last(rendered);
        assert!(best > last + 0.5, "the case does not tell best ({best}) and last ({last}) apart");
        let kept = models.activation(&rendered.picture, 954);
        let expected = if keep == Keep::Best { best } else { last };
        assert!((kept - expected).abs() < 1e-3, "{keep:?}: {kept} instead of {expected}");
        // The state is that of the picture, not that of another step.
        let generator = models.generator.as_ref().unwrap();
        let again = generator.pictures(&state(rendered, "code").unsqueeze(0)).squeeze_dim(0);
        assert!(support::largest_difference(&again, &rendered.picture) < 1e-5);
    }
}

#[test]
fn a_fixed_class_stays_fixed_and_a_relaxed_one_moves_on_the_simplex() {
    let models = Models::load(Some("eye-cdcgan"));
    let condition = |condition: Condition, steps: usize| {
        let rendered = &models.render(&short("latent", steps, 1), Some(condition), &[("banana", 0)])[0];
        let (condition, code) = (state(rendered, "condition").copy(), state(rendered, "code"));
        let inputs = Tensor::cat(&[code, &condition], 0).unsqueeze(0);
        let again = models.generator.as_ref().unwrap().pictures(&inputs).squeeze_dim(0);
        assert!(support::largest_difference(&again, &rendered.picture) < 1e-5);
        Vec::<f32>::try_from(condition).unwrap()
    };
    assert_eq!(condition(Condition::Class(5), 4), [0., 0., 0., 0., 0., 1., 0., 0.]);
    let (early, late) = (condition(Condition::Relaxed, 1), condition(Condition::Relaxed, 4));
    for weights in [&early, &late] {
        assert!(
            (weights.iter().sum::<f32>() - 1.).abs() < 1e-5 && weights.iter().all(|weight| *weight >= 0.),
            "{weights:?}"
        );
    }
    let moved: f32 = early.iter().zip(&late).map(|(a, b)| (a - b).abs()).sum();
    assert!(moved > 0.01, "{early:?} to {late:?}");
}

/// Nobody follows.
struct Silent;

impl Follow for Silent {
    fn batch(&self, _: &[Run], _: &[metapicture::store::RunId]) -> Box<dyn Watch> {
        Box::new(|_: usize, _: usize, _: f64| {})
    }

    fn found(&self, _: usize) {}
}

#[test]
fn a_run_that_blows_up_is_recorded_with_its_step_and_cause_and_the_others_are_kept() {
    let Models { classifier, shapes, generator } = Models::load(Some("face-dcgan"));
    let unit = Unit::parse("banana", &classifier, &shapes).unwrap();
    let experiment = Arc::new(swept::of(classifier, generator));
    let absurd = "name: absurd\nparam: {latent: {space: gaussian}}\noptimizer: {adam: {lr: 1.0e+38}}\nsteps: 30\n";
    let methods = [Method::parse(absurd, "absurd.yaml").unwrap(), short("dgn-am-gaussian", 2, 1)];
    let mut plan = Plan::default();
    for method in &methods {
        plan.add(0, &experiment, method, std::slice::from_ref(&unit), &Seeds::from(0..=0), vec![], 8).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let stop = AtomicBool::new(false);
    let sweep = Worker::whole(&plan, &store, &[], &stop);
    let ended = sweep.run(&mut |_| Ok(Arc::clone(&experiment)), &Silent).unwrap();
    assert_eq!(ended, Ended { computed: 2, found: 0, left: 0 });

    let records: Vec<Record> = plan.runs().iter().map(|run| store.record(&run.id()).unwrap()).collect();
    let [failed, done] = &records[..] else { panic!("two runs have two records") };
    assert_eq!((failed.status, done.status), (Status::Failed, Status::Done));
    let error = failed.error.as_deref().unwrap();
    println!("{error}");
    assert!(error.contains("at step ") && error.contains("step size") && error.contains("absurd"), "{error}");
    assert_eq!(failed.stop, "error");
    // It is not tried again unless that is asked for.
    assert_eq!(sweep.run(&mut |_| panic!("nothing is computed"), &Silent).unwrap().found, 2);
    let results = Results { plan: &plan, store: &store, axes: &[], witnesses: &[] };
    assert_eq!([false, true].map(|retry_failed| results.is_complete(&plan.runs()[0], retry_failed)), [true, false]);
    let other = Store::open(folder.path()).unwrap();
    let again = Worker { retry_failed: true, ..sweep };
    assert_eq!(
        again.run(&mut |_| Ok(Arc::clone(&experiment)), &Silent).unwrap(),
        Ended { computed: 1, found: 1, left: 0 }
    );
    // Nor again by another process that is asked for the same and has seen the first failure.
    let late = Worker { store: &other, ..again }.run(&mut |_| panic!("it was tried again"), &Silent).unwrap();
    assert_eq!(late, Ended { computed: 0, found: 2, left: 0 });
    // Its record is on the disk, without a picture, and does not count as done.
    let left = store.folder(&failed.run_id);
    assert!(left.join("record.json").exists() && left.join("trace.csv").exists() && !left.join("image.png").exists());
    assert!(store.done(&failed.run_id).is_none());
    assert!(store.picture(&done.run_id).exists() && store.done(&done.run_id).is_some());
}
