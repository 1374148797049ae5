//! `cargo xtask tidy` as a test, so that a tree which breaks a rule does not pass.

#[test]
fn the_tree_is_tidy() {
    let findings = xtask::tidy::check(&xtask::root()).expect("the tree can be read");
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(
        lines.is_empty(),
        "{} untidy places:\n{}",
        lines.len(),
        lines.join("\n")
    );
}
