//! The scanner covers every byte once and finds the same events under any cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollward_wire::sse::{Event, Scanner};

type Read = (Option<Vec<u8>>, Option<Vec<u8>>);

fn events(chunks: &[&[u8]]) -> (Vec<Read>, usize) {
    let mut scanner = Scanner::new();
    let mut events = Vec::new();
    let mut covered = 0;
    for chunk in chunks {
        let mut at = 0;
        while let Ok(Some(boundary)) = scanner.next_event(chunk, at) {
            assert!(boundary.end > at);
            let raw = match &boundary.carried {
                Some(carried) => carried.to_vec(),
                None => chunk[at..boundary.end].to_vec(),
            };
            covered += raw.len();
            let event = if boundary.is_first {
                Event::parse_first(&raw)
            } else {
                Event::parse(&raw)
            };
            if let Some(data) = event.data {
                let name = event.name.map(<[u8]>::to_vec);
                events.push((name, Some(data.into_owned())));
            }
            at = boundary.end;
        }
    }
    (events, covered + scanner.remainder().len())
}

fuzz_target!(|input: (usize, Vec<u8>)| {
    let (at, stream) = input;
    let (head, tail) = stream.split_at(at % (stream.len() + 1));
    let whole = events(&[&stream]);
    assert_eq!(whole.1, stream.len());
    assert_eq!(events(&[head, tail]), whole);
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(events(&bytes), whole);
});
