//! Where the two databases want other words for the same.

use sqlx::AnyConnection;

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
}

impl Dialect {
    /// That of a connection.
    pub(super) fn of(connection: &AnyConnection) -> Self {
        match connection.backend_name() {
            "SQLite" => Self::Sqlite,
            _ => Self::Postgres,
        }
    }

    /// Begins a transaction that is going to write. `SQLite` is told so: one that learns it on the way
    /// fails when somebody else was faster.
    pub(super) fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// Begins a transaction that sees one state of everything that it reads.
    pub(super) fn begin_reading(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// Whether any migration was ever applied: 1 or 0.
    pub(super) fn has_migrations(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT COUNT(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'",
            Self::Postgres => {
                "SELECT COUNT(*) FROM pg_tables
                 WHERE tablename = '_sqlx_migrations' AND schemaname = ANY (current_schemas(false))"
            }
        }
    }

    /// The texts of the JSON array `$1`, one a row, in a column `value`.
    pub(super) fn texts(self) -> &'static str {
        match self {
            Self::Sqlite => "json_each($1)",
            Self::Postgres => "json_array_elements_text($1::json) AS texts (value)",
        }
    }

    /// A row of `columns` placeholders that follows `before` others. `SQLite` looks numbered ones up one by
    /// one, which thousands are too many for.
    pub(super) fn row(self, before: usize, columns: usize) -> String {
        let place = |column| match self {
            Self::Sqlite => "?".to_owned(),
            Self::Postgres => format!("${}", before + column + 1),
        };
        let places: Vec<String> = (0..columns).map(place).collect();
        format!("({})", places.join(","))
    }
}
