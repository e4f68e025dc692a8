//! `manifests`: what an auditor of a cluster needs, to be applied by hand or kept in git.

use std::fmt::Write as _;

use anyhow::Context as _;
use collect::cluster::probe::{Target, manifests};
use collect::cluster::role;
use serde_json::Value;

use crate::cli::Manifests;
use crate::exit::Exit;
use crate::{cluster, content, output};

pub(crate) fn run(arguments: &Manifests) -> anyhow::Result<Exit> {
    let all: Vec<Value> = match &arguments.probe_image {
        None => role()["items"].as_array().cloned().unwrap_or_default(),
        Some(image) => {
            let options = cluster::options(image, &arguments.probe_namespace, 1);
            let nodes = arguments.nodes.iter().map(|name| Target {
                name: name.clone(),
                taints: Vec::new(),
                unfit: None,
                boot: None,
                shared: true,
            });
            manifests(&options, &nodes.collect::<Vec<_>>(), &assess::trails(&content::load_valid(&[])?))
        }
    };
    let mut text = String::new();
    for object in all {
        let yaml = serde_saphyr::to_string(&object).context("an object could not be written")?;
        let _ = write!(text, "---\n{yaml}");
    }
    output::print(&text)?;
    Ok(Exit::Clean)
}
