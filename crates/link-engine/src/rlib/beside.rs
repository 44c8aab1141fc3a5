//! The facts of an archive that is linked beside an rlib.

use super::RlibFacts;

impl RlibFacts {
    /// Adds the facts of an archive that is linked beside the rlib. The offsets of symbols stay
    /// those in the rlib. Weak references from one to the other count even if there is a strong one
    /// beside them. Nothing marks constructors in an archive as used, so they count as ones that we
    /// do not understand.
    pub(crate) fn add_archive(&mut self, archive: &RlibFacts) {
        let others = archive.clone();
        self.unmangled_definitions
            .extend(others.unmangled_definitions);
        self.unmangled_references
            .extend(others.unmangled_references);
        self.weak_references.extend(others.weak_references);
        let references = &self.unmangled_references;
        self.weak_references
            .retain(|name| !references.contains(name));
        let definitions = &self.unmangled_definitions;
        let to_itself = self.weak_references.intersection(definitions).cloned();
        self.weak_references_to_itself
            .extend(to_itself.chain(others.weak_references_to_itself));
        for references in [&mut self.unmangled_references, &mut self.weak_references] {
            references.retain(|name| !definitions.contains(name));
        }
        self.shared_state.add(others.shared_state);
        self.has_shared_definitions |= others.has_shared_definitions;
        self.weak_definition = self.weak_definition.take().or(others.weak_definition);
        self.provides_allocator |= others.provides_allocator;
        self.runs_by_itself |= others.runs_by_itself || !others.constructors.is_empty();
        self.gathered_sections.extend(others.gathered_sections);
        self.thread_local_bytes = self
            .thread_local_bytes
            .saturating_add(others.thread_local_bytes);
        self.foreign_member = self.foreign_member.take().or(others.foreign_member);
    }
}
