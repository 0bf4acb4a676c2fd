//! Writes `docs/conformance.md` anew from the names of the tests.

use pilothouse_tests::{conformance, sources};

fn main() -> std::io::Result<()> {
    let path = sources::workspace_root().join("docs/conformance.md");
    std::fs::write(&path, conformance::page()?)?;
    println!("wrote docs/conformance.md");
    Ok(())
}
