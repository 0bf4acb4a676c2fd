//! Walks over an object by its view: which fields it has, how two objects differ, and what is left without a set.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::field_set::{FieldSet, PathElement};
use super::view::{Parts, View};

/// How one object differs from another.
#[derive(Clone, Debug, Default)]
pub(super) struct Difference {
    pub(super) added: FieldSet,
    pub(super) modified: FieldSet,
    pub(super) removed: FieldSet,
}

/// The fields that a value sets.
pub(super) fn fields_of(value: &Value, view: View<'_>) -> FieldSet {
    let mut set = FieldSet::default();
    match view.parts(value) {
        Parts::Fields(fields) => {
            for (name, value) in fields {
                let mut child = fields_of(value, view.child(name).unwrap_or(View::Deduced));
                child.member |= value.is_null() || is_empty_object(value) || !view.declares(name);
                if !child.is_empty() {
                    set.children.insert(PathElement::Field(name.clone()), child);
                }
            }
        }
        Parts::Items(items) => {
            for item in items {
                let mut child = fields_of(item, view.item());
                child.member = true;
                set.children.insert(view.lenient_step(item), child);
            }
        }
        Parts::Whole => set.member = true,
    }
    set
}

/// The set with all declared fields that lead to its members.
pub(super) fn with_declared(set: &FieldSet, view: View<'_>) -> FieldSet {
    let child = |(step, child): (&PathElement, &FieldSet)| {
        let mut inner = with_declared(child, view.follow(step));
        if let PathElement::Field(name) = step {
            inner.member |= !child.children.is_empty() && view.declares(name);
        }
        (step.clone(), inner)
    };
    FieldSet { member: set.member, children: set.children.iter().map(child).collect() }
}

/// The value without the members of the set.
pub(super) fn without(value: &Value, set: &FieldSet, view: View<'_>) -> Value {
    match view.parts(value) {
        Parts::Fields(fields) => {
            let mut left = Map::new();
            for (name, value) in fields {
                let step = PathElement::Field(name.clone());
                match set.children.get(&step) {
                    Some(child) if child.member => {}
                    Some(child) => {
                        left.insert(name.clone(), without(value, child, view.follow(&step)));
                    }
                    None => {
                        left.insert(name.clone(), value.clone());
                    }
                }
            }
            Value::Object(left)
        }
        Parts::Items(items) => {
            let keep = |item: &Value| match set.children.get(&view.lenient_step(item)) {
                Some(child) if child.member => None,
                Some(child) => Some(without(item, child, view.item())),
                None => Some(item.clone()),
            };
            Value::Array(items.iter().filter_map(keep).collect())
        }
        Parts::Whole => value.clone(),
    }
}

/// How `new` differs from `old`; a value that is null is there, one that is `None` is not.
pub(super) fn difference(old: Option<&Value>, new: Option<&Value>, view: View<'_>) -> Difference {
    let mut found = Difference::default();
    let divided = match (old.map(|old| view.parts(old)), new.map(|new| view.parts(new))) {
        (Some(Parts::Fields(old)), Some(Parts::Fields(new))) => {
            fields_differ(old, new, view, &mut found);
            !(old.is_empty() && new.is_empty())
        }
        (Some(Parts::Fields(old)), _) if is_nothing(new) => {
            fields_differ(old, &Map::new(), view, &mut found);
            !old.is_empty()
        }
        (_, Some(Parts::Fields(new))) if is_nothing(old) => {
            fields_differ(&Map::new(), new, view, &mut found);
            !new.is_empty()
        }
        (Some(Parts::Items(old)), Some(Parts::Items(new))) => {
            items_differ(old, new, view, &mut found);
            !(old.is_empty() && new.is_empty())
        }
        (Some(Parts::Items(old)), _) if is_nothing(new) => {
            items_differ(old, &[], view, &mut found);
            !old.is_empty()
        }
        (_, Some(Parts::Items(new))) if is_nothing(old) => {
            items_differ(&[], new, view, &mut found);
            !new.is_empty()
        }
        _ => false,
    };
    match (old, new) {
        (None, Some(_)) => found.added.member = true,
        (Some(_), None) => found.removed.member = true,
        (old, new) if !divided && old != new => found.modified.member = true,
        _ => {}
    }
    found
}

fn fields_differ(old: &Map<String, Value>, new: &Map<String, Value>, view: View<'_>, found: &mut Difference) {
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    for name in names {
        let child = view.child(name).unwrap_or(View::Deduced);
        found.put(&PathElement::Field(name.clone()), difference(old.get(name), new.get(name), child));
    }
}

fn items_differ(old: &[Value], new: &[Value], view: View<'_>, found: &mut Difference) {
    // Elements that share a key are compared as one value.
    let mut steps: BTreeMap<PathElement, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
    for item in old {
        steps.entry(view.lenient_step(item)).or_default().0.push(item);
    }
    for item in new {
        steps.entry(view.lenient_step(item)).or_default().1.push(item);
    }
    for (step, (old, new)) in steps {
        if old.len() > 1 || new.len() > 1 {
            let mut child = Difference::default();
            child.modified.member = old != new;
            found.put(&step, child);
        } else {
            found.put(&step, difference(old.first().copied(), new.first().copied(), view.item()));
        }
    }
}

impl Difference {
    fn put(&mut self, step: &PathElement, child: Self) {
        for (set, child) in [
            (&mut self.added, child.added),
            (&mut self.modified, child.modified),
            (&mut self.removed, child.removed),
        ] {
            if !child.is_empty() {
                set.children.insert(step.clone(), child);
            }
        }
    }

    /// The fields that `new` set.
    pub(super) fn taken(&self) -> FieldSet {
        self.modified.clone().union(&self.added)
    }
}

fn is_nothing(value: Option<&Value>) -> bool {
    value.is_none_or(Value::is_null)
}

fn is_empty_object(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty)
}
