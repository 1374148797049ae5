//! The `mainspring` command as its users see it, a file for each subject.

#[path = "../place/mod.rs"]
mod place;

mod endings;
mod files;
mod names;
mod options;
mod proposals;
mod scripts;
mod threads;
