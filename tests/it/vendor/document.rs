use std::collections::BTreeMap;

use serde_json::Value;

use super::contract::{Contract, Property};

/// The webhooks that the document describes.
pub(super) fn webhooks(document: &Value) -> Vec<String> {
    document["webhooks"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

/// The contract of one webhook's body by the document, unless that is written in a way that is not known here.
pub(super) fn contract(document: &Value, webhook: &str) -> Result<Contract, String> {
    let body = &document["webhooks"][webhook]["post"]["requestBody"];
    if body["required"] != true {
        return Err("its body is not required".to_owned());
    }
    let reference = body["content"]["application/json"]["schema"]["$ref"].as_str().ok_or("its body is no reference")?;
    let schema = document.pointer(reference.trim_start_matches('#')).ok_or("its schema is not there")?;
    let keywords = ["type", "properties", "required", "description"];
    let unknown = unknown_keywords(schema, &keywords);
    if schema["type"] != "object" || !unknown.is_empty() {
        return Err(format!("its schema is no plain object: {unknown:?}"));
    }
    let properties = schema["properties"].as_object().ok_or("its schema has no properties")?;
    let required = schema["required"].as_array().ok_or("its schema requires nothing")?;
    let mut contract = BTreeMap::new();
    for (field, property) in properties {
        contract.insert(field.clone(), read(field, property, required)?);
    }
    Ok(Contract(contract))
}

fn read(field: &str, property: &Value, required: &[Value]) -> Result<Property, String> {
    let unknown = unknown_keywords(property, &["type", "nullable", "description"]);
    if !unknown.is_empty() {
        return Err(format!("`{field}` has keywords that nobody reads: {unknown:?}"));
    }
    let kind = match &property["type"] {
        Value::Null => "any",
        Value::String(kind) => kind,
        other => return Err(format!("`{field}` has the type {other}")),
    };
    Ok(Property {
        kind: kind.to_owned(),
        is_nullable: property["nullable"] == true,
        is_required: required.iter().any(|name| name == field),
    })
}

fn unknown_keywords(schema: &Value, known: &[&str]) -> Vec<String> {
    let keywords = schema.as_object().into_iter().flatten().map(|(keyword, _)| keyword.clone());
    keywords.filter(|keyword| !known.contains(&keyword.as_str())).collect()
}
