//! Listening, and the handle by which tests hold a sandbox.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::body::Incoming;
use hyper::header::{DATE, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::connection::{Connection, ResetFlag};
use crate::service::Shared;
use crate::wire::{self, Answer, Call, End, NoAnswer, Reply};
use crate::{admin, page};

/// Most bytes in a body to the sandbox's own administration.
const ADMIN_BODY: usize = 1 << 30;

/// Listens on an address; the address that was taken comes back.
pub(crate) fn bind(address: SocketAddr) -> std::io::Result<(StdListener, SocketAddr)> {
    let listener = StdListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let taken = listener.local_addr()?;
    Ok((listener, taken))
}

/// Accepts connections until the task is dropped.
pub(crate) async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, most likely: others get a chance to close theirs.
            tokio::task::yield_now().await;
            continue;
        };
        let reset = ResetFlag::new(AtomicBool::new(false));
        let connection = Connection::new(stream, Arc::clone(&reset));
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            match tls {
                None => serve(connection, shared, reset).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(connection).await {
                        serve(stream, shared, reset).await;
                    }
                }
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, shared: Arc<Shared>, reset: ResetFlag) {
    let service = service_fn(|request| respond(request, Arc::clone(&shared), Arc::clone(&reset)));
    let served = http1::Builder::new()
        .title_case_headers(true)
        // The date is of the sandbox's clock.
        .auto_date_header(false)
        .max_buf_size(1 << 20)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::trace!(%error, "a connection ended");
    }
}

async fn respond(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    reset: ResetFlag,
) -> Result<Response<Reply>, NoAnswer> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let own = page::is_page(path) || admin::is_admin(path);
    let limit = if own { ADMIN_BODY } else { shared.options.max_body };
    let Ok((body, too_long)) = wire::read_body(body, limit).await else { return Err(NoAnswer) };
    let call = Call {
        method: parts.method.as_str().to_owned(),
        path: path.to_owned(),
        query: parts.uri.query().map(str::to_owned),
        headers: parts.headers,
        body,
        too_long,
    };
    // In a task of its own: a client that goes away does not stop what it asked for.
    let task = tokio::spawn({
        let shared = Arc::clone(&shared);
        async move {
            match own {
                true if page::is_page(&call.path) => page::answer(&shared, &call),
                true => admin::answer(&shared, &call),
                false => shared.answer(call).await,
            }
        }
    });
    let Ok(answer) = task.await else { return Err(NoAnswer) };
    if answer.end == End::Reset {
        reset.store(true, Ordering::Relaxed);
        return Err(NoAnswer);
    }
    Ok(response(answer, &shared))
}

fn response(answer: Answer, shared: &Shared) -> Response<Reply> {
    let mut response = Response::new(Reply::new(answer.body, answer.end == End::Cut));
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    headers.extend(answer.headers);
    headers.insert(DATE, wire::http_date(shared.now()));
    let id = uuid::Uuid::new_v4().to_string();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    response
}
