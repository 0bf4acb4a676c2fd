//! A change that every object goes through before it is cached.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

/// What is done to each object once, when it comes in and before anybody sees it (client-go's `TransformFunc`).
///
/// **Assumptions.** The function depends on the object alone and is quick: it runs on the way of every event. It
/// leaves `apiVersion`, `kind` and the identity in `metadata` (name, namespace, uid, resource version) as they are;
/// an object whose identity it changes is rejected. It costs a decoded value and its encoding per object: where
/// fields are only to be left out, a projection is cheaper.
///
/// **Guarantees.**
///
/// - **C-I16** it runs once on each object that comes in, before anything else sees it;
/// - **C-I15** an object that it breaks is rejected by name, without an effect on others.
///
/// **Panics.** A function that panics makes its object rejected.
///
/// Two transforms are one if they have the same name: functions cannot be compared.
#[derive(Clone)]
pub struct Transform {
    name: Arc<str>,
    function: Arc<dyn Fn(&mut Value) + Send + Sync>,
}

impl Transform {
    /// The transform called `name`. The name stands in error messages and tells transforms apart.
    pub fn new(name: impl Into<Arc<str>>, function: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self { name: name.into(), function: Arc::new(function) }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Changes one object.
    pub(crate) fn apply(&self, object: &mut Value) {
        (self.function)(object);
    }
}

impl PartialEq for Transform {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Transform {}

impl fmt::Debug for Transform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Transform").field(&self.name).finish()
    }
}
