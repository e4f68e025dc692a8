//! What is told: how it looks, that nothing is left out, and that nothing from a node can act.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod beside;
mod csv;
mod drift;
mod every;
mod formats;
mod gate;
mod html;
mod junit;
mod kube_bench;
mod looks;
mod markdown;
mod promises;
mod samples;
mod sarif;
