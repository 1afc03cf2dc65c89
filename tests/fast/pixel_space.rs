//! Pixel space as a user meets it: presets, octaves, tiles, filters between steps, facets, and the path from the prior to
//! free pixels.

use generators::Generator;
use metapicture::method::{Input, Method, ParamSpec};
use metapicture::param::{Blend, BlendSpec, Latent, LatentSpec, Param, Resampling, ResidualNorm, Space};
use metapicture::random::Seed;
use support::largest_difference;
use support::models::Models;
use tch::{Kind, Tensor};

/// A method in YAML, of which the name and the steps are given apart.
fn method(steps: usize, text: &str) -> Method {
    Method::parse(&format!("name: test\nsteps: {steps}\n{text}"), "test.yaml").unwrap()
}

fn refused(text: &str) -> String {
    format!("{:#}", Method::parse(&format!("name: test\nsteps: 1\n{text}"), "test.yaml").unwrap_err())
}

#[test]
fn every_preset_runs_on_pictures_of_its_sizes() {
    let models = Models::narrow(Some("face-dcgan"));
    let face = models.generator.as_ref().unwrap();
    for preset in Method::presets() {
        if let Err(refusal) = preset.fit(face) {
            // Those for spatial codes, for codes behind a ReLU, for conditional generators and for such as have an encoder.
            let names = ["latent-spatial", "cma-es-spatial", "dgn-am", "ppgn", "biggan-am"];
            assert!(names.contains(&preset.name.as_str()), "{}: {refusal}", preset.name);
            continue;
        }
        // Those that are held against photographs have a test of their own.
        if preset.photographs().is_some() || preset.regularizers.iter().any(|of| of.compares_start()) {
            assert!(["accentuation-2024", "vital-2025"].contains(&preset.name.as_str()), "{}", preset.name);
            continue;
        }
        let mut short = Method { steps: 1, ..preset.clone() };
        if let ParamSpec::Latent(spec) | ParamSpec::Blend(BlendSpec { prior: spec, .. }) = &mut short.param {
            (spec.screen, spec.starts) = (1, 1);
        }
        let runs: Vec<(&str, u64)> = (0..short.facets as u64).map(|seed| ("banana", seed)).collect();
        let run = &models.render_at(&short, None, &runs)[0];
        let side = if matches!(preset.param, ParamSpec::Latent(_)) {
            64
        } else {
            *short.sides(models.classifier.size, None).last().unwrap()
        };
        assert_eq!(run.picture.size(), [3, side, side], "{}", preset.name);
        // A search along gradients looks once more at where its last step led.
        let looks = usize::from(short.optimizer.evolution().is_none());
        assert_eq!(run.trace.len(), short.octaves.count + looks, "{}", preset.name);
    }
}

#[test]
fn the_papers_recipe_goes_through_its_three_sizes() {
    let recipe = Method::find("offert-bell-2020").unwrap();
    assert_eq!(recipe.sides(299, None), [299, 448, 672]);
    assert_eq!((recipe.steps, recipe.all_steps()), (2000, 6000));
    // Another last size keeps the factor.
    assert_eq!(recipe.sides(299, Some(900)), [400, 600, 900]);
}

#[test]
fn an_octave_starts_from_the_picture_of_the_one_before_it() {
    let models = Models::load(None);
    for resampling in ["linear", "cubic", "nearest"] {
        let text = format!(
            "param: {{pixel: {{noise: 0.1, bounds: none}}}}\noptimizer: {{sgd: {{lr: 0.0}}}}\n\
             octaves: {{count: 3, factor: 1.5, resampling: {resampling}}}\n"
        );
        let method = method(1, &text);
        let start =
            &models.render_at(&Method { octaves: Default::default(), ..method.clone() }, Some(64), &[("wig", 0)])[0];
        let grown = &models.render_at(&method, Some(144), &[("wig", 0)])[0];
        let by = method.octaves.resampling;
        assert_eq!(by == Resampling::Linear, resampling == "linear");
        let expected = by.apply(&by.apply(&start.picture.unsqueeze(0), [96, 96]), [144, 144]).squeeze_dim(0);
        assert!(largest_difference(&grown.picture, &expected) < 1e-6, "{resampling}");
    }
}

#[test]
fn a_picture_larger_than_the_input_climbs_whole_and_in_tiles() {
    let models = Models::load(None);
    for input in [Input::Full, Input::Tiles, Input::Fit] {
        let method = Method { input, steps: 6, ..Method::find("naive").unwrap() };
        let run = &models.render_at(&method, Some(400), &[("_blocks.10:37", 0)])[0];
        let (first, last) = (run.trace[0].activation, run.trace[6].activation);
        println!("{input:?}: {first} to {last}, {:?}", run.passes);
        assert_eq!(run.picture.size(), [3, 400, 400]);
        assert!(last > first, "{input:?}: {first} to {last}");
        // 400 pixels take 2 x 2 tiles of 224.
        let passes = if input == Input::Tiles { 4 } else { 1 };
        assert_eq!((run.passes.forward, run.passes.backward), (7 * passes, 6 * passes));
    }
}

