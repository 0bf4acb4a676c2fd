//! Lists of strategic merge patches: merging by key, and the order of what comes out.

use indexmap::{IndexMap, IndexSet};
use serde_json::Value;

use super::directive::{Object, PATCH, cleaned, taken_over, taken_over_items};
use super::error::StrategicProblem;
use super::strategic::{Fault, Place, merge_object};
use crate::schema::MergeStrategy;

/// Merges a list into the original, or replaces it, as the type says.
pub(super) fn merge_list(
    original: &mut Vec<Value>,
    patch: &[Value],
    strategy: Option<&MergeStrategy>,
    place: Place<'_>,
) -> Result<(), Fault> {
    let Some(strategy) = strategy.filter(|strategy| strategy.merge) else {
        *original = taken_over_items(patch);
        return Ok(());
    };
    if holds_objects(original, patch)? {
        let key = strategy.merge_key.as_deref().ok_or(StrategicProblem::NoMergeKey)?;
        return merge_objects(original, patch, key, place);
    }
    let server = original.clone();
    let mut merged: IndexMap<Value, ()> = IndexMap::new();
    merged.extend(original.drain(..).chain(patch.iter().cloned()).map(|item| (item, ())));
    *original = in_order(merged.into_keys().collect(), patch, &server, Clone::clone);
    Ok(())
}

fn merge_objects(
    original: &mut Vec<Value>,
    patch: &[Value],
    key: &str,
    place: Place<'_>,
) -> Result<(), Fault> {
    let (special, plain): (Vec<_>, Vec<_>) = patch.iter().partition(|item| item.get(PATCH).is_some());
    let mut replace = false;
    let mut deleted = IndexSet::new();
    for item in special {
        match item[PATCH].as_str() {
            Some("delete") => _ = deleted.insert(key_of(item, key)?),
            Some("replace") => replace = true,
            _ => return Err(StrategicProblem::Directive { directive: item[PATCH].to_string() }.into()),
        }
    }
    if replace {
        *original = plain.into_iter().filter_map(taken_over).collect();
        return Ok(());
    }
    original.retain(|item| item.get(key).is_none_or(|value| !deleted.contains(value)));
    let server = keys_of(original, key)?;
    let mut positions: IndexMap<Value, usize> = IndexMap::new();
    for (position, value) in server.iter().enumerate() {
        positions.entry(value.clone()).or_insert(position);
    }
    let mut wanted = Vec::with_capacity(plain.len());
    for item in plain {
        let value = key_of(item, key)?;
        wanted.push(value.clone());
        let position = *positions.entry(value).or_insert(original.len());
        match (original.get_mut(position), item) {
            (Some(Value::Object(fields)), Value::Object(patch)) => merge_object(fields, patch, place)?,
            _ => original.extend(taken_over(item)),
        }
    }
    *original = in_order(std::mem::take(original), &wanted, &server, |item| {
        item.get(key).cloned().unwrap_or_default()
    });
    Ok(())
}

/// Merges a list for which the patch gives the order.
pub(super) fn merge_ordered_list(
    object: &mut Object,
    name: &str,
    patch: Option<&Value>,
    order: &Value,
    place: Place<'_>,
) -> Result<(), Fault> {
    let order = order.as_array().ok_or(StrategicProblem::OrderFormat)?;
    let patch = patch.map(|patch| patch.as_array().ok_or(StrategicProblem::OrderFormat)).transpose()?;
    let (place, strategy) = place.field(name)?;
    let key = strategy.and_then(|strategy| strategy.merge_key.as_deref());
    let mut wanted = Vec::with_capacity(order.len());
    for item in order {
        wanted.push(identity(item, key)?);
    }
    check_order(patch.map_or(&[], Vec::as_slice), &wanted, key)?;
    let original = match object.get(name) {
        None => None,
        Some(Value::Array(items)) => Some(items),
        Some(_) => return Err(StrategicProblem::OrderFormat.into()),
    };
    let mut server = Vec::new();
    for item in original.into_iter().flatten() {
        server.push(identity(item, key)?);
    }
    let merged = match (original.cloned(), patch) {
        (None, None) => return Ok(()),
        (Some(original), None) => original,
        (None, Some(patch)) => patch.iter().filter_map(cleaned).collect(),
        (Some(mut original), Some(patch)) => {
            merge_list(&mut original, patch, strategy, place)?;
            original
        }
    };
    for item in &merged {
        identity(item, key)?;
    }
    let merged = in_order(merged, &wanted, &server, |item| identity(item, key).unwrap_or_default());
    object.insert(name.to_owned(), Value::Array(merged));
    Ok(())
}

