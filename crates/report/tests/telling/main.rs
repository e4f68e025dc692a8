//! What is told: how it looks, that nothing is left out, and that nothing from a node can act.

mod formats;
mod looks;
mod promises;
mod samples;
