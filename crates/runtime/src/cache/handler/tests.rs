//! Handlers against a scripted server.