/// Removes scalars from a list; a list that is not there stays so.
pub(super) fn delete_from_list(
    object: &mut Object,
    name: &str,
    values: &Value,
) -> Result<(), StrategicProblem> {
    let values = values.as_array().ok_or(StrategicProblem::PrimitiveListFormat)?;
    if values.iter().any(|value| value.is_object() || value.is_array()) {
        return Err(StrategicProblem::PrimitiveListFormat);
    }
    if let Some(Value::Array(items)) = object.get_mut(name) {
        let values: IndexSet<&Value> = values.iter().collect();
        items.retain(|item| !values.contains(item));
    }
    Ok(())
}

/// What an element is told by: itself, or its key.
fn identity(item: &Value, key: Option<&str>) -> Result<Value, StrategicProblem> {
    match key {
        Some(key) => key_of(item, key),
        None if item.is_object() => Err(StrategicProblem::NoMergeKey),
        None if item.is_array() => Err(StrategicProblem::ListOfLists),
        None => Ok(item.clone()),
    }
}

fn key_of(item: &Value, key: &str) -> Result<Value, StrategicProblem> {
    item.get(key).cloned().ok_or_else(|| StrategicProblem::MissingMergeKey { key: key.to_owned() })
}

fn keys_of(items: &[Value], key: &str) -> Result<Vec<Value>, StrategicProblem> {
    items.iter().map(|item| key_of(item, key)).collect()
}

/// The elements of the patch have to stand in the order that it asks for.
fn check_order(patch: &[Value], wanted: &[Value], key: Option<&str>) -> Result<(), StrategicProblem> {
    let mut rest = wanted.iter();
    if wanted.is_empty() {
        return Ok(());
    }
    for item in patch.iter().filter(|item| item.get(PATCH).is_none()) {
        let value = identity(item, key)?;
        if !rest.any(|wanted| *wanted == value) {
            return Err(StrategicProblem::OrderMismatch);
        }
    }
    Ok(())
}

/// Whether the elements are objects, which they have to be all or none.
fn holds_objects(original: &[Value], patch: &[Value]) -> Result<bool, StrategicProblem> {
    let mut items = original.iter().chain(patch);
    let Some(first) = items.next() else { return Ok(false) };
    if first.is_array() {
        return Err(StrategicProblem::ListOfLists);
    }
    if items.any(|item| std::mem::discriminant(item) != std::mem::discriminant(first)) {
        return Err(StrategicProblem::MixedList);
    }
    Ok(first.is_object())
}

/// The order of a merged list: elements that `wanted` names in its order, the others in the server's order; where the
/// two meet, an element goes first if the server had it first, and a new one goes before all that are left.
fn in_order(
    merged: Vec<Value>,
    wanted: &[Value],
    server: &[Value],
    identity: impl Fn(&Value) -> Value,
) -> Vec<Value> {
    let (wanted, server) = (ranks(wanted), ranks(server));
    let rank = |ranks: &IndexMap<&Value, usize>, item: &Value| ranks.get(&identity(item)).copied();
    let (mut named, mut others): (Vec<_>, Vec<_>) =
        merged.into_iter().partition(|item| rank(&wanted, item).is_some());
    named.sort_by_cached_key(|item| rank(&wanted, item));
    others.sort_by_cached_key(|item| rank(&server, item).unwrap_or(usize::MAX));
    let mut ordered = Vec::with_capacity(named.len() + others.len());
    let mut others = others.into_iter().peekable();
    for item in named {
        let limit = rank(&server, &item);
        while let Some(other) =
            others.next_if(|other| limit.zip(rank(&server, other)).is_some_and(|(limit, rank)| rank < limit))
        {
            ordered.push(other);
        }
        ordered.push(item);
    }
    ordered.extend(others);
    ordered
}

fn ranks(values: &[Value]) -> IndexMap<&Value, usize> {
    let mut ranks = IndexMap::with_capacity(values.len());
    for (rank, value) in values.iter().enumerate() {
        ranks.entry(value).or_insert(rank);
    }
    ranks
}
