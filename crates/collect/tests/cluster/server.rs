//! A real API server on this machine, with an etcd behind it, for as long as a test runs.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use kube::client::Body;
use kube::config::KubeConfigOptions;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::{Value, json};

/// The user that may do everything.
pub(crate) const ADMIN: &str = "admin";

/// How many users there are beside it: `user-0` and so on. None of them has any right.
const USERS: usize = 64;

/// Starts both, and ends both by their own pids as soon as nobody holds the other end of its input: when the server is
/// dropped, and also when the test's process ends without dropping anything, be it by a panic or by a signal.
const KEEPER: &str = r#"
folder=$1; etcd=$2; apiserver=$3; client=$4; peer=$5; port=$6; controllers=$7
cd "$folder" || exit 1
"$etcd" --data-dir=etcd --unsafe-no-fsync --listen-client-urls="http://127.0.0.1:$client" \
    --advertise-client-urls="http://127.0.0.1:$client" --listen-peer-urls="http://127.0.0.1:$peer" \
    --initial-advertise-peer-urls="http://127.0.0.1:$peer" --initial-cluster="default=http://127.0.0.1:$peer" \
    >etcd.log 2>&1 </dev/null &
first=$!
"$apiserver" --etcd-servers="http://127.0.0.1:$client" --cert-dir=certificates --bind-address=127.0.0.1 \
    --secure-port="$port" --service-account-key-file=sa.pub --service-account-signing-key-file=sa.key \
    --service-account-issuer=https://kubernetes.default.svc --service-cluster-ip-range=10.0.0.0/24 \
    --authorization-mode=RBAC --token-auth-file=tokens --disable-admission-plugins=ServiceAccount \
    --audit-policy-file=audit.json --audit-log-path=audit.log >apiserver.log 2>&1 </dev/null &
second=$!
third=
if [ -n "$controllers" ]; then
    # It ends by itself where the server, or its kubeconfig, is not there yet.
    (trap 'kill -KILL "$own"; exit' TERM
    while :; do
        "$controllers" --kubeconfig=kubeconfig-admin --leader-elect=false --secure-port=0 \
            --controllers=job-controller,ttl-after-finished-controller,garbage-collector-controller,namespace-controller \
            >>controllers.log 2>&1 </dev/null &
        own=$!
        wait "$own"
        sleep 1
    done) &
    third=$!
fi
read -r _
[ -z "$third" ] || kill "$third"
# At once: nothing of theirs is kept, and an API server waits long for an etcd that went before it.
kill -KILL "$second" "$first" 2>/dev/null
wait
rm -rf "$folder"
"#;

/// A real API server.
pub(crate) struct Server {
    keeper: std::process::Child,
    folder: PathBuf,
    port: u16,
}

