//! The way to an API server, on which attempts are counted.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Forwards connections, and counts those that found nobody.
pub struct Proxy {
    port: u16,
    refused: Arc<AtomicU64>,
    held: watch::Sender<bool>,
    serving: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// To a server at a URL.
    pub async fn to(url: &str) -> Self {
        let target = url.trim_start_matches("https://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let refused = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&refused);
        let (held, closed) = watch::channel(false);
        let serving = tokio::spawn(async move {
            loop {
                let (mut near, _) = listener.accept().await.expect("a connection");
                let (target, count, mut closed) = (target.clone(), Arc::clone(&count), closed.clone());
                tokio::spawn(async move {
                    let Ok(mut far) = TcpStream::connect(target).await else {
                        count.fetch_add(1, Ordering::Relaxed);
                        return;
                    };
                    // How it ends is the business of both sides.
                    tokio::select! {
                        biased;
                        _ = closed.wait_for(|is_closed| *is_closed) => {}
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    }
                });
            }
        });
        Self { port, refused, held, serving }
    }

    /// Closes the way, for connections that are open too.
    pub fn close(&self) {
        self.held.send_replace(true);
    }

    /// Opens it again.
    pub fn open(&self) {
        self.held.send_replace(false);
    }

    /// Attempts that found nobody.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// A kubeconfig that takes this way.
    pub fn kubeconfig(&self, direct: &Path, url: &str) -> PathBuf {
        let text = std::fs::read_to_string(direct).expect("a kubeconfig");
        assert!(text.contains(url), "the kubeconfig names the server");
        let path = direct.with_extension(format!("{}.yaml", self.port));
        std::fs::write(&path, text.replace(url, &format!("https://127.0.0.1:{}", self.port)))
            .expect("a file");
        path
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
