//! What the subcommands print and end with.

use std::path::{Path, PathBuf};

use clap::Parser;
use serde_json::json;
use zoo::{Manifest, Zoo};

use super::command::{Models, run_on as run};
use super::pull::bring;
use super::told::{info, info_json, list_json, listing, table};
use crate::cli::error::{Result, request};
use metapicture::engine::inspect::Inspection;
use zoo::Cache;

#[derive(Parser)]
struct Program {
    #[command(subcommand)]
    command: Models,
}

fn zoo(root: &std::path::Path) -> Zoo {
    let manifests =
        classifiers::MANIFESTS.iter().chain(generators::MANIFESTS).chain(metapicture::engine::reference::MANIFESTS);
    Zoo::new(manifests.copied(), Cache::at(root)).unwrap()
}

fn nothing(_: &Manifest, _: Option<&Path>) -> Result<Inspection> {
    Ok(Inspection { layers: Vec::new(), samples: None })
}

#[test]
fn the_arguments_hang_together() {
    <Program as clap::CommandFactory>::command().debug_assert();
    assert!(Program::try_parse_from(["models", "pull"]).is_err());
    assert!(Program::try_parse_from(["models", "pull", "--all", "photos"]).is_err());
    assert!(Program::try_parse_from(["models", "pull", "--all", "--json"]).is_ok());
}

#[test]
fn the_list_names_every_entry_and_whether_it_is_pulled() {
    let folder = tempfile::tempdir().unwrap();
    let table = table(&zoo(folder.path()));
    let known =
        classifiers::MANIFESTS.len() + generators::MANIFESTS.len() + metapicture::engine::reference::MANIFESTS.len();
    assert_eq!(table.lines().count(), known + 1, "{table}");
    let lite0 = table.lines().find(|line| line.starts_with("efficientnet-lite0 ")).unwrap();
    let cells: Vec<&str> = lite0.split_whitespace().collect();
    let expected = ["efficientnet-lite0", "classifier", "efficientnet-lite", "Apache-2.0", "17.95", "MiB", "no"];
    assert_eq!(cells, expected);
    let last_column = |line: &str| line.chars().count() - line.chars().rev().take_while(|c| *c != ' ').count();
    let columns: Vec<usize> = table.lines().map(last_column).collect();
    assert!(columns.iter().all(|column| *column == columns[0]), "the last column is not aligned:\n{table}");
}

#[test]
fn the_json_list_holds_what_the_table_holds() {
    let folder = tempfile::tempdir().unwrap();
    let list = list_json(&zoo(folder.path()));
    let eye = list.as_array().unwrap().iter().find(|entry| entry["name"] == "eye-cdcgan").unwrap();
    assert_eq!(eye["kind"], "generator");
    assert_eq!(eye["architecture"], "dcgan");
    assert_eq!(eye["pulled"], false);
    assert_eq!(eye["size"], 51_691_195);
}

#[test]
fn the_layers_are_asked_for_only_when_the_weights_are_there() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("w.pth"), "weights").unwrap();
    let manifest = "name: mine\nkind: classifier\narchitecture: a\nlicence: none\nweights: {source: {path: w.pth}}\n";
    let path = folder.path().join("mine.yaml");
    std::fs::write(&path, manifest).unwrap();
    let zoo = zoo(folder.path());
    let open = |_: &Manifest, _: Option<&Path>| {
        let layers = vec![("blocks.0".to_owned(), vec![1, 8, 4, 4])];
        Ok(Inspection { layers, samples: Some(Err(request!("the disk is full"))) })
    };

    let lite0 = zoo.manifest("efficientnet-lite0", None).unwrap();
    let seen = listing(&zoo, &lite0, &open, None).unwrap();
    assert!(info(&zoo, &lite0, &seen).contains("models pull efficientnet-lite0"));

    let mine = zoo.manifest(path.to_str().unwrap(), None).unwrap();
    let seen = listing(&zoo, &mine, &open, None).unwrap();
    let page = info(&zoo, &mine, &seen);
    assert!(page.contains("blocks.0  1 x 8 x 4 x 4"), "{page}");
    assert!(page.contains("not drawn: the disk is full"), "{page}");
    assert_eq!(info_json(&zoo, &mine, &seen)["layers"][0]["shape"], json!([1, 8, 4, 4]));
}

