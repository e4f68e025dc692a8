//! What a plain scalar means, by the core rules of YAML 1.2, except that a number keeps its leading zeros by being text.

use serde_json::{Number, Value as Json};

use super::{Node, Value};

impl Node {
    /// A scalar as JSON: plain `true`, `12`, `0x1f`, `1.5` and `null` are what they look like; everything quoted is
    /// text, and so are `yes`, `on`, `0644`, `.inf` and integers beyond 64 bits. `None` for lists and maps.
    pub fn scalar_json(&self) -> Option<Json> {
        match &self.value {
            Value::Null => Some(Json::Null),
            Value::Scalar { text, plain } => {
                let read = if *plain { plain_json(text) } else { None };
                Some(read.unwrap_or_else(|| Json::String(text.clone())))
            }
            Value::Seq(_) | Value::Map(_) | Value::Refused => None,
        }
    }

    /// What this is called in a message: "a list", "a number", "nothing".
    pub fn kind(&self) -> &'static str {
        match (&self.value, self.scalar_json()) {
            (Value::Null, _) => "nothing",
            (Value::Seq(_), _) => "a list",
            (Value::Map(_), _) => "a map",
            (_, Some(Json::Bool(_))) => "a boolean",
            (_, Some(Json::Number(_))) => "a number",
            _ => "a string",
        }
    }
}

fn plain_json(text: &str) -> Option<Json> {
    match text {
        "true" | "True" | "TRUE" => Some(Json::Bool(true)),
        "false" | "False" | "FALSE" => Some(Json::Bool(false)),
        _ => number(text).map(Json::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits =
        |rest: &str, radix| rest.chars().all(|c| c.is_digit(radix)).then(|| u64::from_str_radix(rest, radix).ok())?;
    if let Some(rest) = text.strip_prefix("0x") {
        return digits(rest, 16).map(Number::from);
    }
    if let Some(rest) = text.strip_prefix("0o") {
        return digits(rest, 8).map(Number::from);
    }
    if matches!(unsigned.as_bytes(), [b'0', b'0'..=b'9', ..]) {
        return None; // 0644 is a mode, 007 a name
    }
    if !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().map(i64::into).or_else(|_| text.parse::<u64>().map(Number::from)).ok();
    }
    // The characters are looked at first: Rust also reads `inf` and `nan`.
    let float = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    float.then(|| text.parse().ok().and_then(Number::from_f64))?
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_scalars_are_what_they_look_like() {
        for (text, value) in [
            ("true", json!(true)),
            ("False", json!(false)),
            ("0", json!(0)),
            ("600", json!(600)),
            ("-3", json!(-3)),
            ("+3", json!(3)),
            ("0x1F", json!(31)),
            ("0o644", json!(420)),
            ("18446744073709551615", json!(u64::MAX)),
            ("1.5", json!(1.5)),
            (".5", json!(0.5)),
            ("0.5", json!(0.5)),
            ("-1e3", json!(-1000.0)),
        ] {
            assert_eq!(plain(text).scalar_json(), Some(value), "{text}");
        }
    }

    #[test]
    fn what_is_not_surely_a_number_or_boolean_stays_text() {
        for text in [
            "yes",
            "no",
            "on",
            "off",
            "y",
            "tRUE",
            "0644",
            "-007",
            "00.5",
            "0o",
            "0x",
            "0o8",
            "0x+1",
            "-0x1",
            "1_000",
            "12:30",
            "2024-01-01",
            "1.2.3",
            "inf",
            ".inf",
            "-.INF",
            "nan",
            ".nan",
            "infinity",
            "1e999",
            "e5",
            "1e",
            ".",
            "-",
            "+",
            "+-1",
            "99999999999999999999",
            "٣",
        ] {
            assert_eq!(plain(text).scalar_json(), Some(json!(text)), "{text}");
        }
        let quoted = Node { span: 0..0, value: Value::Scalar { text: "600".into(), plain: false } };
        assert_eq!(quoted.scalar_json(), Some(json!("600")));
    }

    fn plain(text: &str) -> Node {
        Node { span: 0..0, value: Value::Scalar { text: text.into(), plain: true } }
    }
}
