//! The `pilothouse` command: `demo`, `apiserver`, `envtest`, `logbook`, `deadletters`. A library so that
//! trials run exactly it in a process of their own; for anything else use the command.

mod apiserver;
mod arguments;
mod command;
mod console;
mod deadletters;
mod demo;
mod envtest;
mod error;
mod files;
mod local_server;
mod logbook;
mod portal;
mod workload;

pub use command::run;
