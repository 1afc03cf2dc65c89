//! Every preset: what it does, whose it is, and every setting with its default, as `methods show` prints it.

use std::fmt::Write as _;

use metapicture::engine::method::Method;

use super::{hold, prose, table};

const TOP: &str = "# Methods

A method says how a picture is made: what is optimized, by which rule, and what keeps it natural. The presets are named after the paper that they
come from and its year. `metapicture methods show NAME > mine.yaml` writes one down to be changed, and `--method ./mine.yaml` uses it
([Methods of your own](../guides/methods.md)). What the settings mean is in [Experiment files](schema.md).

";

#[test]
fn the_page_of_the_methods_is_current() {
    let presets = Method::presets();
    let row = |method: &Method| {
        let name = format!("[`{0}`](#{0})", method.name);
        vec![name, format!("{}", method.param), method.steps.to_string(), prose(&method.summary)]
    };
    let mut text = TOP.to_owned();
    let rows: Vec<Vec<String>> = presets.iter().map(row).collect();
    text.push_str(&table(&["method", "searches", "steps in each octave", "what it does"], &rows));
    for method in &presets {
        let yaml = method.to_yaml().unwrap();
        // Summary and source stand above it.
        let (head, settings) = yaml.split_at(yaml.find("param:").unwrap());
        assert!(head.starts_with(&format!("name: {}", method.name)), "{head}");
        let source =
            if method.source.is_empty() { String::new() } else { format!("*Source.* {}\n\n", prose(&method.source)) };
        let _ = write!(
            text,
            "\n## {0}\n\n{1}.\n\n{source}Searches {2}.\n\n```yaml\nname: {0}\n{settings}```\n",
            method.name,
            prose(method.summary.trim_end_matches('.')),
            method.param
        );
    }
    hold("methods.md", &text);
}
