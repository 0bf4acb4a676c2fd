//! Subscriptions, without a server.
