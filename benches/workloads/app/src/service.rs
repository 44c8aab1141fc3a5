//! An axum server and a reqwest client that speak over the loopback interface.

use std::error::Error;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::database::Summary;
use crate::tls;

type Summaries = Arc<Vec<Summary>>;

/// Serves the summaries, fetches each by the name of its station and returns what arrived.
pub(crate) async fn round_trip(summaries: Vec<Summary>) -> Result<Vec<Summary>, Box<dyn Error>> {
    let stations: Vec<String> = summaries
        .iter()
        .map(|summary| summary.station.clone())
        .collect();
    let router = Router::new()
        .route("/stations/{station}", get(station))
        .with_state(Arc::new(summaries));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(
        axum::serve(listener, router)
            .with_graceful_shutdown(async { stopped.await.unwrap_or_default() })
            .into_future(),
    );

    // Proxies in the environment would take the client off the loopback interface.
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_backend_preconfigured(tls::client_config()?)
        .build()?;
    let mut served = Vec::new();
    for station in stations {
        let response = client
            .get(format!("{origin}/stations/{station}"))
            .send()
            .await?;
        served.push(response.error_for_status()?.json().await?);
    }
    let missing = client
        .get(format!("{origin}/stations/atlantis"))
        .send()
        .await?;
    println!("atlantis: {}", missing.status());

    drop(client);
    drop(stop);
    server.await??;
    Ok(served)
}

#[tracing::instrument(skip(summaries))]
async fn station(
    State(summaries): State<Summaries>,
    Path(station): Path<String>,
) -> Result<Json<Summary>, StatusCode> {
    let summary = summaries.iter().find(|summary| summary.station == station);
    tracing::info!(known = summary.is_some(), "asked for a station");
    summary.cloned().map(Json).ok_or(StatusCode::NOT_FOUND)
}
