//! A simulated cluster: the controllers that make jobs run, as ordinary Pilothouse controllers.
mod job;
mod pace;
