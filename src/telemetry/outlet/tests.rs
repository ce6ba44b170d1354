#![expect(clippy::expect_used, reason = "tests")]

use super::*;

struct Stuck;

impl Write for Stuck {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        loop {
            std::thread::park();
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

// P-26
#[test]
fn a_stuck_writer_costs_lines_and_neither_callers_nor_the_end() {
    let outlet = Outlet::open("stuck", Box::new(Stuck)).expect("a thread");
    let line = [b'x'; 1024];
    let taken = (0..20_000)
        .filter(|_| outlet.push(|buffer| buffer.extend_from_slice(&line)))
        .count();
    assert!(
        (4_096..=12_300).contains(&taken),
        "{taken} lines of a kibibyte"
    );
    outlet.close();
}

#[test]
fn closing_writes_what_waits() {
    let (mut read, write) = io::pipe().expect("a pipe");
    let outlet = Outlet::open("whole", Box::new(write)).expect("a thread");
    assert!(outlet.push(|buffer| buffer.extend_from_slice(b"last words\n")));
    outlet.close();
    let mut text = String::new();
    io::Read::read_to_string(&mut read, &mut text).expect("UTF-8");
    assert_eq!(text, "last words\n");
}
