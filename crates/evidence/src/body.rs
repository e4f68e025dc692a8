//! Bodies of answers of the Kubernetes API: which are read, and what is kept of each.

use serde_json::{Map, Value};

use crate::cut::shaped_secret;
use crate::{Cut, Seen, Text, take_text};

/// The API path of the server's version.
pub const VERSION: &str = "/version";

/// `ConfigMaps` that are read, by their API path, and the one text of each that is kept. The texts beside it may hold
/// credentials: kube-proxy's kubeconfig stands in the same `ConfigMap` as its configuration.
pub const CONFIG_MAPS: [(&str, &str); 2] = [
    ("/api/v1/namespaces/kube-system/configmaps/kube-proxy", "config.conf"),
    ("/api/v1/namespaces/kube-system/configmaps/kubeadm-config", "ClusterConfiguration"),
];

/// What is kept of the server's version.
const OF_THE_VERSION: [&str; 13] = [
    "major",
    "minor",
    "emulationMajor",
    "emulationMinor",
    "minCompatibilityMajor",
    "minCompatibilityMinor",
    "gitVersion",
    "gitCommit",
    "gitTreeState",
    "buildDate",
    "goVersion",
    "compiler",
    "platform",
];

/// A body as an observation. Of a `ConfigMap` it is the text that [`CONFIG_MAPS`] names, cut as a file of its kind; of an
/// answer that no table knows nothing is kept.
pub fn take_body(api: &str, bytes: &[u8]) -> Seen {
    let key = CONFIG_MAPS.iter().find(|(path, _)| *path == api).map(|(_, key)| *key);
    if key.is_none() && api != VERSION {
        return Seen::Withheld { why: "no table says what may be kept of this answer".to_owned() };
    }
    // The error never shows what stands in the body.
    let Ok(Value::Object(mut body)) = serde_json::from_slice(bytes) else {
        return Seen::Failed { why: "the answer is no JSON object".to_owned() };
    };
    let Some(key) = key else { return version(&body) };
    if body.get("kind").is_some_and(|kind| kind != "ConfigMap") {
        return Seen::Failed { why: "the answer is no ConfigMap".to_owned() };
    }
    match body.get_mut("data").and_then(|data| data.get_mut(key)).map(Value::take) {
        Some(Value::String(text)) => take_text(Cut::Config, text.into_bytes()),
        Some(_) => Seen::Failed { why: format!("{key} of the ConfigMap is no text") },
        None => Seen::Absent { proof: format!("the ConfigMap has no {key}") },
    }
}

fn version(body: &Map<String, Value>) -> Seen {
    let kept: Map<String, Value> = OF_THE_VERSION
        .into_iter()
        .filter_map(|key| Some((key.to_owned(), body.get(key).filter(|value| value.is_string())?.clone())))
        .collect();
    let text = Value::Object(kept).to_string();
    if shaped_secret(text.as_bytes()) {
        return Seen::Withheld { why: "what looks like a secret stands in it".to_owned() };
    }
    Seen::Text(Text::new(text.into_bytes(), Vec::new()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn taken(api: &str, body: &Value) -> Seen {
        take_body(api, body.to_string().as_bytes())
    }

    fn text(seen: &Seen) -> String {
        let Seen::Text(text) = seen else { panic!("{seen:?}") };
        text.to_lossy().into_owned()
    }

    #[test]
    fn of_a_config_map_one_text_is_kept_without_its_secrets() {
        let config = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n# S3CRETa\n\
            metricsBindAddress: 127.0.0.1:10249\nclientConnection:\n  token: S3CRETbS3CRETb\n";
        let body = json!({ "kind": "ConfigMap", "data": { "config.conf": config, "kubeconfig.conf": "token: S3CRETc" },
            "metadata": { "annotations": { "note": "S3CRETd" } } });
        let kept = text(&taken(CONFIG_MAPS[0].0, &body));
        assert!(kept.contains("metricsBindAddress: 127.0.0.1:10249") && !kept.contains("S3CRET"), "{kept}");
        // The other's text is not here.
        assert!(matches!(taken(CONFIG_MAPS[1].0, &body), Seen::Absent { .. }));
        let odd = json!({ "kind": "ConfigMap", "data": { "ClusterConfiguration": "password: hunter2" } });
        assert!(matches!(taken(CONFIG_MAPS[1].0, &odd), Seen::Withheld { .. }));
        for wrong in [json!({ "kind": "Secret", "data": {} }), json!([]), json!({ "data": { "config.conf": 1 } })] {
            assert!(matches!(taken(CONFIG_MAPS[0].0, &wrong), Seen::Failed { .. }), "{wrong}");
        }
    }

    #[test]
    fn of_the_version_its_fields_are_kept_and_of_the_unknown_nothing() {
        let body = json!({ "gitVersion": "v1.36.3", "major": "1", "else": "S3CRET", "platform": { "a": "S3CRET" } });
        assert_eq!(text(&taken(VERSION, &body)), r#"{"major":"1","gitVersion":"v1.36.3"}"#);
        assert!(matches!(taken("/api/v1/namespaces/a/configmaps/b", &body), Seen::Withheld { .. }));
    }
}
