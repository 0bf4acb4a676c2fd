//! How an informer keeps its objects.

use serde::de::DeserializeOwned;

use super::TypeDecoder;

/// How an informer keeps its objects. All are read alike; they differ in memory and in what a read costs.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Residence {
    /// Bytes until somebody looks: the typed object is decoded by its first reader, and shared after that.
    #[default]
    Lazy,
    /// Decoded when the object comes in; see [`Residence::typed`].
    Typed(TypeDecoder),
    /// Compressed, with a dictionary that is trained on the first objects: for very large caches.
    /// Each read of the bytes decompresses them.
    #[cfg(feature = "compact")]
    Compact,
}

impl Residence {
    /// Decodes each object as `T` when it comes in, so that no read waits for it. An object that does not fit the type
    /// is reported when it comes in, and every read of it fails.
    #[must_use]
    pub fn typed<T: DeserializeOwned + Send + Sync + 'static>() -> Self {
        Self::Typed(TypeDecoder::of::<T>())
    }
}
