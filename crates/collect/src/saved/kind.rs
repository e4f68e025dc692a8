//! What a saved file is, by its content: people name them as they like.

/// What was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A kernel's configuration, plain or gzip.
    Configuration,
    /// A kernel's command line.
    CommandLine,
    /// `sysctl -a`.
    Settings,
    /// `/proc/version` or `uname -a`: what the kernel calls itself.
    Release,
    /// `/etc/os-release`.
    System,
}

/// A command line is a line, and no long text: architectures allow for 4096 bytes at most.
const LONGEST_LINE: usize = 4096;

impl Kind {
    /// Tells a file, or says why it is none of these.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, &'static str> {
        const NONE: &str = "it is none of these: a kernel's configuration (plain or .gz), /proc/cmdline, the output of \
                            `sysctl -a`, /proc/version, /etc/os-release; of Talos: `talosctl get … -o yaml|json`, \
                            `talosctl list -l`, `talosctl processes`, files that `talosctl read` gave, omnictl's \
                            kernelargsstatus; a kubelet's /configz";
        if bytes.starts_with(&[0x1f, 0x8b]) {
            return Ok(Self::Configuration);
        }
        let Ok(text) = std::str::from_utf8(bytes) else { return Err(NONE) };
        let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
        let any = |test: fn(&str) -> bool| lines().any(test);
        if any(|line| line.starts_with("CONFIG_") && line.contains('=') || line.starts_with("# CONFIG_")) {
            return Ok(Self::Configuration);
        }
        if any(|line| line.starts_with("ID=")) && !any(|line| line.contains(" = ")) {
            return Ok(Self::System);
        }
        if any(super::sysctl::is_setting) {
            return Ok(Self::Settings);
        }
        let mut all = lines();
        match (all.next(), all.next()) {
            (Some(line), None) if line.starts_with("Linux ") => Ok(Self::Release),
            (Some(line), None) if line.len() <= LONGEST_LINE && is_command_line(line) => Ok(Self::CommandLine),
            (None, _) => Err("it is empty"),
            _ => Err(NONE),
        }
    }

    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Configuration => "a kernel's configuration",
            Self::CommandLine => "a kernel's command line",
            Self::Settings => "settings as `sysctl -a` tells them",
            Self::Release => "what a kernel calls itself",
            Self::System => "an os-release",
        }
    }

    /// Where the host itself has it.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Configuration => "/proc/config.gz",
            Self::CommandLine => "/proc/cmdline",
            Self::Settings => "/proc/sys",
            Self::Release => "/proc/version",
            Self::System => "/etc/os-release",
        }
    }
}

/// Whether a line is one that a kernel is started with: it says how the root is mounted, or sets something.
fn is_command_line(line: &str) -> bool {
    line.split_whitespace().any(|word| matches!(word, "ro" | "rw" | "quiet" | "nosmt") || word.contains('='))
}
