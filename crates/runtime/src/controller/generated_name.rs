//! Names that the controller makes up itself.

use pilothouse_machinery::Environment;

use crate::Object;

/// The server's alphabet: no vowels, and nothing that looks like something else.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// How much of `generateName` the server takes.
const LONGEST_BASE: usize = 58;

/// Gives an object with a `generateName` and no name the name that the server would (the base and five random
/// characters); whether it has.
///
/// Whoever chooses the name can ask afterwards what became of a creation that was not answered (W4).
pub(super) fn name_generated<K: Object>(object: &mut K, environment: &Environment) -> bool {
    let meta = object.meta_mut();
    if meta.name.as_deref().is_some_and(|name| !name.is_empty()) {
        return false;
    }
    let Some(base) = meta.generate_name.as_deref().filter(|base| !base.is_empty()) else { return false };
    let random = || char::from(ALPHABET[environment.random_index(ALPHABET.len())]);
    let name: String =
        base.chars().take(LONGEST_BASE).chain(std::iter::repeat_with(random).take(5)).collect();
    meta.name = Some(name);
    true
}