#[test]
fn filters_are_applied_after_every_kth_step_of_an_octave() {
    let models = Models::load(None);
    let with = |steps: usize, every: usize| {
        let text = format!(
            "param: {{pixel: {{noise: 0.2, bounds: none}}}}\noptimizer: {{sgd: {{lr: 0.0}}}}\n\
             filters: [shrink_picture: {{factor: 0.5, every: {every}}}]\n"
        );
        let run = &models.render_at(&method(steps, &text), Some(32), &[("wig", 0)])[0];
        (&run.picture - 0.5).std(false).double_value(&[])
    };
    let untouched = with(1, 2);
    for (steps, every, halvings) in [(1, 1, 1), (3, 1, 3), (2, 2, 1), (5, 2, 2), (5, 7, 0)] {
        let ratio = with(steps, every) / untouched;
        assert!((ratio - 0.5f64.powi(halvings)).abs() < 1e-5, "{steps} steps, every {every}: {ratio}");
    }
}

#[test]
fn bounds_and_clipping_leave_pictures_as_they_promise() {
    let models = Models::load(None);
    let picture = |rest: &str| {
        let text = format!("{rest}\noptimizer: {{adam: {{lr: 0.3}}}}\n");
        models.render_at(&method(3, &text), Some(96), &[("banana", 0)])[0].picture.to_kind(Kind::Double)
    };
    let range = |picture: &Tensor| (picture.min().double_value(&[]), picture.max().double_value(&[]));
    let clamped = picture("param: {pixel: {noise: 0.3}}");
    assert_eq!(range(&clamped), (0., 1.));
    let (low, high) = range(&picture("param: {pixel: {noise: 0.3, bounds: none}}"));
    assert!(low < 0. && high > 1.);
    let sphere = picture("param: {pixel: {noise: 0.3, bounds: {sphere: {rms: 0.2}}}}") - 0.5;
    assert!((sphere.square().mean(Kind::Double).sqrt().double_value(&[]) - 0.2).abs() < 1e-6);
    // Redrawn values lie inside, and not at the ends as clamped ones do.
    let redrawn = picture("param: {pixel: {noise: 0.3, bounds: none}}\nfilters: [stochastic_clip: {}]");
    let at_ends = |picture: &Tensor| (picture.le(0.) + picture.ge(1.)).sum(Kind::Double).double_value(&[]);
    let (low, high) = range(&redrawn);
    assert!(low >= 0. && high <= 1. && at_ends(&redrawn) < 10. && at_ends(&clamped) > 1000.);
    // Nine of ten pixels contribute too little and are grey.
    let sparse = picture("param: {pixel: {noise: 0.3}}\nfilters: [small_contribution: {percentile: 90}]");
    let grey = (sparse - 0.5).abs().amax([0i64], false).lt(1e-6).mean(Kind::Double).double_value(&[]);
    assert!((grey - 0.9).abs() < 0.01, "{grey}");
}

#[test]
fn facets_differ_and_diversity_makes_them_differ_more() {
    let models = Models::narrow(None);
    let with = |weight: f64| {
        let text = format!(
            "param: {{fourier: {{}}}}\noptimizer: {{adam: {{lr: 0.05}}}}\nfacets: 2\n\
             regularizers: [diversity: {{weight: {weight}}}]\n"
        );
        let runs = models.render_at(&method(12, &text), None, &[("banana", 0), ("banana", 1), ("wig", 0), ("wig", 1)]);
        // The penalty over its weight: how alike the facets' styles are.
        runs.iter().map(|run| run.trace.last().unwrap().penalties[0] / weight).collect::<Vec<f64>>()
    };
    let (weak, strong) = (with(1e-6), with(50.));
    println!("{weak:?} {strong:?}");
    for pair in [&weak, &strong] {
        assert!((pair[0] - pair[1]).abs() < 1e-4 && (pair[2] - pair[3]).abs() < 1e-4, "mates are equally alike");
    }
    assert!(strong[0] < weak[0] - 0.02 && strong[2] < weak[2] - 0.02);
}

/// Codes of face-dcgan on the shell.
fn codes<'g>(generator: &'g Generator, schedule: &'g frozen::network::Schedule) -> Latent<'g> {
    Latent::new(generator, schedule, &LatentSpec::in_space(Space::Shell), None, &[(Seed(0), 0), (Seed(1), 0)])
}

