//! How a cache is set up: in code, or by a file in wasmtime's format. Each setting is a row of the table below.

use crate::Result;
use mainspring_error::{Context, bail, ensure, format_err};
use mainspring_tiering::CacheSettings;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How a [`Cache`](crate::Cache) is set up.
#[derive(Clone, Debug)]
pub struct CacheConfig {
    directory: Option<PathBuf>,
    settings: Settings,
}

/// A setting's value, as a file has it.
type Value = toml::Value;

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident $with:ident $key:literal: $ty:ty = $default:expr, $read:ident;)*) => {
        #[derive(Clone, Debug)]
        struct Settings {
            $($name: $ty,)*
        }

        impl Default for Settings {
            fn default() -> Settings {
                Settings { $($name: $default,)* }
            }
        }

        impl Settings {
            /// Sets what a file has under a key.
            fn set(&mut self, key: &str, value: &Value) -> Result<()> {
                match key {
                    $($key => self.$name = $read(value)?,)*
                    _ => bail!("there is no such setting; there are {}", KEYS.join(", ")),
                }
                Ok(())
            }
        }

        /// The names of all settings in a file.
        const KEYS: &[&str] = &["directory", $($key),*];

        impl CacheConfig {
            $(
                $(#[$doc])*
                pub fn $with(&mut self, value: $ty) -> &mut Self {
                    self.settings.$name = value;
                    self
                }

                #[doc = concat!("See [`", stringify!($with), "`](Self::", stringify!($with), ").")]
                pub fn $name(&self) -> $ty {
                    self.settings.$name
                }
            )*
        }

        impl crate::Cache {
            $(
                #[doc = concat!("See [`CacheConfig::", stringify!($with), "`].")]
                pub fn $name(&self) -> $ty {
                    self.config.$name()
                }
            )*
        }
    };
}

settings! {
    /// Sets how many bytes the files may have together, about. 2 GiB by default.
    files_total_size_soft_limit with_files_total_size_soft_limit "files-total-size-soft-limit":
        u64 = CacheSettings::DEFAULT_SIZE_LIMIT, size;
    /// Sets to which part of their limit, in percent, the files' bytes are reduced once it is exceeded. What was used least
    /// recently goes first. 80 by default.
    files_total_size_limit_percent_if_deleting with_files_total_size_limit_percent_if_deleting
        "files-total-size-limit-percent-if-deleting": u8 = CacheSettings::DEFAULT_PERCENT, percent;
    /// Sets how many files there may be, about. They are counted when someone looks after the directory. 65,536 by default.
    file_count_soft_limit with_file_count_soft_limit "file-count-soft-limit":
        u64 = CacheSettings::DEFAULT_FILE_LIMIT, number;
    /// Sets to which part of their limit, in percent, the number of files is reduced once it is exceeded. 80 by default.
    file_count_limit_percent_if_deleting with_file_count_limit_percent_if_deleting
        "file-count-limit-percent-if-deleting": u8 = CacheSettings::DEFAULT_PERCENT, percent;
    /// Sets after how long someone who uses the directory looks after it, even if there seems to be room. An hour by default.
    cleanup_interval with_cleanup_interval "cleanup-interval":
        Duration = CacheSettings::DEFAULT_LOOK_AFTER, duration;
    /// Sets how far in the future the time may lie at which a file was used. Of what lies further, it is taken that nothing is
    /// known, so it goes first. An hour by default.
    allowed_clock_drift_for_files_from_future with_allowed_clock_drift_for_files_from_future
        "allowed-clock-drift-for-files-from-future": Duration = CacheSettings::DEFAULT_CLOCK_DRIFT, duration;
    /// Has no effect: no queue stands between whoever uses the cache and its files.
    worker_event_queue_size with_worker_event_queue_size "worker-event-queue-size": u64 = 16, number;
    /// Has no effect but to be checked: files are mapped as they are, and not compressed.
    baseline_compression_level with_baseline_compression_level "baseline-compression-level": i32 = 3, level;
    /// Has no effect but to be checked, as [`with_baseline_compression_level`](Self::with_baseline_compression_level).
    optimized_compression_level with_optimized_compression_level "optimized-compression-level": i32 = 20, level;
    /// Has no effect, as [`with_baseline_compression_level`](Self::with_baseline_compression_level).
    optimized_compression_usage_counter_threshold with_optimized_compression_usage_counter_threshold
        "optimized-compression-usage-counter-threshold": u64 = 256, number;
    /// Has no effect, as [`with_baseline_compression_level`](Self::with_baseline_compression_level).
    optimizing_compression_task_timeout with_optimizing_compression_task_timeout
        "optimizing-compression-task-timeout": Duration = Duration::from_secs(30 * 60), duration;
}

