//! Paths of the Kubernetes API: their parts, and the right that one needs.

/// What stands in a path that reads more than an object, or does something. None of them is ever asked for; a kubelet's
/// configuration alone is read through the node's proxy.
const NEVER: [&str; 7] = ["secrets", "exec", "attach", "portforward", "proxy", "token", "binding"];

/// A path below `/api` or `/apis`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ApiPath<'a> {
    /// The API's group; empty: the core.
    pub(super) group: &'a str,
    /// The namespace; none: the whole cluster.
    pub(super) namespace: Option<&'a str>,
    /// The resource, in the plural.
    pub(super) resource: &'a str,
    /// The object's name; none: all of them.
    pub(super) name: Option<&'a str>,
    /// What of the object is meant.
    pub(super) part: Option<&'a str>,
}

impl<'a> ApiPath<'a> {
    /// The parts of a path; none if it has another form.
    pub(super) fn parse(path: &'a str) -> Option<Self> {
        let mut all = path.strip_prefix('/')?.split('/');
        let group = match all.next()? {
            "api" => "",
            "apis" => all.next()?,
            _ => return None,
        };
        all.next()?;
        let rest: Vec<&str> = all.collect();
        let (namespace, rest) = match rest.as_slice() {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some(*namespace), rest),
            rest => (None, rest),
        };
        let resource = *rest.first()?;
        Some(Self { group, namespace, resource, name: rest.get(1).copied(), part: rest.get(2).copied() })
    }

    /// The resource as `kubectl auth can-i` takes it.
    fn named(&self) -> String {
        let dot = if self.group.is_empty() { "" } else { "." };
        let part = self.part.map(|part| format!("/{part}")).unwrap_or_default();
        format!("{}{part}{dot}{}", self.resource, self.group)
    }
}

/// The right that reading a path needs, in words.
pub(super) fn right(path: &str) -> String {
    let Some(api) = ApiPath::parse(path) else { return format!("get {path}") };
    let named = api.named();
    let within = api.namespace.map_or(" in the cluster".to_owned(), |namespace| format!(" in {namespace}"));
    match (api.name, api.part) {
        (None, _) => format!("list {named}{within}"),
        // Of a node's parts the right is the same for every node.
        (Some(_), Some(_)) if api.namespace.is_none() => format!("get {named}{within}"),
        (Some(name), _) => format!("get {named}/{name}{within}"),
    }
}

/// Whether a path may be read: a plain one, that leads to no secret and starts nothing.
pub(super) fn is_readable(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte);
    let Some(rest) = path.strip_prefix('/') else { return false };
    let segments: Vec<&str> = rest.split('/').collect();
    let proper = |segment: &&str| !segment.is_empty() && !matches!(*segment, "." | "..") && segment.bytes().all(plain);
    if !segments.iter().all(proper) {
        return false;
    }
    match segments.as_slice() {
        // The name of a node may be any.
        ["api", "v1", "nodes", _, "configz"] | ["api", "v1", "nodes", _, "proxy", "configz"] => true,
        all => !all.iter().any(|segment| NEVER.contains(segment)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_told_as_kubectl_tells_them() {
        for (path, told) in [
            ("/api/v1/pods", "list pods in the cluster"),
            ("/apis/apps/v1/daemonsets", "list daemonsets.apps in the cluster"),
            ("/api/v1/namespaces", "list namespaces in the cluster"),
            ("/api/v1/namespaces/kube-system/configmaps/kube-proxy", "get configmaps/kube-proxy in kube-system"),
            ("/api/v1/nodes/a/configz", "get nodes/configz in the cluster"),
            ("/api/v1/nodes/a/proxy/configz", "get nodes/proxy in the cluster"),
            ("/version", "get /version"),
        ] {
            assert_eq!(right(path), told);
        }
    }

    #[test]
    fn nothing_is_read_that_is_secret_or_does_something() {
        assert!(evidence::OBJECTS.iter().all(|kind| is_readable(kind.api)));
        assert!(evidence::CONFIG_MAPS.iter().all(|(path, _)| is_readable(path)));
        assert!(is_readable("/version") && is_readable("/api/v1/nodes/proxy/proxy/configz"));
        for path in [
            "",
            "configz",
            "//",
            "/api/v1/secrets",
            "/api/v1/namespaces/kube-system/secrets/a",
            "/api/v1/namespaces/a/pods/b/exec",
            "/api/v1/nodes/a/proxy/run",
            "/api/v1/nodes/a/proxy/configz/../run",
            "/api/v1/nodes/a/proxy/configz?x",
            "/api/v1/pods?watch=true",
            "/api/v1/%73ecrets",
        ] {
            assert!(!is_readable(path), "{path}");
        }
    }
}
