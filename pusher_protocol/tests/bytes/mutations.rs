//! Mutations of a message: each part removed, null, or of another type.

use serde_json::{Value, json};

/// Returns `value` with each of its parts, at any depth, removed or replaced by each other kind of value.
pub fn mutations(value: &Value) -> Vec<Value> {
    let others = [
        json!(null),
        json!(true),
        json!(-7),
        json!(1e300),
        json!(""),
        json!("x"),
        json!([]),
        json!([[]]),
        json!({}),
    ];
    let mut found: Vec<Value> = others.into_iter().filter(|other| other != value).collect();
    if let Value::Object(fields) = value {
        for (key, inner) in fields {
            let mut without = fields.clone();
            without.remove(key);
            found.push(Value::Object(without));
            for mutation in mutations(inner) {
                let mut changed = fields.clone();
                changed.insert(key.clone(), mutation);
                found.push(Value::Object(changed));
            }
        }
    }
    if let Value::Array(elements) = value {
        for (index, inner) in elements.iter().enumerate() {
            let mut without = elements.clone();
            without.remove(index);
            found.push(Value::Array(without));
            for mutation in mutations(inner) {
                let mut changed = elements.clone();
                changed[index] = mutation;
                found.push(Value::Array(changed));
            }
        }
    }
    found
}

/// Returns the two forms in which servers send a message: its data as a JSON value, and as a string of it.
pub fn forms(message: &Value) -> Vec<Value> {
    let mut forms = vec![message.clone()];
    if let Some(data) = message.get("data").filter(|data| !data.is_string()) {
        let mut text = message.clone();
        text["data"] = json!(data.to_string());
        forms.push(text);
    }
    forms
}
