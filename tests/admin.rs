//! The admin API: what is governed, over HTTP, by whom, and what is written down of it.

mod access;
mod contract;
mod desk;
mod resources;
mod schema;