impl Default for CacheConfig {
    fn default() -> CacheConfig {
        CacheConfig::new()
    }
}

impl CacheConfig {
    /// The default: a directory of the user's (`$MAINSPRING_CACHE_DIR`, or `mainspring` in
    /// `$XDG_CACHE_HOME` or in `~/.cache`), with 2 GiB at the most.
    pub fn new() -> CacheConfig {
        CacheConfig {
            directory: None,
            settings: Settings::default(),
        }
    }

    /// What a file says, in TOML. All settings are in the table `cache`; those that are not there are as in
    /// [`new`](Self::new).
    ///
    /// ```toml
    /// [cache]
    /// directory = "/var/cache/me"
    /// files-total-size-soft-limit = "512Mi"
    /// file-count-soft-limit = "10K"
    /// file-count-limit-percent-if-deleting = "70%"
    /// cleanup-interval = "1h"
    /// ```
    ///
    /// Without a path, that is the file `mainspring/config.toml` in `$XDG_CONFIG_HOME` or in `~/.config`, which need not be
    /// there.
    ///
    /// # Errors
    /// If the file can't be read, or says what can't be.
    pub fn from_file(config_file: Option<&Path>) -> Result<CacheConfig> {
        let path = match config_file {
            Some(path) => path.to_owned(),
            None => match default_file() {
                Some(path) if path.exists() => path,
                _ => return Ok(CacheConfig::new()),
            },
        };
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("failed to read config file: {}", path.display()))?;
        let config = CacheConfig::parse(&text)
            .with_context(|| format!("failed to parse config file: {}", path.display()))?;
        config.validate()?;
        Ok(config)
    }

    fn parse(text: &str) -> Result<CacheConfig> {
        let file: toml::Table = text.parse()?;
        if let Some(other) = file.keys().find(|key| *key != "cache") {
            bail!("`{other}` is not a setting of the cache: these are in the table `cache`");
        }
        let settings = file.get("cache").and_then(Value::as_table);
        let settings = settings.context("the table `cache` is missing")?;
        let mut config = CacheConfig::new();
        for (key, value) in settings {
            config
                .set(key, value)
                .with_context(|| format!("`{key}` in the table `cache`"))?;
        }
        Ok(config)
    }

    fn set(&mut self, key: &str, value: &Value) -> Result<()> {
        if key == "directory" {
            let path = value.as_str().context("it must be a path in quotes")?;
            self.directory = Some(path.into());
            return Ok(());
        }
        self.settings.set(key, value)
    }

    /// Sets the directory, by an absolute path. It is made if it does not exist.
    pub fn with_directory(&mut self, directory: impl Into<PathBuf>) -> &mut Self {
        self.directory = Some(directory.into());
        self
    }

    /// The directory, if one is set.
    pub fn directory(&self) -> Option<&PathBuf> {
        self.directory.as_ref()
    }

    /// Checks what can't be checked setting by setting.
    fn validate(&self) -> Result<()> {
        if let Some(directory) = &self.directory {
            ensure!(
                directory.is_absolute(),
                "the cache directory has to be an absolute path, and is {}",
                directory.display()
            );
        }
        let (baseline, optimized) = (
            self.baseline_compression_level(),
            self.optimized_compression_level(),
        );
        for level in [baseline, optimized] {
            ensure!(
                (0..=21).contains(&level),
                "a compression level is between 0 and 21, not {level}"
            );
        }
        ensure!(
            optimized >= baseline,
            "the optimized compression level ({optimized}) is below that of the baseline ({baseline})"
        );
        for percent in [
            self.file_count_limit_percent_if_deleting(),
            self.files_total_size_limit_percent_if_deleting(),
        ] {
            ensure!(
                percent <= 100,
                "what is left of a limit is 100% at the most, not {percent}%"
            );
        }
        Ok(())
    }

    /// What it means to those who keep the files.
    pub(super) fn settings(&self) -> Result<CacheSettings> {
        self.validate()?;
        let directory = match &self.directory {
            Some(directory) => directory.clone(),
            None => CacheSettings::default_directory()?,
        };
        Ok(CacheSettings {
            directory,
            size_limit: self.files_total_size_soft_limit(),
            size_percent: self.files_total_size_limit_percent_if_deleting(),
            file_limit: self.file_count_soft_limit(),
            file_percent: self.file_count_limit_percent_if_deleting(),
            look_after: self.cleanup_interval(),
            clock_drift: self.allowed_clock_drift_for_files_from_future(),
        })
    }
}

