//! The dependencies between the modules of `bevy_pusher` and `pusher_protocol`. ARCHITECTURE.md shows them; this test fails on any other.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is a failed test"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A top-level module, and the others that it may name. Each may only name modules further up, so there are no cycles.
type AllowedDependencies = &'static [(&'static str, &'static [&'static str])];

const BEVY_PUSHER: AllowedDependencies = &[
    // Leaves: no I/O, no ECS systems.
    ("sync", &[]),
    ("user_code", &[]),
    ("waker", &["sync"]),
    ("auth", &["sync"]),
    ("transport", &["sync"]),
    ("config", &["auth", "sync", "transport"]),
    // The client and its driver.
    ("driver", &["auth", "config", "sync", "transport"]),
    ("client", &["config", "driver", "sync"]),
    // The ECS API.
    ("schedule", &[]),
    ("event", &[]),
    ("user", &["event"]),
    ("connection", &["client", "sync"]),
    ("sending", &["connection"]),
    ("presence", &["event", "user_code"]),
    ("channel", &["client", "event", "presence", "user_code"]),
    // From the driver to the ECS API.
    (
        "inbound",
        &[
            "channel",
            "client",
            "connection",
            "driver",
            "event",
            "presence",
            "sending",
            "sync",
            "user",
            "user_code",
            "waker",
        ],
    ),
    ("app_ext", &["event", "inbound", "user"]),
    (
        "testing",
        &[
            "auth",
            "channel",
            "config",
            "connection",
            "driver",
            "sync",
            "transport",
        ],
    ),
    (
        "integrations",
        &["client", "config", "connection", "inbound", "schedule"],
    ),
    (
        "plugin",
        &[
            "channel",
            "client",
            "config",
            "connection",
            "driver",
            "event",
            "inbound",
            "integrations",
            "presence",
            "schedule",
            "sending",
            "testing",
            "user",
            "user_code",
            "waker",
        ],
    ),
];

const PUSHER_PROTOCOL: AllowedDependencies = &[
    ("protocol", &[]),
    ("config", &[]),
    ("session", &["config", "protocol"]),
    ("server", &["protocol"]),
];

#[test]
fn the_plugins_modules_depend_only_on_those_in_the_table() {
    check("src", BEVY_PUSHER);
}

#[test]
fn the_protocols_modules_depend_only_on_those_in_the_table() {
    check("pusher_protocol/src", PUSHER_PROTOCOL);
}

#[test]
fn all_paths_to_modules_are_found() {
    let source = r##"
        //! Docs may name anything: [`crate::docs::X`].
        use std::fmt;
        use crate::plain::X;
        use crate::{nested::{self, Y}, deep::er::{Z, crate_like}, };
        use super::{sibling::A, other};
        pub(crate) use super::super::reexported::B;
        pub(in crate::visible) struct C;
        fn f() -> crate::result::R { crate::called::g(super::child::h); "crate::text::X" }
        macro_rules! m { () => { $crate::in_macro::X }; }
        mod inline { use super::own; use super::super::up::X; }
        #[cfg(test)]
        mod tests { use crate::tested::X; }
    "##;
    let mut found = BTreeSet::new();
    let module = ["room".to_owned(), "file".to_owned()];
    collect(source.parse().unwrap(), &module, &mut found);
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    assert_eq!(
        found,
        [
            "called",
            "deep",
            "in_macro",
            "nested",
            "plain",
            "reexported",
            "result",
            "room",
            "visible",
        ]
    );
}

#[test]
#[should_panic(expected = "`driver` names `plugin`")]
fn an_arrow_that_is_not_in_the_table_fails() {
    let names = BTreeMap::from([("driver".to_owned(), BTreeSet::from(["plugin".to_owned()]))]);
    compare(&names, BEVY_PUSHER);
}