fn spec_of_prior() -> LatentSpec {
    LatentSpec::in_space(Space::Shell)
}

#[test]
fn a_blend_is_the_priors_picture_with_no_residual_and_leaves_it_by_the_bound_at_most() {
    let models = Models::load(Some("face-dcgan"));
    let generator = models.generator.as_ref().unwrap();
    let schedule = generator.schedule();
    let prior = codes(generator, &schedule).pictures();
    let prior = frozen::resize::Resize::new([64, 64], [224, 224], Kind::Float, tch::Device::Cpu).apply(&prior);
    for norm in [ResidualNorm::Linf, ResidualNorm::L2] {
        for eps in [0., 0.02, 0.3] {
            let spec = BlendSpec { prior: spec_of_prior(), eps, norm };
            let mut blend = Blend::new(codes(generator, &schedule), &spec, [224, 224]);
            assert!(largest_difference(&blend.pictures(), &prior) < 1e-6);
            assert_eq!(blend.tensors().len(), if eps == 0. { 1 } else { 2 });
            if eps > 0. {
                // A residual that is far too large.
                let _ = blend.tensors()[1].normal_(0., 5.);
                blend.project();
                let moved = (blend.pictures() - &prior).abs();
                let size = match norm {
                    ResidualNorm::Linf => moved.max().double_value(&[]),
                    ResidualNorm::L2 => moved.get(0).square().mean(Kind::Double).sqrt().double_value(&[]),
                };
                // The range takes a part of it away.
                assert!(size <= eps + 1e-6 && size > eps * 0.5, "{norm:?} {eps}: {size}");
            }
        }
    }
}

#[test]
fn the_larger_the_bound_the_higher_a_blend_climbs() {
    let models = Models::load(Some("face-dcgan"));
    let reached = |eps: f64| {
        let text = format!(
            "param: {{blend: {{prior: {{space: shell}}, eps: {eps}}}}}\noptimizer: {{adam: {{lr: 0.1}}}}\nkeep: best\n"
        );
        let run = &models.render_at(&method(20, &text), None, &[("banana", 0)])[0];
        run.trace.iter().map(|row| row.activation).fold(f64::NEG_INFINITY, f64::max)
    };
    let reached = [0., 0.005, 0.03].map(reached);
    println!("{reached:?}");
    assert!(reached[1] > reached[0] + 5. && reached[2] > reached[1] + 5., "{reached:?}");
}

#[test]
fn parts_that_do_not_fit_together_are_refused_by_name() {
    let pixel = "param: {pixel: {noise: 0.1}}\noptimizer: {adam: {lr: 0.1}}\n";
    let fourier = "param: {fourier: {}}\noptimizer: {adam: {lr: 0.1}}\n";
    for (text, parts) in [
        (
            format!("{fourier}filters: [gaussian_blur: {{sigma: 1}}]"),
            &["filters.gaussian_blur", "pixels", "fourier"][..],
        ),
        (format!("{pixel}filters: [clip_code: {{limit: 1}}]"), &["filters.clip_code", "codes"]),
        (format!("{pixel}filters: [gaussian_blur: {{sigma: -1}}]"), &["gaussian_blur.sigma", "-1"]),
        (format!("{pixel}filters: [gaussian_blr: {{sigma: 1}}]"), &["gaussian_blr", "gaussian_blur"]),
        (format!("{pixel}filters: [tv_denoise: {{weight: 1, every: 0}}]"), &["tv_denoise.every"]),
        (format!("{pixel}regularizers: [code_decay: {{weight: 1}}]"), &["code_decay", "codes"]),
        (format!("{pixel}regularizers: [diversity: {{weight: 1}}]"), &["diversity", "facets"]),
        (format!("{pixel}transforms: [scale: {{from: 2, to: 1}}]"), &["scale", "from 2"]),
        (format!("{pixel}transforms: [crop: {{from: 0.5, to: 2}}]"), &["crop.to", "2"]),
        (format!("{pixel}octaves: {{count: 0, factor: 2}}"), &["octaves"]),
        (format!("{pixel}views: 0"), &["views"]),
        ("param: {pixel: {noise: 0.1}}\noptimizer: {sgd: {lr: 0.1, momentum: 1.5}}".to_owned(), &["momentum"]),
        ("param: {laplacian: {levels: 9}}\noptimizer: {adam: {lr: 0.1}}".to_owned(), &["levels", "9"]),
        ("param: {maco: {}}\noptimizer: {adam: {lr: 0.1}}\noctaves: {count: 2, factor: 2}".to_owned(), &["maco"]),
    ] {
        let error = refused(&text);
        println!("{error}");
        assert!(error.starts_with("test.yaml") && parts.iter().all(|part| error.contains(part)), "{error}");
    }
}
