//! What the sections of an object show.

use object::elf;
use object::read::elf::{SectionHeader, Sym};

use super::constructors;
use super::facts::Seen;
use super::linker_defined::is_c_identifier;
use crate::elf::ElfClass;

/// Adds the facts that the sections of an archive member show. `is_rust`: whether rustc made it.
pub(super) fn see_sections<'data, Class: ElfClass>(
    object: &'data [u8],
    is_rust: bool,
    seen: &mut Seen<'data>,
) -> object::read::Result<()> {
    let header = Class::parse(object)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, object)?;
    let symbols = sections.symbols(endian, object, elf::SHT_SYMTAB)?;
    let facts = &mut seen.facts;
    let mut kinds = symbols.iter().map(|symbol| symbol.st_type());
    facts.runs_by_itself |= kinds.any(|kind| kind == elf::STT_GNU_IFUNC);
    for (index, section) in sections.enumerate() {
        let name = sections.section_name(endian, section)?;
        if section.sh_flags(endian).contains(elf::SHF_TLS) {
            let size: u64 = section.sh_size(endian).into();
            facts.thread_local_bytes = facts.thread_local_bytes.saturating_add(size);
        }
        if runs_by_itself(section.sh_type(endian), name) {
            let constructors = match is_rust {
                true => constructors::in_section(object, &sections, index)?,
                false => None,
            };
            facts.runs_by_itself |= constructors.is_none();
            for (constructor, function) in constructors.into_iter().flatten() {
                facts.constructors.push(constructor);
                seen.functions.extend(function);
            }
        } else if section.sh_flags(endian).contains(elf::SHF_ALLOC) && is_c_identifier(name) {
            let name = String::from_utf8_lossy(name).into_owned();
            facts.gathered_sections.insert(name);
        }
    }
    Ok(())
}

/// Whether the linker puts such a section on the list of code to run at start or at exit (ELF gABI,
/// "Special Sections"; `.ctors` and `.dtors` are GCC's older form).
fn runs_by_itself(kind: elf::SectionType, name: &[u8]) -> bool {
    const PREFIXES: [&[u8]; 5] = [
        b".init_array",
        b".fini_array",
        b".preinit_array",
        b".ctors",
        b".dtors",
    ];
    matches!(
        kind,
        elf::SHT_INIT_ARRAY | elf::SHT_FINI_ARRAY | elf::SHT_PREINIT_ARRAY
    ) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || name == b".init"
        || name == b".fini"
}
