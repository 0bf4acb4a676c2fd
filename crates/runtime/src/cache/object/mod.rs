//! Objects in caches: how they come in, how they are kept, how they are read.

mod body;
mod cached;
mod error;
mod intake;
mod projection;
mod residence;
mod type_decoder;

pub use body::Encoding;
pub use cached::CachedObject;
pub use error::{DecodeError, Rejected};
pub use intake::Intake;
pub use projection::Projection;
pub use residence::Residence;
pub use type_decoder::TypeDecoder;
