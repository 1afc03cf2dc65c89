//! `schema` prints the schema.

use metapicture::experiment_file::schema;
use serde_json::Value;

#[test]
fn the_program_prints_the_schema() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_metapicture")).arg("schema").output().unwrap();
    assert!(output.status.success());
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), schema());
}
