//! The portal as a browser and a program meet it: requests in, responses out.

mod api;
mod events;
mod fixture;
mod forms;
mod pages;
mod security;
mod sharing;
mod stream;
