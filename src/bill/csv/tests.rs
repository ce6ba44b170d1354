use super::*;

#[test]
fn what_is_written_is_read_again() {
    let fields = [
        "plain",
        "with, comma",
        "with \"quotes\"",
        "two\nlines",
        "배",
    ];
    let written = line(fields.map(Field::text));
    let found = read(&written);
    let expected = vec![(1, fields.map(str::to_owned).to_vec())];
    assert_eq!(found, Ok(expected));
}

#[test]
fn a_text_is_never_a_formula_and_a_number_stays_one() {
    let written = line([
        Field::text("=cmd|'/c calc'!A1"),
        Field::text("-x"),
        Field::number(&-0.5),
        Field::text(""),
        Field::Null,
    ]);
    assert_eq!(written, "'=cmd|'/c calc'!A1,'-x,-0.5,,\r\n");
}

#[test]
fn exports_of_all_kinds_are_read() {
    let text = "\u{feff}a,b\r\n1,\"x\ny\"\r\n\r\n,\n2,z";
    let fields = |fields: [&str; 2]| fields.map(str::to_owned).to_vec();
    let expected = vec![
        (1, fields(["a", "b"])),
        (2, fields(["1", "x\ny"])),
        (6, fields(["2", "z"])),
    ];
    assert_eq!(read(text), Ok(expected));
    assert_eq!(read(""), Ok(vec![]));
}

#[test]
fn a_quote_without_an_end_is_told_by_its_line() {
    assert_eq!(read("a,b\n1,\"x\n2,y\n"), Err(2));
}
