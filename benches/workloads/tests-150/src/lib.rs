//! A small service.

use axum::extract::Query;
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::DateTime;
use regex::Regex;
use serde::{Deserialize, Serialize};

/// A temperature at a place and a time.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Reading {
    /// Where it was taken.
    pub place: String,
    /// In degrees Celsius.
    pub celsius: f64,
    /// In seconds since 1970.
    pub seconds: i64,
}

impl Reading {
    /// Reads JSON.
    ///
    /// # Errors
    /// When the text is something else.
    pub fn parse(text: &str) -> serde_json::Result<Reading> {
        serde_json::from_str(text)
    }

    /// The day in UTC, if there is such a day.
    pub fn day(&self) -> Option<String> {
        let time = DateTime::from_timestamp(self.seconds, 0)?;
        Some(time.format("%Y-%m-%d").to_string())
    }
}

/// The numbers in a text, without those that are too large.
pub fn numbers(text: &str) -> Vec<i64> {
    let Ok(number) = Regex::new(r"-?\d+") else {
        return Vec::new();
    };
    number
        .find_iter(text)
        .filter_map(|found| found.as_str().parse().ok())
        .collect()
}

#[derive(Deserialize)]
struct Sum {
    left: i64,
    right: i64,
}

/// `GET /sum?left=1&right=2` and `POST /warmer`.
pub fn router() -> Router {
    Router::new()
        .route("/sum", get(sum))
        .route("/warmer", post(warmer))
}

async fn sum(Query(sum): Query<Sum>) -> Json<i64> {
    Json(sum.left.saturating_add(sum.right))
}

async fn warmer(Json(reading): Json<Reading>) -> Json<Reading> {
    Json(Reading {
        celsius: reading.celsius + 1.0,
        ..reading
    })
}
