//! The guide, so that its code is compiled and run by the documentation tests.
#![doc = include_str!("../../../docs/guide.md")]
