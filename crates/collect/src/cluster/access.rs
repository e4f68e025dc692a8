//! How a cluster is reached: the kubeconfig that kubectl would take, or the pod's own service account.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::Config;
use kube::config::{Cluster, KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::ClusterError;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// Where a pod finds the API server.
const IN_CLUSTER: &str = "KUBERNETES_SERVICE_HOST";

/// Which cluster is meant, and as whom.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The kubeconfig; none: as kubectl finds it.
    pub kubeconfig: Option<PathBuf>,
    /// Its context; none: the current one.
    pub context: Option<String>,
}

/// A way to a cluster.
pub(super) struct Way {
    pub(super) config: Config,
    /// The context; none: a pod's own service account.
    pub(super) context: Option<String>,
    /// Host and port of the server.
    pub(super) server: String,
}

/// Finds the way. `variable` reads the environment.
pub(super) async fn find(access: &Access, variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Way, ClusterError> {
    let files = files(access, variable);
    let (mut config, context) = if files.is_empty() && access.context.is_none() && variable(IN_CLUSTER).is_some() {
        let config = Config::incluster().map_err(|error| ClusterError::Kubeconfig {
            file: "the pod's service account".to_owned(),
            why: crate::causes(&error),
        })?;
        (config, None)
    } else if files.is_empty() {
        return Err(ClusterError::NoKubeconfig);
    } else {
        let (config, context) = from_files(access, &files, variable).await?;
        (config, Some(context))
    };
    config.connect_timeout = Some(CONNECT);
    // Which calls are made again is decided by us.
    config.default_retry = false;
    let port =
        config.cluster_url.port_u16().unwrap_or(if config.cluster_url.scheme_str() == Some("http") { 80 } else { 443 });
    let server = format!("{}:{port}", config.cluster_url.host().unwrap_or_default());
    Ok(Way { config, context, server })
}

/// The files that kubectl would read: the one that is named, else those of `KUBECONFIG` that are there, else the one in the
/// home directory if it is there.
fn files(access: &Access, variable: &dyn Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    if let Some(file) = &access.kubeconfig {
        return vec![file.clone()];
    }
    let there = |path: &PathBuf| path.is_file();
    match variable("KUBECONFIG").filter(|value| !value.is_empty()) {
        Some(value) => std::env::split_paths(&value).filter(there).collect(),
        None => variable("HOME").map(|home| Path::new(&home).join(".kube/config")).into_iter().filter(there).collect(),
    }
}

async fn from_files(
    access: &Access,
    files: &[PathBuf],
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<(Config, String), ClusterError> {
    let mut all: Option<Kubeconfig> = None;
    for file in files {
        let wrong = |error| ClusterError::Kubeconfig { file: file.display().to_string(), why: told(&error) };
        let read = Kubeconfig::read_from(file).map_err(wrong)?;
        all = Some(match all {
            Some(before) => before.merge(read).map_err(wrong)?,
            None => read,
        });
    }
    let all = all.ok_or(ClusterError::NoKubeconfig)?;
    let name = access.context.clone().or(all.current_context.clone()).filter(|name| !name.is_empty());
    let known = || all.contexts.iter().map(|context| context.name.clone()).collect::<Vec<_>>().join(", ");
    let Some(name) = name else { return Err(ClusterError::NoContext { known: known() }) };
    let Some(context) = all.contexts.iter().find(|context| context.name == name) else {
        return Err(ClusterError::UnknownContext { name, known: known() });
    };
    let cluster = context.context.as_ref().map(|context| context.cluster.clone());
    let cluster =
        all.clusters.iter().find(|named| Some(&named.name) == cluster.as_ref()).and_then(|named| named.cluster.clone());
    let file = files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ");
    let options = KubeConfigOptions { context: Some(name.clone()), ..KubeConfigOptions::default() };
    let mut config = Config::from_custom_kubeconfig(all, &options)
        .await
        .map_err(|error| ClusterError::Kubeconfig { file, why: told(&error) })?;
    if is_direct(&config, cluster.as_ref(), variable) {
        config.proxy_url = None;
    }
    Ok((config, name))
}

/// Whether no proxy stands between: the kubeconfig names none, and the environment's is not for this host.
fn is_direct(config: &Config, cluster: Option<&Cluster>, variable: &dyn Fn(&str) -> Option<OsString>) -> bool {
    if cluster.and_then(|cluster| cluster.proxy_url.as_deref()).is_some_and(|proxy| !proxy.is_empty()) {
        return false;
    }
    let host = config.cluster_url.host().unwrap_or_default();
    let but = ["NO_PROXY", "no_proxy"].iter().find_map(|name| variable(name)).unwrap_or_default();
    // What the environment names as a proxy for HTTPS is for nothing else.
    config.cluster_url.scheme_str() == Some("http") || is_excepted(host, &but.to_string_lossy())
}

/// Whether `NO_PROXY` excepts a host: by its name, by a domain above it, by `*`. What is on this machine always is.
fn is_excepted(host: &str, but: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let here = host.parse::<std::net::IpAddr>().map_or(host == "localhost", |address| address.is_loopback());
    here || but.split(',').map(str::trim).filter(|one| !one.is_empty()).any(|one| {
        let domain = one.trim_start_matches('*').trim_start_matches('.');
        one == "*" || host == one || host == domain || !domain.is_empty() && host.ends_with(&format!(".{domain}"))
    })
}

/// What is wrong with a kubeconfig, without anything that stands in it.
fn told(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(error) => match error.location() {
            Some(at) => format!("it cannot be read: see line {}, column {}", at.line(), at.column()),
            None => "it cannot be read".to_owned(),
        },
        KubeconfigError::ReadConfig(error, _) => error.to_string(),
        other => crate::causes(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "apiVersion: v1\nkind: Config\ncurrent-context: one\n\
        clusters: [{ name: k1, cluster: { server: 'https://one.example:6443' } }]\n\
        contexts: [{ name: one, context: { cluster: k1, user: u } }]\n\
        users: [{ name: u, user: { token: S3CRET } }]\n";

    fn found(access: &Access, set: &[(&str, &Path)]) -> Result<Way, ClusterError> {
        let variable =
            |name: &str| set.iter().find(|(own, _)| *own == name).map(|(_, value)| value.as_os_str().to_owned());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(find(access, &variable))
    }

    #[test]
    fn a_kubeconfig_is_found_as_kubectl_finds_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at(".kube")).unwrap();
        std::fs::write(at(".kube/config"), FILE).unwrap();
        std::fs::write(at("b"), FILE.replace("one", "two")).unwrap();
        std::fs::write(at("c"), FILE.replace("one", "three").replace("k1", "k3")).unwrap();
        let context = |name: &str| Access { context: Some(name.to_owned()), ..Access::default() };
        let home = ("HOME", folder.path());
        let way = found(&Access::default(), &[home]).unwrap();
        assert_eq!((way.context.as_deref(), way.server.as_str()), (Some("one"), "one.example:6443"));
        // Of several files the first wins, and those that are not there do not matter.
        let several = std::env::join_paths([at("gone"), at("b"), at("c")]).unwrap();
        let several = ("KUBECONFIG", Path::new(&several));
        assert_eq!(found(&Access::default(), &[home, several]).unwrap().server, "two.example:6443");
        assert_eq!(found(&context("three"), &[home, several]).unwrap().server, "three.example:6443");
        // One that is named is the only one.
        let named = Access { kubeconfig: Some(at("c")), context: None };
        assert_eq!(found(&named, &[home, several]).unwrap().server, "three.example:6443");
        let gone = Access { kubeconfig: Some(at("gone")), context: None };
        assert!(matches!(found(&gone, &[home]), Err(ClusterError::Kubeconfig { .. })));
        let told = found(&context("four"), &[home, several]).err().unwrap().to_string();
        assert!(told.contains("`four`") && told.contains("two, three"), "{told}");
        let nowhere = at("gone");
        let none = found(&Access::default(), &[("KUBECONFIG", &nowhere), home]);
        assert!(matches!(none, Err(ClusterError::NoKubeconfig)));
    }

    #[test]
    fn what_is_wrong_with_a_kubeconfig_is_told_without_its_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k");
        for text in [format!("{FILE}users: [\n"), FILE.replace("S3CRET", "[S3CRET]"), FILE.replace("one", "''")] {
            std::fs::write(&path, text).unwrap();
            let access = Access { kubeconfig: Some(path.clone()), context: None };
            let error = found(&access, &[]).err().unwrap();
            assert!(!error.to_string().contains("S3CRET"), "{error}");
        }
    }

    #[test]
    fn no_proxy_is_for_the_server() {
        for (host, but, excepted) in [
            ("127.0.0.1", "", true),
            ("[::1]", "", true),
            ("localhost", "", true),
            ("a.example", "", false),
            ("a.example", "b.example, a.example", true),
            ("a.example", ".example,", true),
            ("a.example", "*.example", true),
            ("aexample", ".example", false),
            ("10.0.0.1", "*", true),
        ] {
            assert_eq!(is_excepted(host, but), excepted, "{host} {but}");
        }
    }
}
