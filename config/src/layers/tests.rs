//! Which layer wins, and what survives the merge.

use super::*;

fn sources(env: &[(&str, &str)], overrides: &[(&str, &str)]) -> Sources {
    let own = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    Sources {
        env: own(env),
        overrides: own(overrides),
        ..Sources::default()
    }
}

/// The merged tree of a YAML file and other sources, as compact text.
fn merged(yaml: &str, sources: &Sources) -> String {
    let file = crate::syntax::Syntax::Yaml.parse(yaml).root;
    let (root, diagnostics) = merge(file, sources, &["a", "b", "c"]);
    assert_eq!(diagnostics, []);
    show(&root)
}

fn show(node: &Node) -> String {
    match &node.value {
        Value::Scalar(scalar) => match &node.place {
            Place::File { .. } => scalar.text.clone(),
            Place::Variable(name) => format!("{}@{name}", scalar.text),
            Place::Override => format!("{}!", scalar.text),
        },
        Value::List(items) => {
            format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" "))
        }
        Value::Table(entries) => {
            let shown = entries
                .iter()
                .map(|(name, node)| format!("{name}:{}", show(node)));
            format!("{{{}}}", shown.collect::<Vec<_>>().join(" "))
        }
    }
}

#[test]
fn without_other_layers_the_file_is_unchanged() {
    let yaml = "b: {z: [1, 2], y: {}, x: null}\na: 1\n";
    assert_eq!(
        merged(yaml, &sources(&[], &[])),
        "{b:{z:[1 2] y:{} x:} a:1}"
    );
}

#[test]
fn later_layers_replace_values_and_add_keys() {
    let yaml = "a: {x: 1, y: 2}\nb: [1]\n";
    let others = sources(
        &[
            ("TOLLWARD__A__X", "3"),
            ("TOLLWARD__A__NEW", "4"),
            ("TOLLWARD__B", "5"),
            ("PATH", "6"),
        ],
        &[("a.x", "7"), ("c.deep.er", "8")],
    );
    let expected = "{a:{x:7! y:2 new:4@TOLLWARD__A__NEW} b:5@TOLLWARD__B c:{deep:{er:8!}}}";
    assert_eq!(merged(yaml, &others), expected);
}

#[test]
fn keys_with_dots_stay_whole_in_the_file() {
    let yaml = "a: {x.y: 1, 'z[9]': 2}\nother.key: 3\n";
    assert_eq!(
        merged(yaml, &sources(&[], &[])),
        "{a:{x.y:1 z[9]:2} other.key:3}"
    );
}

#[test]
fn a_value_in_the_file_is_not_hidden_by_keys_below_it() {
    let others = sources(&[("TOLLWARD__A__X", "1")], &[("b.y", "2")]);
    assert_eq!(merged("a: 5\nb: null\n", &others), "{a:5 b:{y:2!}}");
}

#[test]
fn a_path_into_a_list_cannot_grow_it() {
    let others = sources(&[("TOLLWARD__A[4000000000]", "1")], &[]);
    assert_eq!(merged("a: 1\n", &others), "{a:1}");
    let (_, diagnostics) = merge(None, &sources(&[], &[("a[4000000000]", "1")]), &["a"]);
    assert_eq!(diagnostics.len(), 1);
}

#[test]
fn a_root_that_is_no_table_is_left_for_the_reader() {
    let file = crate::syntax::Syntax::Yaml.parse("- 1\n").root;
    let (root, _) = merge(file, &Sources::default(), &["a"]);
    assert!(matches!(root.value, Value::List(_)), "{}", show(&root));
}
