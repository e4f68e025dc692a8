mod properties;

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::OsText;

fn cut_text(how: Cut, text: &str) -> Result<String, String> {
    cut(how, text.as_bytes().to_vec()).map(|(kept, _)| String::from_utf8(kept).unwrap())
}

fn parse(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\nin:\n{text}"))
}

/// The ways to all values, with the kind of what is a container.
fn shape(value: &Value) -> BTreeSet<String> {
    fn walk(value: &Value, way: &str, ways: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                ways.insert(format!("{way}{{}}"));
                map.iter().for_each(|(key, value)| walk(value, &format!("{way}.{key}"), ways));
            }
            Value::Array(list) => {
                ways.insert(format!("{way}[]"));
                list.iter().enumerate().for_each(|(at, value)| walk(value, &format!("{way}.{at}"), ways));
            }
            _ => drop(ways.insert(way.to_owned())),
        }
    }
    let mut ways = BTreeSet::new();
    walk(value, "", &mut ways);
    ways
}

const ADMIN_CONF: &str = "\
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==
    server: https://10.0.0.2:6443
  name: kubernetes
contexts:
- context:
    cluster: kubernetes
    user: kubernetes-admin
  name: kubernetes-admin@kubernetes
current-context: kubernetes-admin@kubernetes
kind: Config
preferences: {}
users:
- name: kubernetes-admin
  user:
    client-certificate-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==
    client-key-data: CANARY
";

#[test]
fn a_kubeconfig_keeps_what_the_table_lists() {
    let expected = ADMIN_CONF.replace("client-key-data: CANARY", "client-key-data: \"<removed: 6 bytes>\"");
    let (kept, notes) = cut(Cut::Kubeconfig, ADMIN_CONF.into()).unwrap();
    assert_eq!(String::from_utf8(kept).unwrap(), expected);
    assert_eq!(notes, [CutNote { what: "client-key-data".into(), bytes: 6 }]);
}

