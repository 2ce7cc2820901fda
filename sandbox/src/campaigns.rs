//! `GET /campaigns/list`: there to test a connection with.

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::service::Handled;
use crate::wire::{Answer, pairs};

const PAGE: usize = 100;

pub(crate) fn handle(query: &str, campaigns: &[String]) -> Handled {
    let page = pairs(query).into_iter().find(|(name, _)| name == "page");
    let page: usize = page.and_then(|(_, page)| page.parse().ok()).unwrap_or(0);
    let shown: Vec<Value> = campaigns
        .iter()
        .enumerate()
        .skip(page.saturating_mul(PAGE))
        .take(PAGE)
        .map(|(number, name)| {
            json!({
                "id": format!("00000000-0000-4000-8000-{number:012x}"),
                "name": name,
                "last_edited": "2026-01-01T00:00:00.000Z",
                "is_api_campaign": false,
                "tags": [],
            })
        })
        .collect();
    Handled::read(Answer::json(StatusCode::OK, &json!({"campaigns": shown, "message": "success"})))
}
