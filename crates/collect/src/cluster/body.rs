//! Single answers of the API.

use evidence::Seen;

use super::client::{Client, Refusal, Request};
use super::path::{ApiPath, right};

/// What a path answers, as far as a table lets it be kept.
pub(super) async fn read(client: &Client, path: &str, limit: u64) -> Seen {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    match client.patient_answer(&Request::Read(path), most).await {
        Ok(bytes) => evidence::take_body(path, &bytes),
        Err(refusal) => refused(path, &refusal),
    }
}

fn object(path: &str) -> Option<&str> {
    ApiPath::parse(path)?.name
}

/// A refusal as an observation.
fn refused(path: &str, refusal: &Refusal) -> Seen {
    match refusal {
        Refusal::TooLarge(limit) => Seen::TooLarge { size: *limit as u64 + 1, limit: *limit as u64 },
        refusal if object(path).is_some_and(|name| refusal.misses(name)) => Seen::Absent { proof: refusal.to_string() },
        refusal if refusal.is_denial() => Seen::Denied { right: right(path) },
        refusal => match refusal.code() {
            Some(404) => Seen::Unsupported { by: "this API server".to_owned() },
            _ => Seen::Failed { why: refusal.to_string() },
        },
    }
}
