//! A name service for the Pods: it knows a few names, all of which are the realm.

use std::net::{Ipv4Addr, UdpSocket};

use super::realm::ADDRESS;

/// The domain of which every name is the realm's address.
pub const DOMAIN: &str = "outside.test";

/// Answers in a thread until the process ends. To be called within the realm.
pub fn serve() {
    let socket = UdpSocket::bind((ADDRESS, 53)).expect("the port is free in the realm");
    std::thread::spawn(move || {
        let mut question = [0; 512];
        while let Ok((length, asker)) = socket.recv_from(&mut question) {
            if let Some(answer) = answer(&question[..length]) {
                let _ = socket.send_to(&answer, asker);
            }
        }
    });
}

/// The answer to one question (RFC 1035), if it is one.
fn answer(question: &[u8]) -> Option<Vec<u8>> {
    let mut at = 12;
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*question.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(question.get(at..at + length)?).to_lowercase());
        at += length;
    }
    let kind = question.get(at..at + 4)?;
    let name = labels.join(".");
    let is_known = name.strip_suffix(DOMAIN).is_some_and(|rest| rest.ends_with('.'));
    let is_address = is_known && kind == [0, 1, 0, 1];
    let mut answer = question.get(..2)?.to_owned();
    // A response, authoritative, recursion offered; no such name where it is not known.
    answer.extend([0x85, if is_known { 0x80 } else { 0x83 }]);
    answer.extend([0, 1, 0, u8::from(is_address), 0, 0, 0, 0]);
    answer.extend(question.get(12..at + 4)?);
    if is_address {
        let address: Ipv4Addr = ADDRESS.parse().expect("an address");
        // The name of the question, an address, for five seconds.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4]);
        answer.extend(address.octets());
    }
    Some(answer)
}
