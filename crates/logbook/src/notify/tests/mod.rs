//! The dispatcher against scripted receivers, and over HTTP.

mod fixtures;
mod over_http;
mod schedule;
