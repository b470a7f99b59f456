//! One TOML file and the environment: composes the modules' own settings. Only `cli` reads it.
