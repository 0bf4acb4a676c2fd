//! What a read names, and whether a selection leaves it out.

use pilothouse_machinery::selector::{LabelSelector, Operator, Requirement};

use super::Selection;

/// What a read names. What it leaves open is as in the cache that is read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted<'a> {
    pub(super) namespace: Option<&'a str>,
    pub(super) name: Option<&'a str>,
    pub(super) labels: Option<&'a LabelSelector>,
}

impl Wanted<'_> {
    /// What of it no object of the selection fulfils, in words.
    pub(super) fn left_out_by(&self, selection: &Selection) -> Option<String> {
        let differs = |wanted: &&str, only: Option<&str>| only.is_some_and(|only| only != *wanted);
        let namespace = self.namespace.filter(|namespace| {
            differs(namespace, selection.namespace.as_deref())
                || differs(namespace, selection.fields.required("metadata.namespace"))
        });
        let name = self.name.filter(|name| differs(name, selection.fields.required("metadata.name")));
        let labels = self.labels.filter(|labels| are_apart(labels, &selection.labels));
        namespace
            .map(|namespace| format!("in namespace {namespace}"))
            .or_else(|| name.map(|name| format!("named {name}")))
            .or_else(|| labels.map(|labels| format!("with labels {labels}")))
    }
}

/// Whether one label is enough to see that no object fulfils both.
fn are_apart(wanted: &LabelSelector, selected: &LabelSelector) -> bool {
    let is_apart = |wanted: &Requirement, selected: &Requirement| match wanted.operator() {
        Operator::Equals | Operator::DoubleEquals | Operator::In => {
            wanted.values().iter().all(|value| !selected.matches(Some(value)))
        }
        Operator::DoesNotExist => !selected.matches(None),
        _ => false,
    };
    wanted.requirements().iter().any(|wanted| {
        let same = selected.requirements().iter().filter(|selected| selected.key() == wanted.key());
        same.into_iter().any(|selected| is_apart(wanted, selected))
    })
}

#[cfg(test)]
mod tests {
    use pilothouse_machinery::FieldSelector;

    use super::*;

    #[test]
    fn k3_labels_are_apart_where_no_object_can_have_both() {
        let parse = |text| LabelSelector::parse(text).unwrap();
        let cases = [
            ("app=web", "app=db", true),
            ("app=web", "app in (db,web)", false),
            ("app in (a,b)", "app in (b,c)", false),
            ("app in (a,b)", "app in (c,d)", true),
            ("app!=db", "app=db", true),
            ("app", "!app", true),
            ("!app", "app=db", true),
            ("app=web", "app", false),
            ("app=web", "app!=web", false),
            ("app=web", "tier=db", false),
            ("app=web,tier=a", "app=web,tier=b", true),
            ("", "app=db", false),
            ("app=web", "", false),
        ];
        for (selected, wanted, apart) in cases {
            let selection = Selection::everything().with_labels(parse(selected));
            let labels = parse(wanted);
            let left_out = Wanted { labels: Some(&labels), ..Wanted::default() }.left_out_by(&selection);
            assert_eq!(left_out, apart.then(|| format!("with labels {labels}")), "{wanted} of {selected}");
        }
    }

    #[test]
    fn k3_names_and_namespaces_are_left_out_by_selections_of_one() {
        let fields = |text| Selection::everything().with_fields(FieldSelector::parse(text).unwrap());
        let wanted = Wanted { namespace: Some("one"), name: Some("a"), labels: None };
        let cases = [
            (Selection::everything(), None),
            (Selection::in_namespace("one"), None),
            (Selection::in_namespace("two"), Some("in namespace one")),
            (fields("metadata.namespace=two"), Some("in namespace one")),
            (fields("metadata.name=b"), Some("named a")),
            (fields("metadata.name=a,metadata.namespace=one"), None),
            (fields("metadata.name!=b"), None),
        ];
        for (selection, left_out) in cases {
            assert_eq!(wanted.left_out_by(&selection).as_deref(), left_out, "{selection}");
        }
    }
}