#[test]
fn a_pull_that_fails_is_told_by_the_exit_code_and_does_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let name = |file: &str| folder.path().join(file).display().to_string();
    let text = |path: &str| {
        format!("name: mine\nkind: generator\narchitecture: a\nlicence: none\nweights: {{source: {{path: {path}}}}}\n")
    };
    std::fs::write(name("w.pth"), "weights").unwrap();
    std::fs::write(name("good.yaml"), text("w.pth")).unwrap();
    std::fs::write(name("bad.yaml"), text("absent.pth")).unwrap();
    let zoo = zoo(folder.path());
    let pull = |names: &[&str]| {
        let names = names.iter().map(|file| name(file)).collect();
        run(Models::Pull { names, all: false, json: false }, &zoo, &nothing, true).unwrap()
    };
    assert_eq!(pull(&["good.yaml"]), 0);
    assert_eq!(pull(&["bad.yaml", "good.yaml"]), 1);
}

#[test]
fn of_all_entries_what_a_browser_must_bring_is_no_failure_and_each_line_says_what_to_do() {
    let entry = |name: &str, source: &str| {
        format!(
            "name: {name}\nkind: generator\narchitecture: a\nlicence: none\n\
             weights: {{file: w.pth, unpublished: true, source: {source}}}\n"
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("w.pth");
    std::fs::write(&file, "weights").unwrap();
    // Nothing listens at port 1.
    let there = entry("there", "{url: 'http://127.0.0.1:1/there'}");
    let page = entry("page", "{page: 'https://example.org/page'}");
    let away = entry("away", "{url: 'http://127.0.0.1:1/away'}");
    let brought = |texts: &[&str], all: bool| {
        let zoo = Zoo::new(texts.iter().map(|text| ("a.yaml", *text)), Cache::at(folder.path())).unwrap();
        zoo.cache().add(&zoo.manifest("there", None).unwrap(), &file).unwrap();
        let manifests: Vec<Manifest> = zoo.manifests(None).cloned().collect();
        bring(&zoo, &manifests, all, true)
    };
    let (code, results) = brought(&[&there, &page], true);
    let of = |number: usize, field: &str| results[number][field].as_str().unwrap_or_default().to_owned();
    assert_eq!((code, of(0, "status"), of(1, "status")), (0, "by_hand".into(), "ok".into()));
    assert!(of(0, "error").contains("https://example.org/page"), "{}", of(0, "error"));
    assert!(of(0, "error").contains("`metapicture models add page --file PATH`"), "{}", of(0, "error"));
    assert_eq!(of(0, "error").lines().count(), 1);
    // Whoever names it wants it.
    assert_eq!(brought(&[&there, &page], false).0, 1);

    let (code, results) = brought(&[&there, &page, &away], true);
    assert_eq!((code, &results[0]["name"], &results[0]["status"]), (1, &json!("away"), &json!("unreached")));
    let error = results[0]["error"].as_str().unwrap();
    assert!(error.contains("`metapicture models add away --file PATH`") && error.lines().count() == 1, "{error}");
    assert_eq!(results[2]["status"], "ok", "what can be brought is brought all the same");
}

#[test]
fn an_unknown_name_is_a_wrong_request() {
    let folder = tempfile::tempdir().unwrap();
    let zoo = zoo(folder.path());
    let ask = |name: &str, samples: Option<&str>| {
        let command = Models::Info { name: name.into(), samples: samples.map(PathBuf::from), json: false };
        run(command, &zoo, &nothing, true).unwrap_err()
    };
    let error = ask("photo", None);
    assert!(error.is_request());
    assert_eq!(error.to_string(), "unknown zoo entry 'photo'; did you mean 'photos'?");
    for (name, complaint) in [("alexnet", "a generator is needed"), ("face-dcgan", "models pull face-dcgan")] {
        let error = ask(name, Some("samples.png"));
        assert!(error.is_request(), "{error}");
        assert!(error.to_string().contains(complaint), "{error}");
    }
}