fn default_file() -> Option<PathBuf> {
    let absolute = |name| {
        let path = PathBuf::from(std::env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    let configs =
        absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))?;
    Some(configs.join("mainspring/config.toml"))
}

/// What a file says, in a message.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        Value::Integer(number) => number.to_string(),
        Value::Boolean(flag) => flag.to_string(),
        other => format!("of the type {}", other.type_str()),
    }
}

/// A number with one of the units, which come with what they stand for.
fn with_unit(value: &Value, units: &[(&str, u64)], expected: &str) -> Result<u64> {
    let read = || {
        let text = value.as_str()?.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit());
        let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
        let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim())?;
        number.parse::<u64>().ok()?.checked_mul(*factor)
    };
    read().ok_or_else(|| format_err!("it must be {expected} in quotes, and is {}", shown(value)))
}

const K: u64 = 1000;

const NUMBERS: &[(&str, u64)] = &[
    ("", 1),
    ("K", K),
    ("M", K.pow(2)),
    ("G", K.pow(3)),
    ("T", K.pow(4)),
    ("P", K.pow(5)),
];

const BINARY: &[(&str, u64)] = &[
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("Ti", 1 << 40),
    ("Pi", 1 << 50),
];

const TIMES: &[(&str, u64)] = &[("s", 1), ("m", 60), ("h", 60 * 60), ("d", 24 * 60 * 60)];

fn number(value: &Value) -> Result<u64> {
    with_unit(value, NUMBERS, "a number such as \"1000\" or \"64K\"")
}

fn size(value: &Value) -> Result<u64> {
    let expected = "a number of bytes such as \"512Mi\" or \"2G\"";
    with_unit(value, &[NUMBERS, BINARY].concat(), expected)
}

fn duration(value: &Value) -> Result<Duration> {
    let expected = "a time in seconds, minutes, hours or days such as \"30m\"";
    with_unit(value, TIMES, expected).map(Duration::from_secs)
}

fn percent(value: &Value) -> Result<u8> {
    let expected = "a percentage such as \"70%\"";
    let percent = with_unit(value, &[("%", 1)], expected)?;
    u8::try_from(percent).with_context(|| format!("it must be 100% at the most, and is {percent}%"))
}

