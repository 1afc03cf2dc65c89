//! Every preset: what it does, whose it is, and every setting with its default, as `methods show` prints it.

use metapicture::engine::method::{Method, ParamSpec};
use metapicture::engine::optimizer::OptimizerSpec;

use super::{hold, prose, table};

const TOP: &str = "# Methods

A method says how a picture is made: what is optimized, by which rule, and what keeps it natural. The presets are named after the paper that they
come from and its year. `metapicture methods show NAME > mine.yaml` writes one down to be changed, and `--method ./mine.yaml` uses it
([Methods of your own](../guides/methods.md)). What the settings mean is in [Experiment files](schema.md).

";

/// Pages, each with its title and what is said of it.
const PAGES: [(&str, &str, &str); 4] = [
    (
        "methods-pixels.md",
        "Methods of pixels",
        "The picture's own pixels are moved. What keeps them natural, if anything does, are penalties, filters and transforms.",
    ),
    (
        "methods-spectra.md",
        "Methods of spectra and the like",
        "Not pixels are moved but numbers that make them: a spectrum, phases, a sum over resolutions, a small network of coordinates.",
    ),
    (
        "methods-codes.md",
        "Methods of codes",
        "The code of a generator is moved along the gradient, which goes through the classifier and the generator: the natural image prior.",
    ),
    (
        "methods-no-gradients.md",
        "Methods without gradients",
        "The code of a generator is searched by forward passes alone, for classifiers that give no gradient.",
    ),
];

/// The place of a method's page in [`PAGES`].
fn page(method: &Method) -> usize {
    let without_gradients = matches!(
        method.optimizer,
        OptimizerSpec::CmaEs(_) | OptimizerSpec::SphericalCma(_) | OptimizerSpec::Genetic(_)
    );
    match &method.param {
        ParamSpec::Pixel(_) => 0,
        ParamSpec::Latent(_) | ParamSpec::Blend(_) | ParamSpec::Embedding(_) if without_gradients => 3,
        ParamSpec::Latent(_) | ParamSpec::Blend(_) | ParamSpec::Embedding(_) => 2,
        _ => 1,
    }
}

/// A section: what it does, whose it is, its settings.
fn section(method: &Method) -> String {
    let yaml = method.to_yaml().unwrap();
    // Summary and source stand above it.
    let (head, settings) = yaml.split_at(yaml.find("param:").unwrap());
    assert!(head.starts_with(&format!("name: {}", method.name)), "{head}");
    let source =
        if method.source.is_empty() { String::new() } else { format!("*Source.* {}\n\n", prose(&method.source)) };
    format!(
        "## {0}\n\n{1}.\n\n{source}Searches {2}.\n\n```yaml\nname: {0}\n{settings}```\n",
        method.name,
        prose(method.summary.trim_end_matches('.')),
        method.param
    )
}

#[test]
fn the_page_of_the_methods_is_current() {
    let presets = Method::presets();
    let row = |method: &Method| {
        let name = format!("[`{0}`]({1}#{0})", method.name, PAGES[page(method)].0);
        vec![name, method.param.to_string(), method.steps.to_string(), prose(&method.summary)]
    };
    let rows: Vec<Vec<String>> = presets.iter().map(row).collect();
    hold(
        "methods.md",
        &format!("{TOP}{}", table(&["method", "searches", "steps in each octave", "what it does"], &rows)),
    );
    for (place, (file, title, said)) in PAGES.iter().enumerate() {
        let sections: Vec<String> = presets.iter().filter(|method| page(method) == place).map(section).collect();
        assert!(sections.len() > 2, "{title}");
        hold(file, &format!("# {title}\n\n{said} All methods: [Methods](methods.md).\n\n{}", sections.join("\n")));
    }
}
