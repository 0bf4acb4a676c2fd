//! Compiles the code in the documents that a stranger reads first.

/// The README: `cargo test --doc` compiles its controller.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[derive(Debug)]
pub struct Readme;
