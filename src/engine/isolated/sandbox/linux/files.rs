//! Landlock: files may be read, and written in one folder; no connection is made, no other process signalled or looked into.

use std::path::Path;

use landlock::{
    path_beneath_rules, Access, AccessFs, AccessNet, BitFlags, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, Scope, ABI,
};

/// Holds the calling thread, and those that it will start. False where the kernel has no Landlock.
pub(super) fn hold(prefixes: Option<&Path>) -> Result<bool, String> {
    let abi = ABI::V6;
    let held = || {
        Ruleset::default()
            .handle_access(AccessFs::from_all(abi))?
            .handle_access(AccessNet::from_all(abi))?
            .scope(Scope::from_all(abi))?
            .create()?
            .add_rules(path_beneath_rules(["/"], AccessFs::ReadFile | AccessFs::ReadDir))?
            .add_rules(path_beneath_rules(prefixes, in_the_folder()))?
            .restrict_self()
    };
    let status = held().map_err(|e: RulesetError| e.to_string())?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

/// What the prefix cache does in its folder: it makes, writes, renames, reads and removes plain files. Others may come by
/// there, so no links, devices or folders.
fn in_the_folder() -> BitFlags<AccessFs> {
    AccessFs::ReadFile
        | AccessFs::ReadDir
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::RemoveFile
}
