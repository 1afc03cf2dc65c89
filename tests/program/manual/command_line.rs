//! Every subcommand with its flags, from what the parser knows of them.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};

use super::{hold, prose};

const TOP: &str = "# Command line

What `metapicture --help` and `metapicture COMMAND --help` say. A word in `<...>` stands for a value, `...` after it for one or more,
`[...]` for what may be left out.

Exit codes: 0 done; 1 something failed, and the rest is done and kept; 2 a wrong request, a wrong file or an unknown name; 130 ended by
Ctrl-C and 75 by SIGTERM, with what is finished kept.

";

/// What an argument is called: `--unit <UNIT>...`, `-v, --verbose`, `[DIR]...`.
fn called(arg: &Arg) -> String {
    let values: Vec<String> = arg.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect();
    let takes = !matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::SetFalse | ArgAction::Count);
    let many =
        arg.get_num_args().is_some_and(|range| range.max_values() > 1) || matches!(arg.get_action(), ArgAction::Append);
    let dots = if many && takes { "..." } else { "" };
    if arg.is_positional() {
        let name = values.first().cloned().unwrap_or_else(|| arg.get_id().to_string().to_uppercase());
        return if arg.is_required_set() { format!("<{name}>{dots}") } else { format!("[{name}]{dots}") };
    }
    let mut text = String::new();
    if let Some(short) = arg.get_short() {
        let _ = write!(text, "-{short}, ");
    }
    let _ = write!(text, "--{}", arg.get_long().unwrap_or_default());
    if takes {
        let name = if values.is_empty() { arg.get_id().to_string().to_uppercase() } else { values.join("> <") };
        let _ = write!(text, " <{name}>{dots}");
    }
    text
}

fn item(arg: &Arg) -> String {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default().replace('\n', " ");
    let ends = if help.ends_with(['.', ']', '?']) { "" } else { "." };
    let mut text = format!("- `{}`: {}{ends}", called(arg), prose(&help));
    let takes = !matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::SetFalse | ArgAction::Count);
    let defaults: Vec<String> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if takes && !defaults.is_empty() {
        let _ = write!(text, " Unless told: `{}`.", defaults.join(" "));
    }
    let values: Vec<String> = arg.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
    if takes && !values.is_empty() {
        let _ = write!(text, " One of {}.", values.join(", "));
    }
    text
}

fn section(command: &Command, name: &str, globals: &[String], text: &mut String) {
    let level = "#".repeat(name.split(' ').count().min(4));
    let _ = writeln!(text, "{level} {name}\n");
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let _ = writeln!(text, "{}.\n", prose(about.trim_end_matches('.')));
    let shown = |arg: &&Arg| !arg.is_hide_set() && arg.get_id() != "help" && arg.get_id() != "version";
    let own: Vec<&Arg> =
        command.get_arguments().filter(shown).filter(|arg| !globals.contains(&arg.get_id().to_string())).collect();
    if command.has_subcommands() {
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
            let anchor = format!("{name} {}", sub.get_name()).replace(' ', "-");
            let _ = writeln!(text, "- [`{}`](#{anchor}): {}.", sub.get_name(), prose(about.trim_end_matches('.')));
        }
        text.push('\n');
    }
    if !command.has_subcommands() || !own.is_empty() {
        let usage = command.clone().render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ");
        let _ = writeln!(text, "```text\n{}\n```\n", usage);
    }
    for arg in own.iter().filter(|arg| arg.is_positional()).chain(own.iter().filter(|arg| !arg.is_positional())) {
        let _ = writeln!(text, "{}", item(arg));
    }
    if !own.is_empty() {
        text.push('\n');
    }
    let after = command.get_after_long_help().or_else(|| command.get_after_help());
    if let Some(after) = after.map(ToString::to_string).filter(|after| !after.trim().is_empty()) {
        let _ = writeln!(text, "```text\n{}\n```\n", after.trim_end());
    }
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        section(sub, &format!("{name} {}", sub.get_name()), globals, text);
    }
}

/// Pages, each with its title and commands.
const PAGES: [(&str, &str, &[&str]); 4] = [
    ("commands-networks.md", "Commands: networks and methods", &["models", "methods", "generate", "bench", "doctor"]),
    (
        "commands-pictures.md",
        "Commands: making pictures",
        &["visualize", "sweep", "sheet", "rerun", "store", "schema", "completions", "man"],
    ),
    ("commands-collections.md", "Commands: collections of pictures", &["classify", "rank", "embed", "map", "atlas"]),
    ("commands-measures.md", "Commands: measures and claims", &["compare", "report", "study", "annotate", "critique"]),
];

#[test]
fn the_page_of_the_command_line_is_current() {
    let mut command = metapicture::cli::command();
    command.build();
    let globals: Vec<&Arg> = command.get_arguments().filter(|arg| arg.is_global_set()).collect();
    let mut text = TOP.to_owned();
    let commands: Vec<&Command> = command.get_subcommands().filter(|sub| sub.get_name() != "help").collect();
    for sub in &commands {
        let name = sub.get_name();
        let page = PAGES.iter().find(|(.., names)| names.contains(&name)).map(|(file, ..)| file);
        let page = page.unwrap_or_else(|| panic!("PAGES does not say which page has '{name}'"));
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(text, "- [`{name}`]({page}#metapicture-{name}): {}.", prose(about.trim_end_matches('.')));
    }
    text.push_str("\nEvery command takes these, too:\n\n");
    for arg in &globals {
        let _ = writeln!(text, "{}", item(arg));
    }
    hold("command-line.md", &text);
    let names: Vec<String> = globals.iter().map(|arg| arg.get_id().to_string()).collect();
    for (file, title, of_page) in PAGES {
        let mut text = format!("# {title}\n\nHow they are written: [Command line](command-line.md).\n\n");
        for sub in commands.iter().filter(|sub| of_page.contains(&sub.get_name())) {
            section(sub, &format!("metapicture {}", sub.get_name()), &names, &mut text);
        }
        hold(file, &format!("{}\n", text.trim_end()));
    }
}