fn level(value: &Value) -> Result<i32> {
    let level = value
        .as_integer()
        .and_then(|level| i32::try_from(level).ok());
    level.ok_or_else(|| {
        format_err!(
            "it must be a number without quotes, and is {}",
            shown(value)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_set_what_they_name() {
        let text = r#"
            [cache]
            directory = "/var/cache/me"
            worker-event-queue-size = "3"
            baseline-compression-level = 4
            optimized-compression-level = 5
            optimized-compression-usage-counter-threshold = " 2 K "
            cleanup-interval = "2h"
            optimizing-compression-task-timeout = "7s"
            allowed-clock-drift-for-files-from-future = "1d"
            file-count-soft-limit = "3M"
            files-total-size-soft-limit = "512Mi"
            file-count-limit-percent-if-deleting = "60%"
            files-total-size-limit-percent-if-deleting = "0%""#;
        let config = CacheConfig::parse(text).expect("a valid file");
        config.validate().expect("valid settings");
        assert_eq!(config.directory(), Some(&PathBuf::from("/var/cache/me")));
        assert_eq!(config.worker_event_queue_size(), 3);
        assert_eq!(config.baseline_compression_level(), 4);
        assert_eq!(config.optimized_compression_level(), 5);
        assert_eq!(config.optimized_compression_usage_counter_threshold(), 2000);
        assert_eq!(
            config.optimizing_compression_task_timeout(),
            Duration::from_secs(7)
        );
        let settings = config.settings().expect("valid settings");
        assert_eq!(settings.look_after, Duration::from_secs(7200));
        assert_eq!(settings.clock_drift, Duration::from_secs(86400));
        assert_eq!(settings.file_limit, 3_000_000);
        assert_eq!(settings.size_limit, 512 << 20);
        assert_eq!((settings.file_percent, settings.size_percent), (60, 0));
        let empty = CacheConfig::parse("[cache]").expect("a valid file");
        assert_eq!(empty.files_total_size_soft_limit(), 2 << 30);
        assert_eq!(empty.directory(), None);
    }

    #[test]
    fn what_a_file_gets_wrong_is_named() {
        for (text, expected) in [
            ("", "the table `cache` is missing"),
            ("cache = 3", "the table `cache` is missing"),
            ("[cache]\n[run]", "`run` is not a setting of the cache"),
            ("[cache", "line 1"),
            (
                "[cache]\ndirectory = 3",
                "`directory` in the table `cache`: it must be a path",
            ),
            (
                "[cache]\nenabled = true",
                "`enabled` in the table `cache`: there is no such setting; there are directory, files-total",
            ),
            (
                "[cache]\ncleanup-interval = 3600",
                "such as \"30m\" in quotes, and is 3600",
            ),
            ("[cache]\ncleanup-interval = \"1w\"", "and is \"1w\""),
            (
                "[cache]\nfile-count-soft-limit = \"1Ki\"",
                "\"64K\" in quotes, and is \"1Ki\"",
            ),
            (
                "[cache]\nfiles-total-size-soft-limit = \"99999999P\"",
                "and is \"99999999P\"",
            ),
            (
                "[cache]\nfile-count-limit-percent-if-deleting = \"70\"",
                "such as \"70%\"",
            ),
            (
                "[cache]\nfile-count-limit-percent-if-deleting = \"300%\"",
                "and is 300%",
            ),
            (
                "[cache]\nfile-count-limit-percent-if-deleting = \"101%\"",
                "not 101%",
            ),
            (
                "[cache]\nbaseline-compression-level = \"3\"",
                "without quotes",
            ),
            (
                "[cache]\nbaseline-compression-level = 22",
                "between 0 and 21, not 22",
            ),
            (
                "[cache]\noptimized-compression-level = 2",
                "(2) is below that of the baseline (3)",
            ),
            (
                "[cache]\ndirectory = \"here\"",
                "absolute path, and is here",
            ),
        ] {
            let read = CacheConfig::parse(text).and_then(|config| config.validate());
            let error = format!("{:#}", read.expect_err(text));
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
