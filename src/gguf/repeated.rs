//! Layers that are used more than once, and rounds. llama.cpp multiplies these numbers without a look at what the product holds, and
//! then counts layers by it.

use super::hparams::{ArchKeys, Hparams};
use crate::error::Result;

impl ArchKeys<'_> {
    pub(super) fn repeated(&self, h: &Hparams) -> Result<()> {
        if !self.required {
            return Ok(());
        }
        match self.arch {
            "hrm_text" => self.cycles(h.block_count),
            "nanbeige" => self.loops(h.block_count),
            "deepseek4" | "glm5-next" => self.rounds(),
            _ => self.streams(h.block_count),
        }
    }

    /// Of one step of the graph, in which nobody can be asked whether it is still wanted. Real models take 20.
    fn rounds(&self) -> Result<()> {
        let name = "hyper_connection.sinkhorn_iterations";
        match self.u32(name)? {
            Some(n) if !(1..=1024).contains(&n) => Err(self.wrong(name, n, "1 to 1024")),
            _ => Ok(()),
        }
    }

    /// HRM counts a layer for each time that it is used.
    fn cycles(&self, layers: u32) -> Result<()> {
        let of = |name: &str| self.u32(name).map(|n| u64::from(n.unwrap_or(0)));
        let (stack, high, low) = (of("hrm.layers_per_stack")?, of("hrm.h_cycles")?, of("hrm.l_cycles")?);
        // Each below 2^32, so that three of them fit.
        let product = u128::from(stack) * u128::from(high) * (u128::from(low) + 1);
        if low == 0 || product != u128::from(layers) {
            let rule = format!(
                "such that hrm.layers_per_stack ({stack}), hrm.h_cycles and hrm.l_cycles ({low}, at least 1) plus 1 make \
                 block_count, {layers}"
            );
            return Err(self.wrong("hrm.h_cycles", high, rule));
        }
        Ok(())
    }

    fn loops(&self, layers: u32) -> Result<()> {
        match self.u32("num_loops")? {
            Some(n) if n == 0 || u64::from(n) * u64::from(layers) > 512 => {
                Err(self.wrong("num_loops", n, format!("1 to {}", 512 / layers.max(1))))
            }
            _ => Ok(()),
        }
    }

    /// Each stream of an image's vectors goes into a layer of its own.
    fn streams(&self, layers: u32) -> Result<()> {
        match self.u32("n_deepstack_layers")? {
            Some(n) if n > layers => {
                Err(self.wrong("n_deepstack_layers", n, format!("at most block_count, {layers}")))
            }
            _ => Ok(()),
        }
    }
}