/// Where a program of the test is: where the developers of controllers keep it, where `scripts/test-components` puts it, or
/// on the path.
fn program(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let assets = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = assets.into_iter().chain([root.join("target/test-components")]).chain(std::env::split_paths(&path));
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn free_ports() -> [u16; 3] {
    let held = [(); 3].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

fn token(user: &str) -> String {
    format!("token-of-{user}")
}

impl Server {
    /// The one server of all tests of a program; none, and a word about it, where its programs are not at hand.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Server>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// Another server.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(None)
    }

    /// Another server, with the controllers that run Jobs and remove what belonged to something that is gone.
    pub(crate) fn start_with_controllers() -> Option<Self> {
        let Some(controllers) = program("kube-controller-manager") else {
            eprintln!("skipped: no kube-controller-manager (scripts/test-components brings it)");
            return None;
        };
        Self::start_with(Some(&controllers))
    }

    fn start_with(controllers: Option<&Path>) -> Option<Self> {
        let (Some(etcd), Some(apiserver)) = (program("etcd"), program("kube-apiserver")) else {
            eprintln!("skipped: no kube-apiserver and etcd (scripts/test-components brings them)");
            return None;
        };
        // Somebody else may take a port between the look for it and the start.
        let started = (0..3).find_map(|_| Self::started(&etcd, &apiserver, controllers));
        Some(started.expect("a kube-apiserver that becomes ready"))
    }

    #[expect(
        clippy::disallowed_types,
        clippy::disallowed_methods,
        reason = "the test is the one who starts the server"
    )]
    fn started(etcd: &Path, apiserver: &Path, controllers: Option<&Path>) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap().keep();
        let users = (0..USERS).map(|user| format!("user-{user}"));
        let admin = format!("{},{ADMIN},{ADMIN},\"system:masters\"\n", token(ADMIN));
        let all = users.fold(admin, |all, user| format!("{all}{},{user},{user}\n", token(&user)));
        std::fs::write(folder.join("tokens"), all).unwrap();
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        std::fs::write(folder.join("sa.key"), key.serialize_pem()).unwrap();
        std::fs::write(folder.join("sa.pub"), key.public_key_pem()).unwrap();
        let audit = json!({ "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
            "rules": [{ "level": "None", "users": ["system:apiserver"] }, { "level": "Metadata" }] });
        std::fs::write(folder.join("audit.json"), audit.to_string()).unwrap();
        let ports = free_ports();
        let keeper = std::process::Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .args([&folder, etcd, apiserver])
            .args(ports.map(|port| port.to_string()))
            .arg(controllers.unwrap_or(Path::new("")))
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let server = Self { keeper, folder, port: ports[2] };
        server.write_kubeconfig(ADMIN);
        (0..USERS).for_each(|user| server.write_kubeconfig(&format!("user-{user}")));
        let until = Instant::now() + Duration::from_mins(1);
        let log = || std::fs::read_to_string(server.folder.join("apiserver.log")).unwrap_or_default();
        while Instant::now() < until && !log().contains("command failed") {
            if server.is_ready() {
                return Some(server);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        eprintln!("{}", log());
        None
    }

    /// Whether it answers, and holds the namespaces that it makes itself.
    fn is_ready(&self) -> bool {
        self.folder.join("certificates/apiserver.crt").is_file()
            && self.asked("GET", "/readyz", &Value::Null).is_ok_and(|(status, _)| status == 200)
            && ["kube-system", "default", "kube-public", "kube-node-lease"].iter().all(|name| {
                let path = format!("/api/v1/namespaces/{name}");
                self.asked("GET", &path, &Value::Null).is_ok_and(|(status, _)| status == 200)
            })
    }

    /// Host and port.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A kubeconfig of a user.
    pub(crate) fn kubeconfig(&self, user: &str) -> PathBuf {
        self.folder.join(format!("kubeconfig-{user}"))
    }

    fn write_kubeconfig(&self, user: &str) {
        let certificate = self.folder.join("certificates/apiserver.crt");
        let cluster = json!({ "server": format!("https://{}", self.address()), "certificate-authority": certificate });
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{ "name": "test", "cluster": cluster }],
            "contexts": [{ "name": "test", "context": { "cluster": "test", "user": user } }],
            "users": [{ "name": user, "user": { "token": token(user) } }],
        });
        std::fs::write(self.kubeconfig(user), config.to_string()).unwrap();
    }

    /// Makes an object, as the admin.
    pub(crate) fn create(&self, list: &str, object: &Value) {
        let (status, answer) = self.asked("POST", list, object).unwrap();
        assert_eq!(status, 201, "{list}: {answer}");
    }

    /// Makes many objects.
    pub(crate) fn create_all(&self, list: &str, objects: &[Value]) {
        std::thread::scope(|scope| {
            for part in objects.chunks(objects.len().div_ceil(8)) {
                scope.spawn(move || {
                    self.calls(async |client| {
                        for object in part {
                            let (status, answer) = call(&client, "POST", list, object).await.unwrap();
                            assert_eq!(status, 201, "{list}: {answer}");
                        }
                    });
                });
            }
        });
    }

    /// Makes the objects of a `List`, with these names instead of their own, and binds them to a user.
    pub(crate) fn grant(&self, roles: &Value, user: &str) {
        const GROUP: &str = "/apis/rbac.authorization.k8s.io/v1";
        for role in roles["items"].as_array().unwrap() {
            let (kind, mut role) = (role["kind"].as_str().unwrap(), role.clone());
            role["metadata"]["name"] = json!(user);
            let namespace = role["metadata"]["namespace"].as_str().map(|name| format!("/namespaces/{name}"));
            let at = format!("{GROUP}{}", namespace.unwrap_or_default());
            let lists =
                if kind == "Role" { ["roles", "rolebindings"] } else { ["clusterroles", "clusterrolebindings"] };
            self.create(&format!("{at}/{}", lists[0]), &role);
            let binding = json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": format!("{kind}Binding"), "metadata": role["metadata"],
                "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": user },
                "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user }],
            });
            self.create(&format!("{at}/{}", lists[1]), &binding);
        }
    }

    /// What the server wrote down of each request of a user: its own account of what it was asked.
    pub(crate) fn audited(&self, user: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.join("audit.log")).unwrap();
        let all = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        all.filter(|event| event["user"]["username"] == user).collect()
    }

    /// What it answers to the admin.
    pub(crate) fn asked(&self, method: &str, path: &str, body: &Value) -> Result<(u16, Value), kube::Error> {
        self.calls(async |client| call(&client, method, path, body).await)
    }

    fn calls<T>(&self, work: impl AsyncFnOnce(kube::Client) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let file = kube::config::Kubeconfig::read_from(self.kubeconfig(ADMIN)).unwrap();
            let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
            work(kube::Client::try_from(config).unwrap()).await
        })
    }
}

async fn call(client: &kube::Client, method: &str, path: &str, body: &Value) -> Result<(u16, Value), kube::Error> {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", if method == "PATCH" { "application/merge-patch+json" } else { "application/json" });
    let response = client.send(request.body(Body::from(body)).unwrap()).await?;
    let status = response.status().as_u16();
    let bytes = response.into_body().collect_bytes().await?;
    Ok((status, serde_json::from_slice(&bytes).unwrap_or_default()))
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        self.keeper.wait().unwrap();
    }
}
