//! An empty API server on a port of this machine: `cargo run -p pilothouse-apiserver --example serve -- 8001`.
//!
//! Prints a kubeconfig; stops on ctrl-c.

use std::error::Error;

use pilothouse_apiserver::{ApiServer, ServeOptions, kubeconfig};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).map_or(Ok(0), |text| text.parse::<u16>())?;
    let server = ApiServer::builder().build();
    let handle = server.serve(TcpListener::bind(("127.0.0.1", port)).await?, ServeOptions::default())?;
    println!("{}", kubeconfig(&format!("http://{}", handle.local_addr()), None, None));
    tokio::signal::ctrl_c().await?;
    handle.shutdown().await;
    Ok(())
}