#[test]
fn kubeconfigs_in_other_styles_lose_as_much() {
    let cases = [
        // JSON, also with tabs and without blanks
        (
            "{\"users\":[{\"name\":\"n\",\"user\":{\"token\":\"CANARY\"}}]}",
            "{\"users\":[{\"name\":\"n\",\"user\":{\"token\":\"<removed: 6 bytes>\"}}]}",
        ),
        ("{\n\t\"users\": null,\n\t\"kind\" :\"Config\"\n}\n", "{\n\t\"users\": null,\n\t\"kind\" :\"Config\"\n}\n"),
        (
            "{\"users\": [{\"user\": {\"to\\u006ben\": \"CAN\\\"ARY\"}}]}",
            "{\"users\": [{\"user\": {\"to\\u006ben\": \"<removed: 8 bytes>\"}}]}",
        ),
        // text of several lines
        (
            "users:\n- user:\n    token: |-\n      CANARY\n\n      CANARY\n    tokenFile: /t\n",
            "users:\n- user:\n    token: \"<removed: 26 bytes>\"\n    tokenFile: /t\n",
        ),
        (
            "users:\n- user:\n    token: CANARY\n      CANARY\n  name: n\n",
            "users:\n- user:\n    token: \"<removed: 19 bytes>\"\n  name: n\n",
        ),
        (
            "users:\n- user:\n    token: 'CAN''ARY\n\n      CANARY' # CANARY\n  name: n\n",
            "users:\n- user:\n    token: \"<removed: 22 bytes>\" #\n  name: n\n",
        ),
        ("users:\n- user:\n    token:\n      CANARY\n", "users:\n- user:\n    token:\n      \"<removed: 6 bytes>\"\n"),
        // allowed names in a place that is not theirs
        (
            "users:\n- user:\n    auth-provider:\n      config: {name: CANARY, kind: 'CANARY'}\n",
            "users:\n- user:\n    auth-provider:\n      config: {name: \"<removed: 6 bytes>\", kind: \"<removed: 6 bytes>\"}\n",
        ),
        (
            "clusters:\n- cluster:\n    extensions:\n    - extension:\n        server: CANARY\n      name: CANARY\n",
            "clusters:\n- cluster:\n    extensions:\n    - extension:\n        server: \"<removed: 6 bytes>\"\n      name: \"<removed: 6 bytes>\"\n",
        ),
        // exec plugins keep their command
        (
            "users:\n- user:\n    exec:\n      command: aws\n      args:\n      - --CANARY\n      env:\n      - name: A\n        value: CANARY\n",
            "users:\n- user:\n    exec:\n      command: aws\n      args:\n      - \"<removed: 8 bytes>\"\n      env:\n      - name: \"<removed: 1 bytes>\"\n        value: \"<removed: 6 bytes>\"\n",
        ),
        // passwords in what is kept
        (
            "clusters:\n- cluster:\n    proxy-url: http://me:CANARY@proxy:3128/\n",
            "clusters:\n- cluster:\n    proxy-url: \"http://me:<removed: 6 bytes>@proxy:3128/\"\n",
        ),
        // comments, documents, nothing
        ("# token: CANARY\n---\nkind: Config # CANARY\n...\n", "#\n---\nkind: Config #\n...\n"),
        ("", ""),
        (
            "\u{feff}users: # CANARY\n- user: {token: , password: ''}\r\n",
            "\u{feff}users: #\n- user: {token: , password: ''}\r\n",
        ),
        // recordings that a person cut
        (
            "users:\n- user:\n    token: <removed: 44 bytes>\n    client-key-data: REDACTED 2236 bytes>\n",
            "users:\n- user:\n    token: \"<removed: 44 bytes>\"\n    client-key-data: \"<removed: 20 bytes>\"\n",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(cut_text(Cut::Kubeconfig, text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_not_understood_is_withheld() {
    let cases = [
        "users:\n- user: &a\n    token: x\n",
        "users: *a\n",
        "users: !!str x\n",
        "users:\n- <<: {token: x}\n",
        "? token\n: x\n",
        "users:\n\t- token: x\n",
        "users:\n-\ttoken: x\n",
        "%YAML 1.1\n---\nusers: x\n",
        "token: x\r  y: z\n",
        "token: x\u{85}kind: z\n",
        "token: x\u{2028}kind: z\n",
        "token: 'x\n",
        "token: \"x\n---\ny\"\n",
        "token: \"\\q\"\n",
        "token: \"\\ud83dx\\ude00\"\n",
        "token: x: y\n",
        "token: x\n  y: z\n",
        "token: x\n - y\nkind: z\n  w\n  # c\n  v\n",
        "token: |2\n  x\n",
        "token: [x\n",
        "token: [x: y]\n",
        "token: {x}\n",
        "token: {x: y}}\n",
        "token: [a\n b]\n",
        "  users: x\n kind: y\n",
        "users: x\n- y\n",
        "- x\nusers: y\n",
        "just a text\n",
        "{}\n{}\n",
        "s3cret+key=: x\n",
        "\0\n",
        "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n",
    ];
    for text in cases {
        assert!(cut_text(Cut::Kubeconfig, text).is_err(), "{text}");
    }
    let deep = "[".repeat(100_000);
    assert!(cut_text(Cut::Config, &deep).is_err_and(|why| why.contains("too deeply")));
    assert!(cut(Cut::Encryption, b"kind: \xff\n".to_vec()).is_err());
    assert!(cut(Cut::Config, b"kind: \xff\n".to_vec()).is_err());
}

#[test]
fn scalars_are_read_as_yaml_reads_them() {
    let cases = [
        "\"a\\tb\\x41\\u00e9\\U0001F600\\/\\\"\"",
        "\"a \\\n  \\ b\n\n  c  \n  d\"",
        "'it''s\n  two\n\n\n  lines'",
        "plain\n  on\n\n  lines # not this",
        "a#b:c -d",
        "-d",
        "?x",
        "[a, 'b', \"c\", d:e, http://f,]",
        "{\"g\":h, i : j, 'k': [l, {m: oo}]}",
    ];
    for case in cases {
        let text = format!("x: {case}\ny:\n- {case}\n-\n  {case}\n");
        let read = events(&text).unwrap().into_iter();
        let read: Vec<_> =
            read.filter_map(|event| if let Event::Scalar(scalar) = event { Some(scalar.text) } else { None }).collect();
        let mut leaves = Vec::new();
        texts(&parse(&text), &mut leaves);
        assert_eq!(read, leaves, "{text}");
    }
    assert_eq!(events("x: \"\\ud83d\\ude00\"").unwrap().len(), 4, "surrogates of JSON");
    for text in ["a\"\\\n\u{1}\u{7f}\u{2028}\u{e9}\u{1f600}", ""] {
        assert_eq!(parse(&quote(text)), Value::from(text));
        assert_eq!(serde_json::from_str::<Value>(&quote(text)).unwrap(), text);
    }
}

fn texts(value: &Value, leaves: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.values().for_each(|value| texts(value, leaves)),
        Value::Array(list) => list.iter().for_each(|value| texts(value, leaves)),
        value => leaves.push(value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
    }
}

#[test]
fn an_encryption_configuration_keeps_providers_and_names() {
    let text = "\
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets, 'configmaps']
  providers:
  # the first one writes: CANARY
  - secretbox:
      keys:
      - name: key1
        secret: CANARY
  - aescbc: {keys: [{name: key2, secret: \"CANARY\"}]}
  - kms: {apiVersion: v2, name: vault, endpoint: unix:///run/kms.sock, timeout: 3s, token: CANARY}
  - identity: {}
";
    let expected = text
        .replace("# the first one writes: CANARY", "#")
        .replace("\"CANARY\"", "CANARY")
        .replace("CANARY", "\"<removed: 6 bytes>\"");
    assert_eq!(cut_text(Cut::Encryption, text), Ok(expected));
}

#[test]
fn configurations_lose_secrets_by_name() {
    let cases = [
        // kept: names that are about secrets, values that are none
        ("tlsPrivateKeyFile: key.pem\ntokenTTL: abc\nsecretName: abc\nstaticPodURL: http://h/p\n", "="),
        ("useServiceAccountCredentials: true\ntokenLimit: 30\nsecretTime: 1h30m0s\ntoken: /var/run/token\n", "="),
        (
            "imagePullCredentialsVerificationPolicy: NeverVerify\nconfigMapAndSecretChangeDetectionStrategy: Watch\n",
            "=",
        ),
        ("authorization:\n  mode: Webhook\n  webhook:\n    cacheAuthorizedTTL: 5m0s\n", "="),
        ("rules:\n- level: Metadata\n  resources:\n  - group: ''\n    resources: [secrets, tokenreviews]\n", "="),
        ("jwt:\n- claimMappings:\n    username:\n      expression: 'claims.token == \"x\" ? claims.sub : \"\"'\n", "="),
        (
            "{\"cniVersion\": \"1.0.0\", \"plugins\": [{\"type\": \"bridge\", \"ipam\": {\"ranges\": [[{\"subnet\": \"10.0.0.0/24\"}]]}}]}",
            "=",
        ),
        // cut
        (
            "etcd_password: CANARY\nToken: \"CANARY\"\n",
            "etcd_password: \"<removed: 6 bytes>\"\nToken: \"<removed: 6 bytes>\"\n",
        ),
        ("password: 123456\n", "password: \"<removed: 6 bytes>\"\n"),
        ("secret: /CANARYk39Dq+/xB\n", "secret: \"<removed: 16 bytes>\"\n"),
        (
            "apiTokens:\n- CANARY\n- CANARY\nkind: x\n",
            "apiTokens:\n- \"<removed: 6 bytes>\"\n- \"<removed: 6 bytes>\"\nkind: x\n",
        ),
        ("staticPodURLHeader:\n  X-Any: [CANARY]\n", "staticPodURLHeader:\n  X-Any: [\"<removed: 6 bytes>\"]\n"),
        ("{\"auths\":{\"reg\":{\"auth\":\"CANARY\"}}}", "{\"auths\":{\"reg\":{\"auth\":\"<removed: 6 bytes>\"}}}"),
        ("Authorization: CANARY\n", "Authorization: \"<removed: 6 bytes>\"\n"),
        (
            "a: Bearer CANARY\nb: |\n  x --token\n    CANARY\n",
            "a: \"Bearer <removed: 6 bytes>\"\nb: |\n  x --token\n    <removed: 6 bytes>\n",
        ),
        (
            "a: 'x'\nb: |\n  -----BEGIN EC PRIVATE KEY-----\n  CANARY\n  -----END EC PRIVATE KEY-----\n",
            "a: 'x'\nb: |\n  <removed: 70 bytes>\n",
        ),
        ("url: https://me:CANARY@h/ # CANARY\n", "url: \"https://me:<removed: 6 bytes>@h/\" #\n"),
        // TOML, units
        (
            "[plugins.\"cri\".registry.configs.\"r\".auth]\n  username = \"CANARY\"\n  auth = \"CANARY\"\n[x]\n  y = \"kept\"\n",
            "[plugins.\"cri\".registry.configs.\"r\".auth]\n  username = \"<removed: 8 bytes>\"\n  auth = \"<removed: 8 bytes>\"\n[x]\n  y = \"kept\"\n",
        ),
        (
            "# CANARY\nversion = 2\ntokens = [\n  \"CANARY\",\n  'CANARY',\n]\nx = { password = \"CANARY\", y = 1 }\n",
            "#\nversion = 2\ntokens = \"<removed: 27 bytes>\"\nx = { password = \"<removed: 6 bytes>\", y = 1 }\n",
        ),
        (
            "[Service]\nEnvironment=\"TOKEN=CANARY CANARY\" A=b\nExecStart=/bin/kubelet --token=CANARY \\\n  --bootstrap-token \\\n  CANARY --v 2\n",
            "[Service]\nEnvironment=\"TOKEN=<removed: 13 bytes>\" A=b\nExecStart=/bin/kubelet --token=<removed: 6 bytes> \\\n  --bootstrap-token \\\n  <removed: 6 bytes> --v 2\n",
        ),
    ];
    for (text, expected) in cases {
        let expected = if expected == "=" { text } else { expected };
        assert_eq!(cut_text(Cut::Config, text).as_deref(), Ok(expected), "{text}");
    }
    assert!(cut_text(Cut::Config, "a = \"x\npassword = y\n").is_err(), "an open quote");
}

#[test]
fn manifests_lose_values_and_flags() {
    let text = "\
metadata:
  annotations: {kubeadm.kubernetes.io/etcd.advertise-client-urls: 'https://10.0.0.2:2379'}
spec:
  containers:
  - command:
    - kube-apiserver
    - --authorization-mode=Node,RBAC
    - --enable-bootstrap-token-auth=true
    - --authorization-always-allow-paths=/healthz,/readyz
    - --authentication-token-webhook-version=v1
    - --service-account-key-file=/etc/kubernetes/pki/sa.pub
    - --oidc-client-secret=CANARY
    - --token
    - CANARY
    - --enable-bootstrap-token-auth
    - --v=2
    image: registry.k8s.io/csi-secrets-store:v1.36.2
    args: [\"--password\", \"CANARY\", sh, -c, 'exec x --token CANARY']
    env:
    - name: A
      value: CANARY
    - name: B
      valueFrom: {secretKeyRef: {name: s, key: k}}
    livenessProbe:
      httpGet:
        httpHeaders: [{name: Authorization, value: Basic CANARY}]
  volumes:
  - name: s
    secret: {secretName: s}
";
    let kept = cut_text(Cut::Manifest, text).unwrap();
    let changed: Vec<_> = text.lines().zip(kept.lines()).filter(|(before, after)| before != after).collect();
    let after: Vec<_> = changed.iter().map(|(_, after)| after.trim()).collect();
    assert_eq!(
        after,
        [
            "- \"--oidc-client-secret=<removed: 6 bytes>\"",
            "- \"<removed: 6 bytes>\"",
            "args: [\"--password\", \"<removed: 6 bytes>\", sh, -c, \"exec x --token <removed: 6 bytes>\"]",
            "value: \"<removed: 6 bytes>\"",
            "httpHeaders: [{name: Authorization, value: \"<removed: 12 bytes>\"}]",
        ]
    );
    assert!(!kept.contains("CANARY"));
    assert_eq!(shape(&parse(text)), shape(&parse(&kept)));
}

#[test]
fn lines_and_accounts_lose_theirs() {
    let cases = [
        (Cut::Env, "KUBELET_EXTRA_ARGS=--v=2\n", "KUBELET_EXTRA_ARGS=--v=2\n"),
        (Cut::Env, "ARGS=\"--token=CANARY --v=2\"\n", "ARGS=\"--token=<removed: 6 bytes> --v=2\"\n"),
        (Cut::Env, "export DB_PASSWORD=CAN ARY\nX=y\n", "export DB_PASSWORD=\"<removed: 7 bytes>\"\nX=y\n"),
        (Cut::Env, "A_TOKEN=CANARY\\\nCANARY\n; CANARY\n", "A_TOKEN=\"<removed: 14 bytes>\"\n;\n"),
        (
            Cut::Env,
            "A_TOKEN_FILE=/t\nURL=redis://:CANARY@h:1\n",
            "A_TOKEN_FILE=/t\nURL=redis://:<removed: 6 bytes>@h:1\n",
        ),
        (Cut::Accounts, "root:x:0:0:root:/root:/bin/sh\netcd:!:9\n", "root:x:0:0:root:/root:/bin/sh\netcd:!:9\n"),
        (Cut::Accounts, "a::1\nb:*:2\nc:$6$CANARY:3\nd:CANARY", "a::1\nb:*:2\nc:x:3\nd:x"),
    ];
    for (how, text, expected) in cases {
        assert_eq!(cut_text(how, text).as_deref(), Ok(expected), "{text}");
    }
    assert!(cut_text(Cut::Accounts, "-----BEGIN PRIVATE KEY-----\nabc\n").is_err(), "no accounts");
    let (kept, notes) = cut(Cut::Env, b"X=\xff\nTOKEN=\xfe\xfe\n".to_vec()).unwrap();
    assert_eq!(kept, b"X=\xff\nTOKEN=\"<removed: 2 bytes>\"\n");
    assert_eq!(notes, [CutNote { what: "TOKEN".into(), bytes: 2 }]);
}

#[test]
fn arguments_lose_the_values_of_secret_flags() {
    let cases: &[(&[&str], &[&str])] = &[
        (&["kubelet", "--token=abc"], &["kubelet", "--token=<removed: 3 bytes>"]),
        (&["kubelet", "--token", "abc", "abc"], &["kubelet", "--token", "<removed: 3 bytes>", "abc"]),
        (&["x", "--token", "-Zx9", "--v=1"], &["x", "--token", "<removed: 4 bytes>", "--v=1"]),
        (&["x", "--enable-bootstrap-token-auth", "--v=2"], &["x", "--enable-bootstrap-token-auth", "--v=2"]),
        (&["x", "--token_auth_file=a.csv", "--token-ttl", "x"], &["x", "--token_auth_file=a.csv", "--token-ttl", "x"]),
        (&["x", "--concurrent-token-syncs=5", "--token=/a/b"], &["x", "--concurrent-token-syncs=5", "--token=/a/b"]),
        (&["env", "A_PASSWORD=a b", "x"], &["env", "A_PASSWORD=<removed: 3 bytes>", "x"]),
        (&["sh", "-c", "x --token abc --v=2; y"], &["sh", "-c", "x --token <removed: 3 bytes> --v=2; y"]),
        (&["x", "--set={\"password\":\"a b\",\"c\":1}"], &["x", "--set={\"password\":\"<removed: 3 bytes>\",\"c\":1}"]),
        (&["x", "--header=Authorization: Bearer abc"], &["x", "--header=Authorization: <removed: 10 bytes>"]),
        (&["x", "eyJhbGciOiJ.eyJzdWIi.c2ln-_"], &["x", "<removed: 27 bytes>"]),
        (
            &["x", "--etcd-servers=https://[::1]:2379,https://a:2379"],
            &["x", "--etcd-servers=https://[::1]:2379,https://a:2379"],
        ),
        (&["x", "mysql://me:p/w@tcp(h:1)/db"], &["x", "mysql://me:<removed: 3 bytes>@tcp(h:1)/db"]),
        (&["x", "docker://h:5000/i@sha256:abc"], &["x", "docker://h:5000/i@sha256:abc"]),
        (&["x", "-----BEGIN PRIVATE KEY-----\nabc"], &["x", "<removed: 31 bytes>"]),
        // "-----BEGIN RSA PRIVATE KEY-----\n" and "-----BEGIN CERTIFICATE-----\n" in base64
        (&["LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQo=", "y"], &["<removed: 44 bytes>", "y"]),
        (&["LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg=="], &["LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg=="]),
    ];
    for (argv, expected) in cases {
        let (kept, notes) = scrub_argv(argv.iter().map(|argument| OsText::from(*argument)).collect());
        let kept: Vec<_> = kept.iter().map(|argument| argument.as_str().unwrap()).collect();
        assert_eq!(kept, *expected);
        assert_eq!(notes.is_empty(), argv == expected, "{notes:?}");
    }
}

#[test]
fn variables_lose_secret_values() {
    let cases = [
        ("K3S_TOKEN", "abc", "<removed: 3 bytes>"),
        ("K3S_TOKEN_FILE", "abc", "abc"),
        ("GODEBUG", "x=1", "x=1"),
        ("HTTPS_PROXY", "http://me:abc@h:1", "http://me:<removed: 3 bytes>@h:1"),
    ];
    for (name, value, expected) in cases {
        let (kept, note) = scrub_env(name, value.into());
        assert_eq!(kept.as_str(), Some(expected));
        assert_eq!(note.is_some(), value != expected);
    }
}
