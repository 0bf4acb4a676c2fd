//! Which objects of a type a list and watch covers.

use std::fmt;

use pilothouse_machinery::{FieldSelector, LabelSelector, ResourceType};

use crate::client::{ClientError, Query, collection_path};

/// The scope of one list and watch: of all objects of a type, those that fulfil everything given here.
///
/// The server selects; an object that starts to fulfil a selector comes as an addition, one that ceases to as a
/// deletion (conformance S19). The default is everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selection {
    /// Objects in this namespace only; in all, and those without one, when `None`.
    pub namespace: Option<String>,
    /// Objects with these labels.
    pub labels: LabelSelector,
    /// Objects with these fields. Which fields a type can be selected by is the server's to say.
    pub fields: FieldSelector,
}

impl Selection {
    /// All objects.
    #[must_use]
    pub fn everything() -> Self {
        Self::default()
    }

    /// The objects in one namespace.
    pub fn in_namespace(namespace: impl Into<String>) -> Self {
        Self { namespace: Some(namespace.into()), ..Self::default() }
    }

    /// The same selection of objects with these labels.
    #[must_use]
    pub fn with_labels(self, labels: LabelSelector) -> Self {
        Self { labels, ..self }
    }

    /// The same selection of objects with these fields.
    #[must_use]
    pub fn with_fields(self, fields: FieldSelector) -> Self {
        Self { fields, ..self }
    }

    /// Whether nothing is left out.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.namespace.is_none() && self.labels.is_everything() && self.fields.is_everything()
    }

    /// The path and query of a request for what is selected, with `query` after the selectors.
    pub(crate) fn uri(&self, resource: &ResourceType, query: &Query) -> Result<String, ClientError> {
        let path = collection_path("list or watch", resource, self.namespace.as_deref())?;
        let mut selectors = Query::default();
        if !self.labels.is_everything() {
            selectors.add("labelSelector", &self.labels.to_string());
        }
        if !self.fields.is_everything() {
            selectors.add("fieldSelector", &self.fields.to_string());
        }
        Ok(selectors.and(query).on(&path))
    }
}

impl fmt::Display for Selection {
    /// `everything`, or what is given: `namespace default, labels app=web, fields metadata.name=a`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if let Some(namespace) = &self.namespace {
            write!(formatter, "namespace {namespace}")?;
            separator = ", ";
        }
        if !self.labels.is_everything() {
            write!(formatter, "{separator}labels {}", self.labels)?;
            separator = ", ";
        }
        if !self.fields.is_everything() {
            write!(formatter, "{separator}fields {}", self.fields)?;
            separator = ", ";
        }
        if separator.is_empty() { formatter.write_str("everything") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;
    use crate::object::Object;

    #[test]
    fn a_selection_becomes_path_and_selectors_of_requests() {
        let resource = ConfigMap::resource_type();
        let mut query = Query::default();
        query.add("limit", "5");
        let uri = |selection: &Selection| selection.uri(&resource, &query).unwrap();
        assert_eq!(uri(&Selection::everything()), "/api/v1/configmaps?limit=5");
        let selection = Selection::in_namespace("one")
            .with_labels(LabelSelector::parse("app in (a,b),!old").unwrap())
            .with_fields(FieldSelector::parse("metadata.name=c").unwrap());
        assert_eq!(
            uri(&selection),
            "/api/v1/namespaces/one/configmaps?labelSelector=app%20in%20%28a%2Cb%29%2C%21old\
             &fieldSelector=metadata.name%3Dc&limit=5"
        );
        assert_eq!(selection.to_string(), "namespace one, labels app in (a,b),!old, fields metadata.name=c");
        assert_eq!(Selection::default().to_string(), "everything");
        assert!(Selection::default().is_everything() && !selection.is_everything());
        assert!(Selection::in_namespace("../x").uri(&resource, &query).is_err());
    }
}
