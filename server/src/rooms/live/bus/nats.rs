//! The bus over NATS: one subject, on a thread with a small runtime of its own.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{ConnectOptions, Event};
use futures_util::StreamExt;
use tokio::sync::mpsc::{Receiver, Sender};

use super::{Heard, Letter};

/// Between attempts to begin.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) fn start(
    node: Arc<str>,
    url: String,
    subject: String,
    waiting: Receiver<String>,
    tell: Sender<Heard>,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let work = move || runtime.block_on(serve(node, url, subject, waiting, tell));
    std::thread::Builder::new().name("live-bus".into()).spawn(work).map(drop)
}

/// Comes back when the node stops. The library connects again by itself and says so.
async fn serve(node: Arc<str>, url: String, subject: String, mut waiting: Receiver<String>, tell: Sender<Heard>) {
    loop {
        match line(&node, &url, &subject, &mut waiting, &tell).await {
            Ok(()) => return,
            Err(e) => tracing::warn!(error = %e, "NATS cannot be used; it is tried again"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn line(
    node: &str,
    url: &str,
    subject: &str,
    waiting: &mut Receiver<String>,
    tell: &Sender<Heard>,
) -> Result<(), Box<dyn std::error::Error>> {
    let again = tell.clone();
    let on_event = move |event| {
        let again = again.clone();
        async move {
            match event {
                Event::Connected => {
                    // Also the first time: whoever waits for news catches up. The node may be stopping.
                    drop(again.send(Heard::Reconnected).await);
                }
                other => tracing::info!(event = %other, "NATS"),
            }
        }
    };
    let options = ConnectOptions::new().name("keystead").retry_on_initial_connect().event_callback(on_event);
    let client = options.connect(url).await?;
    let mut heard = client.subscribe(subject.to_owned()).await?;
    loop {
        tokio::select! {
            letter = waiting.recv() => match letter {
                Some(letter) => client.publish(subject.to_owned(), letter.into()).await?,
                None => {
                    client.flush().await?;
                    return Ok(());
                }
            },
            message = heard.next() => {
                let Some(message) = message else { return Err("the subscription ended".into()) };
                match serde_json::from_slice::<Letter>(&message.payload) {
                    Ok(letter) if letter.node == node => {}
                    Ok(letter) => if tell.send(Heard::Letter(letter)).await.is_err() {
                        return Ok(());
                    },
                    Err(e) => tracing::warn!(error = %e, "a letter of another node cannot be read"),
                }
            }
        }
    }
}