#[track_caller]
fn check(src: &str, table: AllowedDependencies) {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join(src);
    let mut names = BTreeMap::<String, BTreeSet<String>>::new();
    for file in rust_files(&src) {
        let module = module_of(file.strip_prefix(&src).unwrap());
        let Some(top_level) = module.first().filter(|_| !is_test(&module)) else {
            continue;
        };
        let source = fs::read_to_string(&file).unwrap();
        let tokens = source.parse().unwrap();
        collect(tokens, &module, names.entry(top_level.clone()).or_default());
    }
    assert!(!names.is_empty(), "no modules in {}", src.display());
    compare(&names, table);
    for (top_level, allowed) in table {
        for target in *allowed {
            let is_used = names
                .get(*top_level)
                .is_some_and(|names| names.contains(*target));
            assert!(
                is_used,
                "`{top_level}` no longer names `{target}`: remove it from the table"
            );
        }
    }
}

/// Fails if a module names one that it may not name.
#[track_caller]
fn compare(names: &BTreeMap<String, BTreeSet<String>>, table: AllowedDependencies) {
    for (top_level, targets) in names {
        // The guide is documentation.
        if top_level == "guide" {
            continue;
        }
        let position = table.iter().position(|(name, _)| name == top_level);
        let Some(position) = position else {
            panic!("the module `{top_level}` is not in the table")
        };
        let (_, allowed) = table[position];
        for target in targets.iter().filter(|target| *target != top_level) {
            let is_allowed = allowed.contains(&target.as_str());
            assert!(
                is_allowed,
                "`{top_level}` names `{target}`, which the table does not allow"
            );
        }
        for target in allowed {
            let is_above = table[..position].iter().any(|(name, _)| name == target);
            assert!(
                is_above,
                "`{target}` must be above `{top_level}` in the table"
            );
        }
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The module of a file: `a/b.rs` is `a::b`, `a/mod.rs` is `a`, `lib.rs` is the crate.
fn module_of(file: &Path) -> Vec<String> {
    let file = file.with_extension("");
    let parts = file.iter().map(|part| part.to_str().unwrap().to_owned());
    parts
        .filter(|part| part != "mod" && part != "lib")
        .collect()
}

fn is_test(module: &[String]) -> bool {
    module.iter().any(|part| part == "tests")
}

/// Collects the top-level modules that tokens name by `crate::…` or `super::…`: in `use`, in paths of expressions and types, and in
/// macros. Comments are not tokens, and tests may name anything.
fn collect(tokens: TokenStream, module: &[String], found: &mut BTreeSet<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(ident) if ident == "mod" => {
                if let [TokenTree::Ident(name), TokenTree::Group(body), ..] = &tokens[at + 1..] {
                    let inner = [module, &[name.to_string()]].concat();
                    if !is_test(&inner) {
                        collect(body.stream(), &inner, found);
                    }
                    at += 2;
                }
            }
            TokenTree::Ident(ident) if ident == "crate" => {
                path(&tokens[at + 1..], Vec::new(), found);
            }
            TokenTree::Ident(ident) if ident == "super" => {
                let parent = module[..module.len().saturating_sub(1)].to_vec();
                path(&tokens[at + 1..], parent, found);
                // `super::super` is one path.
                while matches!(tokens.get(at + 3), Some(TokenTree::Ident(next)) if next == "super")
                {
                    at += 3;
                }
            }
            TokenTree::Group(group) => collect(group.stream(), module, found),
            _ => {}
        }
        at += 1;
    }
}

/// Follows a path from `prefix` as far as its top-level module is not known.
fn path(rest: &[TokenTree], mut prefix: Vec<String>, found: &mut BTreeSet<String>) {
    if let Some(top_level) = prefix.first()
        && !matches!(rest, [_, _, TokenTree::Ident(next), ..] if next == "super")
    {
        found.insert(top_level.clone());
        return;
    }
    match rest {
        [
            TokenTree::Punct(one),
            TokenTree::Punct(two),
            next,
            rest @ ..,
        ] if one.as_char() == ':' && two.as_char() == ':' => match next {
            TokenTree::Ident(ident) if ident == "super" => {
                prefix.pop();
                path(rest, prefix, found);
            }
            TokenTree::Ident(ident) => {
                found.insert(ident.to_string());
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let trees: Vec<TokenTree> = group.stream().into_iter().collect();
                let is_comma =
                    |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ',');
                for tree in trees.split(is_comma) {
                    if let [TokenTree::Ident(ident), ..] = tree {
                        found.insert(ident.to_string());
                    }
                }
            }
            _ => {}
        },
        _ => {}
    }
}
